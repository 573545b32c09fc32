// The JSON worker: a piece of values to a batch and rejects. A fast attempt with Arrow's block
// parser; where that refuses anything, the careful way value by value. Made by json_plan.
#pragma once

#include <arrow/type_fwd.h>

#include <memory>
#include <string>
#include <vector>

#include "source/json_split.h"
#include "source/piece_reader.h"

namespace millpond::source {

struct JsonRules {
  std::shared_ptr<arrow::Schema> schema;  ///< Clean column names.
  std::vector<std::string> keys;          ///< The JSON key of each column.
  bool ignore_unknown_keys = false;
};

/// `files[i]` is shown in rejects of file i, `layouts[i]` is how it is laid out.
std::unique_ptr<PieceConverter> MakeJsonConverter(std::vector<std::string> files,
                                                  std::vector<JsonLayout> layouts, JsonRules rules);

}  // namespace millpond::source
