// Builds one table's next snapshot: manifests for what is added and removed, the manifest list, and
// the metadata document that names them. Used by commit, once per attempt: what was written for
// added files is kept between attempts, the rest is rebuilt on the new base.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "store/blob_store.h"
#include "table/blob_batch.h"
#include "table/manifest.h"
#include "table/metadata.h"
#include "table/snapshot_change.h"
#include "table/snapshot_summary.h"

namespace millpond::table {

/// Refuses (kInvalid, naming what it is) a table that we can read but must not write: format v1,
/// partitions.
Status CheckWritable(const TableMetadata& metadata, const std::string& table_name);

/// The same for moving rows between files, which partitioned tables take too.
Status CheckRewritable(const TableMetadata& metadata, const std::string& table_name);

class SnapshotBuilder {
 public:
  SnapshotBuilder(store::BlobStore* store, std::string commit_id);

  /// `base` with a new current snapshot that `change` makes of the one there. kConflict where a
  /// file to remove is not there. The caller has checked that `base` is writable.
  Result<TableMetadata> Build(TableMetadata base, const SnapshotChange& change, BlobBatch* blobs);

  /// Deletes what the last Build wrote for its base only; call before building on another.
  void DiscardAttempt();
  /// Deletes everything it wrote.
  void DiscardAll();

 private:
  using ManifestFiles = std::vector<ManifestFile>;

  Result<ManifestFile> WriteManifest(const TableMetadata& table, Manifest manifest,
                                     std::vector<std::string>* written);
  /// Manifests of the change's new files, written once and kept between attempts.
  Status AddNewFiles(const TableMetadata& base, const SnapshotChange& change);
  Result<ManifestFiles> RemoveAll(const TableMetadata& base, const ManifestFiles& carried,
                                  FileCounts* removed);
  /// Takes the manifests that list removed files out of `carried` and gives them as written anew.
  Result<ManifestFiles> RemoveSome(const TableMetadata& base, const SnapshotChange& change,
                                   ManifestFiles* carried, FileCounts* removed);
  Result<std::optional<ManifestFile>> RemoveFrom(const TableMetadata& base,
                                                 const ManifestFile& file,
                                                 std::map<std::string, std::string>* pending,
                                                 FileCounts* removed);
  Status AddRewritten(const TableMetadata& base, const SnapshotChange& change);
  Result<ManifestFiles> Merge(const TableMetadata& base, const SnapshotChange& change,
                              ManifestFiles carried);
  int64_t Number(const TableMetadata& base, ManifestFiles* list) const;
  Result<Snapshot> WriteSnapshot(const TableMetadata& base, const ManifestFiles& list);

  store::BlobStore* store_;
  BlobBatch* blobs_ = nullptr;  // Of the Build in progress.
  std::string commit_id_;
  int64_t snapshot_id_;
  int manifests_made_ = 0, lists_made_ = 0;
  std::optional<ManifestFiles> added_;  // Kept between attempts.
  std::set<std::string> numbered_;      // Those of added_ whose files state their sequence number.
  std::vector<std::string> kept_, attempt_;  // URIs made.
};

}  // namespace millpond::table
