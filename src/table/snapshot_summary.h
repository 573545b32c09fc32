// The counts in a snapshot's summary, by Iceberg's names: what it added and removed, and the totals
// that follow from its parent's; and what the totals say. Used by SnapshotBuilder and by reports.
// Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "table/data_file.h"
#include "table/metadata.h"

namespace millpond::table {

/// Files on one side of a change.
struct FileCounts {
  int64_t files = 0, records = 0, bytes = 0;
  int64_t delete_files = 0, deletion_vectors = 0, equality_files = 0;
  int64_t position_deletes = 0, equality_deletes = 0;

  /// `content` as in a manifest entry: 0 data, 1 position deletes, 2 equality deletes.
  void Count(const DataFile& file, int32_t content);
};

/// `parent`: null where nothing of it stays.
std::map<std::string, std::string> SummaryOf(const Snapshot* parent, const FileCounts& added,
                                             const FileCounts& removed);

/// A number of the summary, such as "total-records"; nullopt where the writer left it out.
std::optional<int64_t> TotalIn(const Snapshot& snapshot, const char* key);

/// Rows in its data files without what position deletes and deletion vectors take away: exact where
/// these name each row once, and where there are no equality deletes. nullopt where the writer left
/// out the totals.
std::optional<int64_t> RowsOf(const Snapshot& snapshot);

/// Iceberg's word for the change: append, overwrite or delete.
const char* OperationOf(const FileCounts& added, const FileCounts& removed, bool replaces_all);

}  // namespace millpond::table
