// Small results as JSON values: aggregates, samples, settings of a query that fit in memory. Used
// by the rooms above for what they compute in SQL; large results stay Arrow streams.
#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/context.h"
#include "base/error.h"
#include "base/json.h"
#include "query/session.h"

namespace millpond::query {

/// One cell. Integers, finite floats, booleans and text as themselves; decimals as numbers where
/// that loses nothing that a double holds, else as text; NaN and infinities as text; dates and
/// times in ISO 8601; binary as "0x…" of its first 64 bytes; lists as arrays, structs and maps as
/// text.
Result<base::Json> CellOf(const arrow::Array& column, int64_t row);

using ResultRow = std::vector<base::Json>;

/// Runs `sql` and gathers its rows; kExhausted above `limit` rows.
Result<std::vector<ResultRow>> RowsOf(Session& session, const std::string& sql,
                                      const SqlOptions& options, const base::Context& context,
                                      int64_t limit = 100000);

}  // namespace millpond::query
