// The SELECT that finds the rows of a change: which row of which file, what becomes of it, and its
// new values. Made from a ChangeStatement by row_change.cc. Pure text but for asking the session
// about schemas.
#pragma once

#include <arrow/type_fwd.h>

#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "query/change_statement.h"
#include "query/session.h"
#include "table/row_delta.h"

namespace millpond::ingest {

enum class RowAction {
  kNothing,
  kDelete,
  kUpdate,
  kInsert,
  kRefuse,  ///< Such a row must not be: the change fails.
};

struct RowSelection {
  /// Gives "#file", "#pos", "#row" (the row's `_row_id`; null where the table has none), "#n" and
  /// then one column for each of the table's, in order, where `has_values`.
  std::string sql;
  bool has_values = false;
  std::vector<RowAction> actions;  ///< What "#n" means.
  table::RowVerb verb = table::RowVerb::kDelete;
  bool each_row_once = false;  ///< A row that is met twice is an error, not the same thing again.
};

/// `columns`: the table's; `lineage`: its rows have a `_row_id`. kInvalid for columns that it has
/// not, and for a new sample_id.
Result<RowSelection> SelectRows(query::Session& session, const query::ChangeStatement& statement,
                                const query::SqlOptions& options, const arrow::Schema& columns,
                                bool lineage);

/// `t` as it stands in SQL: "shop"."orders".
std::string TableSql(const query::ChangeStatement& statement);

}  // namespace millpond::ingest
