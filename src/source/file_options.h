// The options of file sources: SourceOptions' text pairs, checked and typed. Every format's plan
// reads this one struct.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "source/source.h"

namespace millpond::source {

enum class FileFormat { kUnknown, kCsv, kJson, kParquet, kArrow, kText, kImages };

/// "csv", "json"…
std::string_view FormatName(FileFormat format);

enum class Changed { kRefuse, kReload, kAppend };

/// All options of all formats; one that a format does not have is refused (see
/// docs/guide/sync-files.md).
struct FileOptions {
  SourceOptions common;
  FileFormat format = FileFormat::kUnknown;

  // Any format.
  Changed changed =
      Changed::kRefuse;     ///< What to do with a file that was read before and differs now.
  std::string compression;  ///< "", "none", "gzip", "zstd"; empty: by name and first bytes.

  // CSV, JSON and text.
  int64_t sample_bytes = 1 << 20;
  int64_t max_row_bytes = 16 << 20;
  std::string encoding;  ///< Empty: detected.

  // CSV.
  std::optional<char> delimiter, quote, escape;  ///< Quote 0: no quoting.
  std::optional<bool> header;
  std::vector<std::string> names;
  std::optional<std::vector<std::string>> null_values;
  std::optional<int64_t> skip_rows;
  bool trim = false;
  bool fill_ragged = false;
  char decimal_point = '.';
  double type_tolerance = 0;

  // JSON.
  bool ignore_unknown_keys = false;

  // Parquet and Arrow.
  bool truncate_ns = false;
  bool time_as_string = false;

  // Text.
  bool whole_files = false;
};

/// kInvalid names the option, what it may be, and the nearest known one.
Result<FileOptions> ParseFileOptions(const SourceOptions& options);

/// Checks that every given option belongs to `format`; called once the format is known.
Status CheckOptionsFor(FileFormat format, const SourceOptions& options);

}  // namespace millpond::source
