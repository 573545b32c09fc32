// Arrow rows as text for people and other programs: JSON values, JSON Lines, CSV, Arrow IPC.
#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

#include "base/context.h"
#include "base/error.h"
#include "base/json.h"

namespace millpond::api {

/// One cell. Integers, finite floats, booleans and strings as themselves; decimals, dates,
/// timestamps (ISO 8601), NaN and infinities as strings; binary as base64; lists as arrays; structs
/// as objects; maps as arrays of {"key", "value"}.
Result<base::Json> CellToJson(const arrow::Array& column, int64_t row);

/// One row as an object, columns in order.
Result<base::OrderedJson> RowToJson(const arrow::RecordBatch& batch, int64_t row);

/// Arrow IPC as a stream, or as a file that can be read at any place.
enum class RowFormat { kJson, kJsonLines, kCsv, kTsv, kArrow, kArrowFile };
Result<RowFormat> ParseRowFormat(std::string_view name);

/// Streams all rows to `out` in bounded memory; returns how many.
Result<int64_t> WriteRows(arrow::RecordBatchReader& reader, RowFormat format, std::FILE* out,
                          const base::Context& context);

}  // namespace millpond::api
