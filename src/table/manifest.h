// Manifests and manifest lists: Avro container files that name a snapshot's data files (format v2; v1 and v3 are read).
// Layouts: docs/formats/manifest.md.
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
  int32_t content = 0;                         ///< 0 data, 1 deletes.
  int64_t sequence_number = 0, min_sequence_number = 0;
  int64_t added_snapshot_id = 0;
  int32_t added_files = 0, existing_files = 0, deleted_files = 0;
  int64_t added_rows = 0, existing_rows = 0, deleted_rows = 0;
  std::string partitions;                      ///< Encoded partition summaries of other writers, carried through (see manifest.cc).
};

enum class EntryStatus : int32_t { kExisting = 0, kAdded = 1, kDeleted = 2 };

struct ManifestEntry {
  EntryStatus status = EntryStatus::kAdded;
  std::optional<int64_t> snapshot_id;          ///< Null: inherited from the list.
  std::optional<int64_t> sequence_number, file_sequence_number;
  int32_t content = 0;                         ///< 0 data, 1 position deletes, 2 equality deletes.
  DataFile file;
};

struct Manifest {
  int32_t schema_id = 0;                       ///< From the header; the schema its files were written with.
  int32_t partition_spec_id = 0;
  std::vector<ManifestEntry> entries;
};

Result<std::vector<ManifestFile>> ParseManifestList(std::string_view bytes, std::string_view origin);
Result<Manifest> ParseManifest(std::string_view bytes, std::string_view origin);

/// `snapshot_id`, `parent`, `sequence_number` go to the file header as others expect.
Result<std::string> SerializeManifestList(const std::vector<ManifestFile>& manifests, int64_t snapshot_id,
                                          std::optional<int64_t> parent, int64_t sequence_number);
/// Unpartitioned manifests only: we do not write into partitioned tables yet.
Result<std::string> SerializeManifest(const Manifest& manifest, const Schema& schema);

}  // namespace millpond::table
