// The memory of an incremental sync over files: what was read, so that only new files (or the new
// end of a file) are read next time. As JSON: {"files": {path: {"size", "modified_ms", "hash",
// "lines"}}}. The hash is "all:…" over every byte; cursors of earlier versions hold one without
// "all:", over the size and the first and last 64 KiB, which is still understood. Used by
// file_source.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/context.h"
#include "base/error.h"
#include "base/json.h"
#include "source/file_list.h"
#include "source/file_options.h"

namespace millpond::source {

/// "all:" and the XXH3-128 over the size and the XXH3-128 values of all 4 MiB blocks of the first
/// `size` bytes of a file.
Result<std::string> Fingerprint(const InputFile& file, int64_t size, const base::Context& context);

class FileCursor {
 public:
  /// Null gives an empty cursor; anything not written by ToJson is kInvalid.
  static Result<FileCursor> Parse(const base::Json& json);

  /// The files that are new or changed, ready to be read. A file that differs from what was read is
  /// kConflict, or is treated as `changed` says: reload reads it from the start, append reads what
  /// was added (text formats whose old part is untouched).
  Result<std::vector<InputFile>> Select(const std::vector<InputFile>& files, Changed changed,
                                        FileFormat format, const base::Context& context) const;

  /// Records that these files are read as listed. Called before reading, so that later changes are
  /// noticed.
  Status Note(const std::vector<InputFile>& files, const base::Context& context);

  /// Records how many physical lines a file has.
  void NoteLines(const std::string& path, int64_t lines);

  base::Json ToJson() const;

 private:
  struct State {
    int64_t size = 0;
    int64_t modified_ms = 0;
    std::string hash;
    int64_t lines = 0;
  };
  /// Whether the first `before.size` bytes of the file are those that were read.
  static Result<bool> Holds(const InputFile& file, const State& before,
                            const base::Context& context);
  static Result<InputFile> Continue(const InputFile& file, const State& before, FileFormat format,
                                    const base::Context& context);

  std::map<std::string, State> files_;
};

}  // namespace millpond::source
