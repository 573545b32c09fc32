// The checked-out commit of a git work tree, from its files: no git program is run, so this costs
// nothing and works where git is not installed.
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "base/text.h"
#include "track/runs.h"

namespace millpond::track {
namespace {

namespace fs = std::filesystem;

constexpr size_t kLongestFile = 16 << 20;  // packed-refs of very large repositories.

std::string ReadText(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::string text;
  std::array<char, 4096> piece{};
  while (in && text.size() < kLongestFile) {
    in.read(piece.data(), piece.size());
    text.append(piece.data(), static_cast<size_t>(in.gcount()));
  }
  return text;
}

bool IsCommit(std::string_view text) {
  return (text.size() == 40 || text.size() == 64) &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

/// The .git folder for `folder`: its own, a parent's, or where a work tree's .git file points.
fs::path GitFolder(const std::string& folder) {
  std::error_code error;
  fs::path at = fs::absolute(folder, error);
  while (!error && !at.empty()) {
    const fs::path git = at / ".git";
    if (fs::is_directory(git, error)) return git;
    if (fs::is_regular_file(git, error)) {
      const std::string text = ReadText(git);
      constexpr std::string_view kPrefix = "gitdir:";
      if (!text.starts_with(kPrefix)) return {};
      return at / fs::path(std::string(base::Trim(std::string_view(text).substr(kPrefix.size()))));
    }
    error.clear();
    if (at == at.root_path()) break;
    at = at.parent_path();
  }
  return {};
}

std::string FromPackedRefs(const fs::path& git, const std::string& ref) {
  for (const std::string& line : base::Split(ReadText(git / "packed-refs"), '\n')) {
    const size_t space = line.find(' ');
    if (space != std::string::npos && base::Trim(std::string_view(line).substr(space + 1)) == ref) {
      return line.substr(0, space);
    }
  }
  return "";
}

}  // namespace

std::string GitCommitOf(const std::string& folder) {
  const fs::path git = GitFolder(folder);
  if (git.empty()) return "";
  const std::string head(base::Trim(ReadText(git / "HEAD")));
  constexpr std::string_view kRef = "ref: ";
  if (!head.starts_with(kRef)) return IsCommit(head) ? head : "";
  const std::string ref(base::Trim(std::string_view(head).substr(kRef.size())));
  // Branches of a linked work tree live in the main repository's folder.
  const std::string shared(base::Trim(ReadText(git / "commondir")));
  const fs::path refs = shared.empty() ? git : git / shared;
  for (const fs::path& place : {git, refs}) {
    std::string commit(base::Trim(ReadText(place / ref)));
    if (IsCommit(commit)) return commit;
    commit = FromPackedRefs(place, ref);
    if (IsCommit(commit)) return commit;
  }
  return "";
}

}  // namespace millpond::track
