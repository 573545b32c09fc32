// Brings Arrow data of any origin to the types that a table may hold: bool, int32, int64, float,
// double, decimal128, date32, timestamp[us] with UTC or without zone, string, binary,
// fixed_size_binary, list, struct, map. Used by columnar_plan. Pure.
#pragma once

#include <arrow/type_fwd.h>

#include <memory>
#include <string>
#include <vector>

#include "base/error.h"

namespace millpond::source {

struct NormaliseOptions {
  bool truncate_ns = false;     ///< Cut nanoseconds to microseconds instead of refusing them.
  bool time_as_string = false;  ///< Times of day become text instead of being refused.
};

/// The type that data of `type` becomes. kInvalid names the column and says what to do where there
/// is none. What changes in meaning (not only in width) is told in `notes`.
Result<std::shared_ptr<arrow::DataType>> NormaliseType(const std::shared_ptr<arrow::DataType>& type,
                                                       const std::string& column,
                                                       const NormaliseOptions& options,
                                                       std::vector<std::string>* notes);

/// The array as `target`, which must be what NormaliseType gave for its type. Values that would
/// change are refused (kInvalid).
Result<std::shared_ptr<arrow::Array>> NormaliseArray(const std::shared_ptr<arrow::Array>& array,
                                                     const std::shared_ptr<arrow::DataType>& target,
                                                     const std::string& column,
                                                     const NormaliseOptions& options);

}  // namespace millpond::source
