// Builds one table's next snapshot: manifests for what is added and removed, the manifest list, and
// the metadata document that names them. Used by commit, once per attempt: what was written for
// added files is kept between attempts, the rest is rebuilt on the new base.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "store/blob_store.h"
#include "table/blob_batch.h"
#include "table/data_file.h"
#include "table/manifest.h"
#include "table/metadata.h"

namespace millpond::table {

/// Refuses (kInvalid, naming what it is) a table that we can read but must not write: another
/// format version, partitions.
Status CheckWritable(const TableMetadata& metadata, const std::string& table_name);

class SnapshotBuilder {
 public:
  SnapshotBuilder(store::BlobStore* store, std::string commit_id);

  /// `base` with a new current snapshot that adds `added` after (or, with `replaces_all`, instead
  /// of) what is there. `schema_id`: of the schema that the added files were written with. The
  /// caller has checked that `base` is writable.
  Result<TableMetadata> Build(const TableMetadata& base, const std::vector<DataFile>& added,
                              int32_t schema_id, bool replaces_all, BlobBatch* blobs);

  /// Deletes what the last Build wrote for its base only; call before building on another.
  void DiscardAttempt();
  /// Deletes everything it wrote.
  void DiscardAll();

 private:
  struct Totals {
    int64_t files = 0, records = 0, bytes = 0;
  };

  Result<ManifestFile> WriteManifest(const TableMetadata& table, const Manifest& manifest,
                                     std::vector<std::string>* written);
  Status AddNewFiles(const TableMetadata& base, const std::vector<DataFile>& added,
                     int32_t schema_id);
  Result<std::vector<ManifestFile>> RemoveAll(const TableMetadata& base,
                                              const std::vector<ManifestFile>& carried,
                                              Totals* removed);
  Result<std::vector<ManifestFile>> Merge(const TableMetadata& base,
                                          std::vector<ManifestFile> carried);
  Result<Snapshot> WriteSnapshot(const TableMetadata& base, const std::vector<ManifestFile>& list);
  std::map<std::string, std::string> Summarise(const TableMetadata& base, const Totals& added,
                                               const Totals& removed, bool replaces_all) const;

  store::BlobStore* store_;
  BlobBatch* blobs_ = nullptr;  // Of the Build in progress.
  std::string commit_id_;
  int64_t snapshot_id_;
  int manifests_made_ = 0, lists_made_ = 0;
  std::optional<ManifestFile> added_;        // Kept between attempts.
  std::vector<std::string> kept_, attempt_;  // URIs made.
};

}  // namespace millpond::table
