// The CSV worker: a piece of text to a batch and rejects. Made by csv_plan.
#pragma once

#include <arrow/type_fwd.h>

#include <memory>
#include <string>
#include <vector>

#include "source/column_convert.h"
#include "source/piece_reader.h"

namespace millpond::source {

/// What a worker must know of one file.
struct CsvFile {
  std::string shown;
  Dialect dialect;
  size_t columns = 0;
  bool fill = false;
  std::vector<int> position;  ///< For each column of the stream: its position in this file, or -1.
};

/// `rules` and `schema` have one entry per column of the stream.
std::unique_ptr<PieceConverter> MakeCsvConverter(std::vector<CsvFile> files,
                                                 std::shared_ptr<arrow::Schema> schema,
                                                 std::vector<ColumnRules> rules);

}  // namespace millpond::source
