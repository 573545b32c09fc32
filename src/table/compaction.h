// Rewrites the groups of a compaction plan: rows that are not deleted are copied into files of the
// target size, in the order of files and positions, with their sample ids and in v3 their lineage.
// What it makes is landed by a commit like a change of rows, and validated like one. Used by
// TableDraft. Why it is right beside writers of deletes: docs/design/upkeep.md.
#pragma once

#include <cstdint>

#include "base/context.h"
#include "base/error.h"
#include "table/catalog.h"
#include "table/compaction_plan.h"
#include "table/row_change_plan.h"

namespace millpond::table {

struct CompactionReport {
  int64_t files_before = 0, files_after = 0;  ///< Data files that went and came.
  int64_t bytes_before = 0, bytes_after = 0;  ///< Of these.
  int64_t rows_deleted = 0;                   ///< That are gone for good from the new files.
  int64_t delete_files_dropped = 0;           ///< Deletion vectors count one each.
};

/// Carries out `plan` on `table`. Memory is bounded by a batch of rows and a row group; nothing
/// stays of what it wrote where it fails or is cancelled.
Result<RowChangePlan> Compact(Catalog* catalog, const Table& table, const CompactionPlan& plan,
                              const CompactionRule& rule, const base::Context& context,
                              CompactionReport* report);

}  // namespace millpond::table
