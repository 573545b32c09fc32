// Fingerprints and the decision about files that were seen before.
#include "source/file_cursor.h"

#include <algorithm>

#include "base/hash.h"
#include "source/byte_input.h"

namespace millpond::source {
namespace {

using base::Conflict;
using base::Json;

constexpr int64_t kEdgeBytes = 64 << 10;
constexpr std::string_view kOrigin = "source cursor";

constexpr int64_t kBlockBytes = 4 << 20;
constexpr std::string_view kWholeMark = "all:";

/// What earlier versions noted: a change between the ends goes unseen.
Result<std::string> EdgesHash(const InputFile& file, int64_t size) {
  InputFile part = file;
  part.size = std::min(size, file.size);
  ARROW_ASSIGN_OR_RAISE(std::string bytes, ReadRange(part, 0, kEdgeBytes));
  ARROW_ASSIGN_OR_RAISE(std::string last,
                        ReadRange(part, std::max<int64_t>(0, size - kEdgeBytes), kEdgeBytes));
  bytes += last;
  bytes += std::to_string(size);
  return base::Hash128Hex(bytes);
}

}  // namespace

Result<std::string> Fingerprint(const InputFile& file, int64_t size, const base::Context& context) {
  InputFile part = file;
  part.size = std::min(size, file.size);
  std::string hashes;
  for (int64_t at = 0; at < part.size; at += kBlockBytes) {
    ARROW_RETURN_NOT_OK(context.CheckStop());
    ARROW_ASSIGN_OR_RAISE(const std::string block, ReadRange(part, at, kBlockBytes));
    hashes += base::Hash128Hex(block);
  }
  return std::string(kWholeMark) + base::Hash128Hex(hashes + std::to_string(size));
}

Result<bool> FileCursor::Holds(const InputFile& file, const State& before,
                               const base::Context& context) {
  const bool whole = before.hash.starts_with(kWholeMark);
  ARROW_ASSIGN_OR_RAISE(const std::string hash, whole ? Fingerprint(file, before.size, context)
                                                      : EdgesHash(file, before.size));
  return hash == before.hash;
}

Result<FileCursor> FileCursor::Parse(const Json& json) {
  FileCursor cursor;
  if (json.is_null()) return cursor;
  const auto files = json.is_object() ? json.find("files") : json.end();
  if (!json.is_object() || files == json.end() || !files->is_object())
    return base::Invalid(
        "the cursor of this source is not one of files: forget it to read everything again");
  for (const auto& [path, entry] : files->items()) {
    State state;
    ARROW_ASSIGN_OR_RAISE(state.size, base::GetInt(entry, "size", kOrigin));
    ARROW_ASSIGN_OR_RAISE(state.modified_ms, base::GetInt(entry, "modified_ms", kOrigin));
    ARROW_ASSIGN_OR_RAISE(state.hash, base::GetString(entry, "hash", kOrigin));
    ARROW_ASSIGN_OR_RAISE(auto lines, base::FindInt(entry, "lines", kOrigin));
    state.lines = lines.value_or(0);
    cursor.files_[path] = std::move(state);
  }
  return cursor;
}

Result<InputFile> FileCursor::Continue(const InputFile& file, const State& before,
                                       FileFormat format, const base::Context& context) {
  const auto refuse = [&](std::string_view why) {
    return Conflict("{} cannot be appended: {}. Set changed=reload to read the whole file again",
                    file.shown, why);
  };
  if (format != FileFormat::kCsv && format != FileFormat::kJson && format != FileFormat::kText)
    return refuse(fmt::format("a {} file has no end to add rows to", FormatName(format)));
  ARROW_ASSIGN_OR_RAISE(Compression compression, DetectCompression(file, ""));
  if (compression != Compression::kNone) return refuse("it is compressed");
  if (file.size < before.size)
    return refuse(
        fmt::format("it became shorter ({} bytes before, {} now)", before.size, file.size));
  ARROW_ASSIGN_OR_RAISE(const bool holds, Holds(file, before, context));
  if (!holds) return refuse("the part that was read before has changed");
  if (before.size > 0) {
    ARROW_ASSIGN_OR_RAISE(std::string last,
                          ReadRange(file, std::max<int64_t>(0, before.size - 2), 2));
    const bool ends_row = last.find_first_of("\n\r") != std::string::npos;
    if (!ends_row) return refuse("its last row had no line end when it was read");
  }
  InputFile rest = file;
  rest.start = before.size;
  rest.start_line = before.lines + 1;
  return rest;
}

Result<std::vector<InputFile>> FileCursor::Select(const std::vector<InputFile>& files,
                                                  Changed changed, FileFormat format,
                                                  const base::Context& context) const {
  std::vector<InputFile> selected;
  for (const InputFile& file : files) {
    ARROW_RETURN_NOT_OK(context.CheckStop());
    const auto found = files_.find(file.path);
    if (found == files_.end()) {
      selected.push_back(file);
      continue;
    }
    const State& before = found->second;
    if (before.size == file.size && before.modified_ms == file.modified_ms) continue;
    if (before.size == file.size) {
      ARROW_ASSIGN_OR_RAISE(const bool holds, Holds(file, before, context));
      if (holds) continue;
    }
    if (changed == Changed::kRefuse)
      return Conflict(
          "{} was read before and has changed since ({} bytes then, {} now): set changed=append to "
          "read only the rows "
          "added at its end, or changed=reload to read the whole file again as new rows",
          file.shown, before.size, file.size);
    if (changed == Changed::kReload) {
      selected.push_back(file);
    } else {
      ARROW_ASSIGN_OR_RAISE(InputFile rest, Continue(file, before, format, context));
      selected.push_back(std::move(rest));
    }
  }
  return selected;
}

Status FileCursor::Note(const std::vector<InputFile>& files, const base::Context& context) {
  for (const InputFile& file : files) {
    ARROW_RETURN_NOT_OK(context.CheckStop());
    ARROW_ASSIGN_OR_RAISE(std::string hash, Fingerprint(file, file.size, context));
    files_[file.path] = {file.size, file.modified_ms, std::move(hash), 0};
  }
  return Status::OK();
}

void FileCursor::NoteLines(const std::string& path, int64_t lines) { files_[path].lines = lines; }

Json FileCursor::ToJson() const {
  Json files = Json::object();
  for (const auto& [path, state] : files_) {
    Json entry = {{"size", state.size}, {"modified_ms", state.modified_ms}, {"hash", state.hash}};
    if (state.lines > 0) entry["lines"] = state.lines;
    files[path] = std::move(entry);
  }
  return Json{{"files", std::move(files)}};
}

}  // namespace millpond::source
