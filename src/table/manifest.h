// Manifests and manifest lists: Avro container files that name a snapshot's data and delete files
// (formats v2 and v3; v1 is read). Layouts: docs/formats/manifest.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "table/data_file.h"
#include "table/schema.h"

namespace millpond::table {

/// One row of a manifest list.
struct ManifestFile {
  std::string uri;
  int64_t length = 0;
  int32_t partition_spec_id = 0;
  int32_t content = 0;  ///< 0 data, 1 deletes.
  int64_t sequence_number = 0, min_sequence_number = 0;
  int64_t added_snapshot_id = 0;
  int32_t added_files = 0, existing_files = 0, deleted_files = 0;
  int64_t added_rows = 0, existing_rows = 0, deleted_rows = 0;
  bool counts_known =
      true;  ///< False: an old v1 writer left file or row counts out; read the manifest.
  std::optional<int64_t> first_row_id;  ///< v3, data: of the first file that states none.
  std::string partitions;  ///< Encoded partition summaries of other writers, carried through (see
                           ///< manifest_list.cc).

  /// Whether a scan must read the manifest.
  bool MayHaveLiveFiles() const { return !counts_known || added_files + existing_files > 0; }
};

enum class EntryStatus : int32_t { kExisting = 0, kAdded = 1, kDeleted = 2 };

struct ManifestEntry {
  EntryStatus status = EntryStatus::kAdded;
  std::optional<int64_t> snapshot_id;  ///< Null: inherited from the list.
  std::optional<int64_t> sequence_number, file_sequence_number;
  int32_t content = 0;  ///< 0 data, 1 position deletes, 2 equality deletes.
  DataFile file;
  std::string partition;  ///< Encoded partition tuple of other writers, carried through.
};

struct Manifest {
  int32_t schema_id = 0;  ///< From the header; the schema its files were written with.
  int32_t partition_spec_id = 0;
  int32_t format_version = 2;
  bool of_deletes = false;     ///< Its files hold deletes, not rows.
  std::string partition_type;  ///< Avro record type of the entries' `partition`; empty: no fields.
  std::string partition_fields;  ///< The spec's fields as Iceberg JSON; empty: none.
  std::vector<ManifestEntry> entries;
};

Result<std::vector<ManifestFile>> ParseManifestList(std::string_view bytes,
                                                    std::string_view origin);
Result<Manifest> ParseManifest(std::string_view bytes, std::string_view origin);

/// Fills in what entries inherit from their row in the manifest list: snapshot id, sequence numbers
/// and first row ids. kCorrupt where an entry that must state its numbers does not.
Status InheritFrom(const ManifestFile& file, std::string_view origin, Manifest* manifest);

/// `snapshot_id`, `parent`, `sequence_number` go to the file header as others expect.
Result<std::string> SerializeManifestList(const std::vector<ManifestFile>& manifests,
                                          int64_t snapshot_id, std::optional<int64_t> parent,
                                          int64_t sequence_number, int format_version);
/// In the manifest's format version, v2 at least. A manifest that was read may be written again
/// with other statuses: its partition tuples are carried. New files have none, so a table with a
/// partitioned spec takes no new files yet. kInvalid where an existing or deleted entry lacks
/// sequence numbers.
Result<std::string> SerializeManifest(const Manifest& manifest, const Schema& schema);

}  // namespace millpond::table
