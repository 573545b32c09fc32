// Finds out how a CSV file is written from its first part: delimiter, quotes, escapes, line ends,
// leading lines that are no data, the header. Pure; called by csv_plan once per file.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "source/csv_scanner.h"
#include "source/file_options.h"

namespace millpond::source {

/// What the first part of a file told.
struct CsvShape {
  Dialect dialect;
  size_t columns = 0;
  bool header = false;
  bool fill = false;               ///< Short rows are padded.
  std::vector<std::string> names;  ///< As found; empty texts where there is no header.
  size_t data_offset = 0;          ///< Of the first data row in the decoded text.
  int64_t data_line = 1;           ///< Its physical line, 1-based.
  std::string header_why;
  std::vector<std::string> warnings;
};

/// `head` begins at the start of the file; `complete`: it is the whole file. Columns are 0 where
/// there is no row at all.
CsvShape DetectCsvShape(std::string_view head, bool complete, const FileOptions& options);

}  // namespace millpond::source
