// Rows that a caller brings along, as a table that one query can name: read once into DuckDB, which
// keeps them within its memory limit. Called by session.cc.
#pragma once

#include <arrow/type_fwd.h>

#include <string>

#include "base/context.h"
#include "base/error.h"
#include "query/engine.h"

namespace millpond::query {

/// Makes the table `catalog`.main.`name` of all rows of `reader`. Types become what tables hold
/// (table::StorableSchema); kInvalid names a column that has no such type.
Status LoadRows(Connection& connection, const std::string& catalog, const std::string& name,
                arrow::RecordBatchReader& reader, const base::Context& context);

}  // namespace millpond::query
