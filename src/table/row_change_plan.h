// From a RowDelta to files: decides for each touched data file whether its other rows are copied
// (copy-on-write) or its deleted rows are listed beside it (merge-on-read), writes what that takes,
// and later tells whether the outcome still holds on a table that others changed meanwhile. Used by
// TableDraft. The rule of cost: docs/design/row-changes.md.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/context.h"
#include "base/error.h"
#include "table/catalog.h"
#include "table/row_delta.h"
#include "table/snapshot_change.h"

namespace millpond::table {

struct RowChangePlan {
  SnapshotChange change;  ///< Without the RowDelta's own files.
  RowChangeReport report;
  std::optional<int64_t> base_snapshot;
  /// Data file of which rows go -> URI of the manifest that was seen to list it.
  std::map<std::string, std::string> touched;
  bool serializable = true;
  /// Equality deletes of others may come: the files state numbers that let them apply.
  bool equality_deletes_pass = false;
  std::vector<Predicate> looked_for;
  std::vector<std::string> written;  ///< URIs of the files that it made.
};

/// `table`: as the commit found it; `schema`: of the new files. kConflict where the table has other
/// files by now than the base snapshot, kInvalid for a position that a file does not have. Nothing
/// stays of what it wrote where it fails.
Result<RowChangePlan> PlanRowChange(Catalog* catalog, const Table& table, const Schema& schema,
                                    const RowDelta& delta, const base::Context& context);

/// kConflict where what others committed since the base snapshot touches the same files, or under
/// "serializable" may have added rows that the verb looked for. `now`: the table as it is.
Status ValidateRowChange(const RowChangePlan& plan, store::BlobStore& store,
                         const TableMetadata& now, const std::string& table_name);

}  // namespace millpond::table
