// SELECTs over a scan's files: runs of files that are read in one way, each column found by field
// id, deleted rows left out. Called by relation.cc.
#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "query/scan_functions.h"
#include "table/history.h"
#include "table/row_lineage.h"
#include "table/scan_plan.h"

namespace millpond::query {

/// Columns that every table has and `*` does not show: the file of a row and its position in it; in
/// format v3 also the row's id and the sequence number of its last change.
inline constexpr std::string_view kFileColumn = "_file";
inline constexpr std::string_view kPositionColumn = "_pos";
inline constexpr std::string_view kRowIdColumn = table::kRowId;
inline constexpr std::string_view kRowSequenceColumn = table::kLastUpdated;

/// Those of `mentioned` (lower case) that the version offers: not where it has a column of its own
/// of that name.
std::vector<std::string> OfferedHiddenColumns(const table::TableVersion& version,
                                              const std::set<std::string>& mentioned);

struct FileSelection {
  const table::TableVersion& version;
  const table::ScanPlan& plan;
  const std::vector<std::string>& hidden;  ///< From OfferedHiddenColumns.
  int64_t scan = 0;                        ///< Id of its ScanFiles.
};

/// A SELECT of the version's columns and the hidden ones over all files of the plan, which has
/// some.
Result<std::string> SelectScan(const FileSelection& selection);

/// What the functions in SelectScan's SQL need; null where it calls none.
std::shared_ptr<const ScanFiles> ScanFilesFor(const std::shared_ptr<table::Catalog>& catalog,
                                              const table::ScanPlan& plan, bool has_hidden);

}  // namespace millpond::query
