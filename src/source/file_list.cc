// Listing by std::filesystem (error codes only, never its exceptions) and a glob matcher without
// recursion in the stars.
#include "source/file_list.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <functional>
#include <set>
#include <utility>

#include "base/text.h"

namespace millpond::source {
namespace {

namespace fs = std::filesystem;
using base::NotFound;

constexpr size_t kSkippedShown = 20;

bool MatchSet(std::string_view pattern, size_t* at, char c, bool* valid) {
  size_t i = *at + 1;
  const bool negate = i < pattern.size() && (pattern[i] == '!' || pattern[i] == '^');
  if (negate) ++i;
  bool hit = false;
  const size_t first = i;
  for (; i < pattern.size() && (pattern[i] != ']' || i == first); ++i) {
    if (i + 2 < pattern.size() && pattern[i + 1] == '-' && pattern[i + 2] != ']') {
      hit = hit || (pattern[i] <= c && c <= pattern[i + 2]);
      i += 2;
    } else {
      hit = hit || pattern[i] == c;
    }
  }
  *valid = i < pattern.size();
  if (*valid) *at = i + 1;
  return hit != negate;
}

/// One part of a path against one part of a pattern: the star backtracks to the last one only.
bool MatchPart(std::string_view pattern, std::string_view text) {
  size_t p = 0, t = 0, star = std::string_view::npos, mark = 0;
  while (t < text.size()) {
    bool matched = false;
    size_t next = p + 1;
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      mark = t;
      continue;
    }
    if (p < pattern.size() && pattern[p] == '[') {
      bool valid = false;
      next = p;
      matched = MatchSet(pattern, &next, text[t], &valid);
      if (!valid) {
        next = p + 1;
        matched = text[t] == '[';
      }
    } else if (p < pattern.size()) {
      matched = pattern[p] == '?' || pattern[p] == text[t];
    }
    if (matched) {
      p = next;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++mark;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

bool IsHidden(const std::string& name) { return name.starts_with('.') || name.starts_with('_'); }

Result<InputFile> Look(const std::string& path, const std::string& shown) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) return base::FromErrno(errno, shown);
  InputFile file;
  file.path = path;
  file.shown = shown;
  file.size = info.st_size;
  file.modified_ms = int64_t{info.st_mtim.tv_sec} * 1000 + info.st_mtim.tv_nsec / 1000000;
  return file;
}

/// Finds the files of a folder. Links to folders are followed after everything else, in order of
/// their names, and no folder is read twice: not in loops, and not by two ways.
class Walker {
 public:
  /// `take` gets each regular file's absolute path and its path below the root.
  using Take = std::function<Status(const std::string& path, const std::string& below)>;

  Walker(fs::path root, const base::Context& context, FileList* list, Take take)
      : root_(std::move(root)), context_(context), list_(list), take_(std::move(take)) {}

  Status Run() {
    std::error_code error;
    real_root_ = fs::canonical(root_, error);
    if (error) return base::FromErrno(error.value(), "list " + root_.string());
    ARROW_RETURN_NOT_OK(WalkFolder(root_));
    while (!links_.empty()) {
      const fs::path link = *links_.begin();
      links_.erase(links_.begin());
      ARROW_RETURN_NOT_OK(Follow(link));
    }
    return Status::OK();
  }

 private:
  static bool IsWithin(const fs::path& path, const fs::path& folder) {
    return std::mismatch(folder.begin(), folder.end(), path.begin(), path.end()).first ==
           folder.end();
  }

  void Skip(const fs::path& path, std::string_view why) {
    if (list_->skipped.size() < kSkippedShown)
      list_->skipped.push_back(fmt::format("{}: {}", path.string(), why));
  }

  Status Follow(const fs::path& link) {
    std::error_code error;
    const fs::path target = fs::canonical(link, error);
    if (error) return base::FromErrno(error.value(), "follow " + link.string());
    if (IsWithin(real_root_, target) && target != real_root_) {
      Skip(link, "a link to a folder that holds this one, not followed");
    } else if (IsWithin(target, real_root_) || entered_.contains(target)) {
      Skip(link, "a link to a folder that is read anyway, not followed");
    } else {
      return WalkFolder(link);
    }
    return Status::OK();
  }

  Status WalkFolder(const fs::path& folder) {
    std::error_code error;
    const fs::path real = fs::canonical(folder, error);
    if (!error) entered_.insert(real);
    fs::recursive_directory_iterator walk(folder, error), end;
    if (error) return base::FromErrno(error.value(), "list " + folder.string());
    while (walk != end) {
      ARROW_RETURN_NOT_OK(context_.CheckStop());
      const fs::path path = walk->path();
      const bool is_folder = walk->is_directory(error);
      if (IsHidden(path.filename().string())) {
        if (is_folder) walk.disable_recursion_pending();
        Skip(path, "hidden");
      } else if (is_folder && walk->is_symlink(error)) {
        links_.insert(path);
      } else if (is_folder) {
        const bool first = entered_.insert(real / path.lexically_relative(folder)).second;
        if (!first) walk.disable_recursion_pending();
      } else if (walk->is_regular_file(error)) {
        ARROW_RETURN_NOT_OK(take_(path.string(), path.lexically_relative(root_).string()));
      }
      walk.increment(error);
      if (error) return base::FromErrno(error.value(), "list " + folder.string());
    }
    return Status::OK();
  }

  const fs::path root_;
  const base::Context& context_;
  FileList* list_;
  const Take take_;
  fs::path real_root_;
  std::set<fs::path> entered_;  ///< Without links in them.
  std::set<fs::path> links_;    ///< To be followed.
};

std::string Absolute(const std::string& path) {
  std::error_code error;
  const fs::path absolute = fs::absolute(path, error);
  std::string text = (error ? fs::path(path) : absolute).lexically_normal().string();
  if (text.size() > 1 && text.back() == '/') text.pop_back();
  return text;
}

/// The part of a glob before its first part with a star.
std::string FixedRoot(const std::string& pattern) {
  const size_t star = pattern.find_first_of("*?[");
  const size_t slash = pattern.rfind('/', star);
  return slash == std::string::npos || slash == 0 ? "/" : pattern.substr(0, slash);
}

void Sort(FileList* list) {
  std::sort(list->files.begin(), list->files.end(),
            [](const InputFile& a, const InputFile& b) { return a.path < b.path; });
}

Status ListGlob(const std::string& pattern, const std::string& written,
                const base::Context& context, FileList* list) {
  list->root = FixedRoot(pattern);
  std::error_code error;
  if (!fs::is_directory(list->root, error))
    return NotFound("{}: the folder {} does not exist", written, list->root);
  // What the user wrote before the fixed root, so that paths are shown as they would write them.
  const std::string shown_root =
      written.starts_with('/') ? list->root : FixedRoot("/" + written).substr(1);
  const auto take = [&](const std::string& path, const std::string& below) -> Status {
    if (!MatchGlob(pattern, path)) return Status::OK();
    const std::string shown = shown_root.empty() ? below : (fs::path(shown_root) / below).string();
    ARROW_ASSIGN_OR_RAISE(auto file, Look(path, shown));
    list->files.push_back(std::move(file));
    return Status::OK();
  };
  ARROW_RETURN_NOT_OK(Walker(list->root, context, list, take).Run());
  list->skipped.clear();
  if (list->files.empty())
    return NotFound("no file matches {}: check the pattern (** goes through folders)", written);
  return Status::OK();
}

}  // namespace

bool IsGlob(std::string_view text) { return text.find_first_of("*?[") != std::string_view::npos; }

bool MatchGlob(std::string_view pattern, std::string_view path) {
  const std::vector<std::string> wanted = base::Split(pattern, '/');
  const std::vector<std::string> parts = base::Split(path, '/');
  // reachable[i]: the pattern's first `w` parts match the path's first i parts.
  std::vector<char> reachable(parts.size() + 1, 0);
  reachable[0] = 1;
  for (const std::string& want : wanted) {
    std::vector<char> next(parts.size() + 1, 0);
    for (size_t i = 0; i <= parts.size(); ++i) {
      if (want == "**") {
        next[i] = static_cast<char>(reachable[i] || (i > 0 && next[i - 1]));
      } else if (i > 0) {
        next[i] = static_cast<char>(reachable[i - 1] && MatchPart(want, parts[i - 1]));
      }
    }
    reachable = std::move(next);
  }
  return reachable[parts.size()] != 0;
}

Result<FileList> ListFiles(const std::string& path, const base::Context& context) {
  FileList list;
  const std::string absolute = Absolute(path);
  std::error_code error;
  const fs::file_status status = fs::status(absolute, error);
  list.name = fs::path(absolute).filename().string();
  if (fs::is_directory(status)) {
    list.is_folder = true;
    list.root = absolute;
    const auto take = [&](const std::string& file, const std::string& below) -> Status {
      ARROW_ASSIGN_OR_RAISE(auto found, Look(file, (fs::path(path) / below).string()));
      list.files.push_back(std::move(found));
      return Status::OK();
    };
    ARROW_RETURN_NOT_OK(Walker(absolute, context, &list, take).Run());
    if (list.files.empty()) return NotFound("{} holds no files (hidden ones are not read)", path);
  } else if (fs::is_regular_file(status)) {
    ARROW_ASSIGN_OR_RAISE(auto file, Look(absolute, path));
    list.root = fs::path(absolute).parent_path().string();
    list.files.push_back(std::move(file));
  } else if (fs::exists(status)) {
    return base::Invalid("{} is neither a file nor a folder: devices and pipes cannot be read",
                         path);
  } else if (IsGlob(path)) {
    ARROW_RETURN_NOT_OK(ListGlob(absolute, path, context, &list));
  } else if (status.type() == fs::file_type::not_found) {
    return NotFound("{} does not exist", path);
  } else {
    return base::FromErrno(error.value(), path);
  }
  Sort(&list);
  return list;
}

}  // namespace millpond::source
