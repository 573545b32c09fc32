// What a new snapshot adds to and takes from the one before it, in terms that hold on any base that
// the commit is validated against. Made by TableDraft and RowChangePlan, carried out by
// SnapshotBuilder.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "table/data_file.h"

namespace millpond::table {

/// Data files of one partition that hold rows of older files.
struct RewrittenFiles {
  std::vector<DataFile> files;
  /// What the files count as written at: no delete of later number may have been applied to them,
  /// each of at most this number must have been.
  int64_t sequence_number = 0;
  int32_t partition_spec_id = 0;
  std::string partition_type, partition_fields, partition;  ///< As in Manifest and ManifestEntry.
};

struct SnapshotChange {
  std::vector<DataFile> added;    ///< Data files.
  std::vector<DataFile> deletes;  ///< Position delete files and deletion vectors.
  int32_t schema_id = 0;          ///< Of the schema that `added` and `deletes` were written with.
  std::vector<RewrittenFiles> rewritten;
  bool keeps_rows = false;  ///< The table's rows are the same afterwards: Iceberg's "replace".
  /// Merges small manifests from this many on, whatever the table's properties say.
  std::optional<int64_t> merge_manifests_at;
  bool replaces_all = false;  ///< `added` comes instead of all that is there.
  /// EntryKey of data and delete files that go -> URI of the manifest that was seen to list it.
  /// That manifest is looked at first; another one may list the file by now.
  std::map<std::string, std::string> removed;
};

/// What tells one manifest entry from all others: deletion vectors share a file.
inline std::string EntryKey(const DataFile& file) {
  if (!file.content_offset) return file.uri;
  return file.uri + "#" + std::to_string(*file.content_offset);
}

}  // namespace millpond::table
