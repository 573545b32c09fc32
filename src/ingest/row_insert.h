// INSERT INTO t SELECT …: the rows of a query, in the types of the table's columns. Used by
// row_change.cc.
#pragma once

#include "base/context.h"
#include "base/error.h"
#include "ingest/row_change.h"

namespace millpond::ingest {

/// Columns go by the statement's list, by name (BY NAME), or by position over all columns of the
/// table or all but sample_id. Columns that get no value are null; rows without one are numbered.
Result<RowChangeOutcome> InsertRows(query::Session& session,
                                    const query::ChangeStatement& statement,
                                    const RowChangeOptions& options, const base::Context& context);

}  // namespace millpond::ingest
