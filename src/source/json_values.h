// The careful way from JSON to Arrow: one parsed value at a time, checked against a type before
// anything is appended. Used for pieces that the fast parser refused, to find and reject exactly
// the rows at fault.
#pragma once

#include <arrow/table_builder.h>
#include <arrow/type_fwd.h>

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/json.h"

namespace millpond::source {

/// Why a value does not fit a type, and where inside it; `reason` is empty where it fits.
struct JsonMisfit {
  std::string path;
  std::string reason;
};

/// Strings take any value (as its JSON text). Null fits everything. Keys that a struct does not
/// have are a misfit unless ignored; so is a whole number that a float or double would round.
/// `raw` is the value's text: decimals and strings take their digits from it.
JsonMisfit CheckJson(const base::Json& value, std::string_view raw, const arrow::DataType& type,
                     bool ignore_unknown_keys);

/// Appends a value that CheckJson found to fit.
Status AppendJson(const base::Json& value, std::string_view raw, const arrow::DataType& type,
                  arrow::ArrayBuilder* builder);

/// Appends a row to the builders of a schema's columns; keys[i] is the JSON key of column i, `raws`
/// the row's RawMembers.
Status AppendJsonRow(const base::Json& row, const std::map<std::string, std::string_view>& raws,
                     const std::vector<std::string>& keys, const arrow::Schema& schema,
                     arrow::RecordBatchBuilder* builder);

}  // namespace millpond::source
