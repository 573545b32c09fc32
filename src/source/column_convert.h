// Turns one column of text cells into an Arrow array; cells that do not fit are noted, not fatal.
// The CSV workers call it per column and block, the JSON reader for dates and times. Pure
// functions: safe on many threads.
#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "source/csv_scanner.h"

namespace millpond::source {

/// A column inside row-major fields: cell i is first[i * stride].
struct CellColumn {
  const char* text = nullptr;   ///< Base of fields that are slices of the text.
  const char* arena = nullptr;  ///< Base of those that were unquoted.
  const Field* first = nullptr;
  size_t stride = 1;
  size_t count = 0;

  const Field& field(size_t row) const { return first[row * stride]; }
  std::string_view value(const Field& field) const {
    return {(field.in_arena ? arena : text) + field.begin, field.size};
  }
};

/// How the cells of a column become values.
struct ColumnRules {
  std::shared_ptr<arrow::DataType> type;
  std::vector<std::string>
      null_markers;             ///< Texts that mean null; an empty unquoted cell always does.
  bool string_markers = false;  ///< The markers hold for string columns too.
  bool trim = false;  ///< White space around strings is dropped (around other types it always is).
  char decimal_point = '.';
};

/// kInvalid where cells of text cannot become `type` (nested types).
Status CheckTextType(const arrow::DataType& type, std::string_view column);

/// Rows whose cell does not fit are null in the array and appended to `bad_rows` in ascending
/// order. `valid_utf8`: the caller knows that every cell is valid UTF-8.
Result<std::shared_ptr<arrow::Array>> ConvertColumn(const CellColumn& cells,
                                                    const ColumnRules& rules, bool valid_utf8,
                                                    std::vector<uint32_t>* bad_rows);

}  // namespace millpond::source
