// What a verb that changes single rows asks of a table: rows to take away, by data file and
// position in it, and files with rows to add. Handed to PendingCommit::ChangeRows, which decides
// per data file how the deleted rows go (docs/design/row-changes.md).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "table/data_file.h"
#include "table/predicate.h"
#include "table/row_positions.h"

namespace millpond::table {

/// Whose table properties apply: write.delete.mode, write.update.mode, write.merge.mode and
/// write.….isolation-level.
enum class RowVerb { kDelete, kUpdate, kMerge };

struct RowDelta {
  RowVerb verb = RowVerb::kDelete;
  /// The snapshot whose rows the positions are; none: the table had no rows yet.
  std::optional<int64_t> base_snapshot;
  /// Data file URI, as `_file` gives it -> positions.
  std::map<std::string, RowPositions> deleted;
  /// Files with the new rows, of updated ones the new values. The commit deletes them where it does
  /// not land.
  std::vector<DataFile> added;
  /// What the verb looked for, all of which hold for its rows. Under the isolation level
  /// "serializable" a file that someone else added since `base_snapshot` and that may hold such
  /// rows is a conflict; with no predicate every added file is.
  std::vector<Predicate> looked_for;
};

/// How the rows went.
struct RowChangeReport {
  int64_t rows_deleted = 0;     ///< That were there; updated ones included.
  int64_t files_removed = 0;    ///< Data files of which no row stays.
  int64_t files_rewritten = 0;  ///< Data files whose other rows were copied into new ones.
  int64_t files_marked = 0;     ///< Data files that stay, with deletes beside them.
  int64_t bytes_written = 0;    ///< Of rewritten files and deletes; not of `added`.
};

}  // namespace millpond::table
