// Joins the rows of one table: what theirs changed since the base is applied to ours within a
// pending commit. Called by replay.cc where both sides changed a table.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/context.h"
#include "base/error.h"
#include "base/json.h"
#include "query/session.h"
#include "table/commit.h"
#include "version/table_states.h"
#include "version/three_way.h"

namespace millpond::version {

/// Which side wins where both changed the same thing.
enum class Prefer { kNone, kOurs, kTheirs };

struct RowMerge {
  table::TableName table;
  ThreeWay query;
  std::optional<int64_t> ours_snapshot;    ///< That the query must read.
  std::shared_ptr<arrow::Schema> columns;  ///< Of the table afterwards; all versions are read so.
  int32_t schema_id = 0;                   ///< Of these columns.
  bool row_ids = false;                    ///< Format v3: a row that stays keeps its `_row_id`.
  Prefer prefer = Prefer::kNone;
};

struct RowMergeReport {
  int64_t added = 0, removed = 0, changed = 0;
  int64_t conflicts = 0;  ///< Rows that both changed differently, resolved or not.
};

/// `pending`: null where nothing is to be written. Nothing is handed to it where a conflict is not
/// resolved. kConflict where ours moved meanwhile, kDenied where a policy hides rows or values,
/// kInvalid where a key of rows that changed is there more than once.
Result<RowMergeReport> MergeRows(query::Session& session, const RowMerge& merge,
                                 table::PendingCommit* pending, const base::Context& context);

/// The first conflicts by key: {"table", "key": {…}, "base": {…} | null, "ours", "theirs"}.
Result<std::vector<base::Json>> ListConflicts(query::Session& session, const RowMerge& merge,
                                              int64_t limit, const base::Context& context);

}  // namespace millpond::version
