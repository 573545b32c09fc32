// A table's metadata file as a value: parse, change a copy, serialise. What other writers put there
// and we do not use (partition specs, sort orders, statistics, unknown keys) is kept in `json` and
// written back unchanged.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "table/schema.h"

namespace millpond::table {

struct Snapshot {
  int64_t id = 0;
  std::optional<int64_t> parent_id;
  int64_t sequence_number = 0;
  int64_t timestamp_ms = 0;
  std::string manifest_list;  ///< URI.
  std::map<std::string, std::string>
      summary;  ///< "operation", "added-records", "total-records", "millpond.commit-id"…
  std::optional<int32_t> schema_id;
  std::optional<int64_t> first_row_id, added_rows;  ///< v3: the row ids that it gave out.
  /// The JSON object that it was read from, whose text is written back; null: it is new. Snapshots
  /// never change.
  std::shared_ptr<const std::string> text;
};

struct SnapshotRef {
  int64_t snapshot_id = 0;
  bool is_tag = false;
};

struct TableMetadata {
  int format_version = 2;
  std::string uuid;
  std::string location;  ///< URI of the table's folder.
  int64_t last_sequence_number = 0;
  int64_t last_updated_ms = 0;
  int32_t last_column_id = 0;
  int64_t next_row_id = 0;  ///< v3: the first `_row_id` that no row has had.
  std::vector<Schema> schemas;
  int32_t current_schema_id = 0;
  int32_t default_spec_id = 0;
  std::map<std::string, std::string> properties;
  std::optional<int64_t> current_snapshot_id;
  std::vector<Snapshot> snapshots;
  std::map<std::string, SnapshotRef> refs;
  base::Json json;  ///< The document these fields were read from, without "snapshots"; source of
                    ///< everything else.

  /// The whole document, snapshots included; of metadata that was read.
  base::Json Document() const;

  const Schema& schema() const;  ///< Current.
  const Schema* SchemaById(int32_t id) const;
  const Snapshot* SnapshotById(int64_t id) const;
  const Snapshot* current_snapshot() const;
  /// The schema that a snapshot was written with.
  const Schema& SchemaOf(const Snapshot& snapshot) const;
  bool IsPartitioned() const;  ///< Default spec has fields.
  /// The "fields" list of a partition spec in Iceberg's JSON, or null where there is no such spec.
  const base::Json* PartitionFields(int32_t spec_id) const;
};

/// Metadata (v2, unpartitioned, unsorted, no snapshot yet) of a new table. `schema` has field ids;
/// its `id` becomes current.
TableMetadata NewTableMetadata(std::string uuid, std::string location, Schema schema,
                               std::map<std::string, std::string> properties, int64_t now_ms);

/// Reads v1, v2 and v3 documents; refuses what it does not know by name. kCorrupt names `origin`
/// and the key. A v1 document gives `format_version` 1, its
/// partition specs in the later form.
Result<TableMetadata> ParseMetadata(std::string_view json_text, std::string_view origin);

/// Serialises; checks the invariants that make Java retry or fail (ids, refs, snapshot log) first:
/// kInternal, the caller's defect. Keeps the snapshot log itself: a changed current snapshot is
/// appended, removed snapshots leave it. A v1 document keeps the keys that its old readers look
/// for.
Result<std::string> SerializeMetadata(const TableMetadata& metadata);

/// Appends the file that `metadata` was read from to the metadata log, keeping at most
/// `max_entries`; returns the locations that fell out of the log (to delete where
/// write.metadata.delete-after-commit.enabled says so).
std::vector<std::string> AppendMetadataLog(TableMetadata* metadata,
                                           const std::string& previous_location,
                                           int64_t previous_updated_ms, int max_entries);

/// The bytes of a metadata file, plain or gzip (told apart by content), as a value.
Result<TableMetadata> DecodeMetadataFile(std::string_view bytes, std::string_view uri);

/// The bytes to store at `uri`: SerializeMetadata, gzip where the name ends in ".gz.metadata.json".
Result<std::string> EncodeMetadataFile(const TableMetadata& metadata, std::string_view uri);

}  // namespace millpond::table
