// Chooses which data files of a table are worth rewriting: small ones of one partition together,
// and ones of which many rows are deleted. Reads manifests only. Used by compaction and by what
// reports what it would do. The rules: docs/design/upkeep.md.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "base/context.h"
#include "base/error.h"
#include "store/blob_store.h"
#include "table/file_lookup.h"
#include "table/metadata.h"

namespace millpond::table {

struct CompactionRule {
  int64_t target_file_size = 128LL << 20;  ///< See TargetFileSize.
  size_t min_files = 5;                    ///< Small files that make rewriting worth it.
  double small_share = 0.75;               ///< Of the target size: files below are small.
  double deleted_share = 0.1;              ///< Of a file's rows: from here on it is rewritten.
  std::set<std::string> left_alone;        ///< URIs of files that are not to be rewritten.
};

/// write.target-file-size-bytes of the table, else `fallback`.
int64_t TargetFileSize(const TableMetadata& metadata, int64_t fallback);

/// Files of one partition that become one file, in the order of their rows.
struct CompactionGroup {
  std::vector<ListedFile> files;
  int32_t partition_spec_id = 0;
  std::string partition_type, partition_fields;  ///< Of the files' manifests.
  /// What the new file counts as written at: the same equality deletes apply to it as to the old
  /// ones (SnapshotChange).
  int64_t sequence_number = 0;
  int64_t bytes = 0, rows = 0;
  int64_t deleted_rows = 0;  ///< As far as the manifests tell.
};

struct CompactionPlan {
  std::vector<CompactionGroup> groups;
  /// Delete files that apply to no file of the table any more.
  std::vector<ListedFile> dangling;
  int64_t files = 0, bytes = 0;                ///< Data files of the table.
  int64_t delete_files = 0, deleted_rows = 0;  ///< Position deletes and vectors.

  bool empty() const { return groups.empty() && dangling.empty(); }
};

/// What compaction of the table's current snapshot would do.
Result<CompactionPlan> PlanCompaction(store::BlobStore& store, const TableMetadata& metadata,
                                      const CompactionRule& rule, const base::Context& context);

}  // namespace millpond::table
