// What a snapshot consists of, read from the store: its manifest list and manifests. Used by
// commit, scan planning and upkeep.
#pragma once

#include <functional>
#include <vector>

#include "base/error.h"
#include "store/blob_store.h"
#include "table/manifest.h"
#include "table/metadata.h"

namespace millpond::table {

/// kCorrupt where the list is missing: another engine may have expired the snapshot.
Result<std::vector<ManifestFile>> LoadManifestList(store::BlobStore& store,
                                                   const Snapshot& snapshot);

/// Entries come with their snapshot and sequence numbers filled in where the file leaves them to be
/// inherited.
Result<Manifest> LoadManifest(store::BlobStore& store, const ManifestFile& file);

}  // namespace millpond::table
