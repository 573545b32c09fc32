// Which files a path, glob or folder means. Called by file_source before anything is read; results
// are sorted by path.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/context.h"
#include "base/error.h"

namespace millpond::source {

/// One local file as it was when it was listed; a reader never looks beyond `size`.
struct InputFile {
  std::string path;   ///< Absolute, lexically normal: the key in cursors.
  std::string shown;  ///< As the user wrote it: in errors and rejects.
  int64_t size = 0;
  int64_t modified_ms = 0;
  int64_t start = 0;       ///< Read from here (a file that grew and is appended).
  int64_t start_line = 1;  ///< Physical line at `start`.
};

/// The files of one path.
struct FileList {
  std::vector<InputFile> files;
  std::string root;                  ///< Folder above all of them, absolute.
  std::string name;                  ///< Last part of the path as written: names the stream.
  std::vector<std::string> skipped;  ///< "notes/.DS_Store: hidden"
  bool is_folder = false;
};

/// Whether `text` has glob characters (* ? [).
bool IsGlob(std::string_view text);

/// Glob match of one whole path, part by part: `*`, `?`, `[a-z]`, `[!a-z]` stay inside a part; a
/// part `**` is any number of parts.
bool MatchGlob(std::string_view pattern, std::string_view path);

/// A file that exists wins over a glob of the same letters. Folders are walked to the bottom;
/// hidden files and those that begin with '_' are skipped. Links to folders are followed, but no
/// folder is read twice. kNotFound where nothing is there or nothing matches.
Result<FileList> ListFiles(const std::string& path, const base::Context& context);

}  // namespace millpond::source
