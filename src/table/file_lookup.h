// Finds the manifest entries of single data files in a snapshot, and the deletes that apply to
// them. Used by commits that change rows. Reads manifests until all are found.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "store/blob_store.h"
#include "table/manifest.h"
#include "table/metadata.h"
#include "table/row_positions.h"

namespace millpond::table {

/// A manifest entry and the manifest that lists it.
struct ListedFile {
  ManifestEntry entry;
  std::string manifest;  ///< URI.
};

struct FoundFile {
  ListedFile file;
  RowPositions deleted;             ///< By position deletes or a deletion vector.
  std::vector<ListedFile> deletes;  ///< Position deletes and vectors that apply to this file only.
  bool has_equality_deletes = false;  ///< Some apply, or may.
};

/// kNotFound names a file that the snapshot has not.
Result<std::map<std::string, FoundFile>> FindFiles(store::BlobStore& store,
                                                   const Snapshot& snapshot,
                                                   const std::set<std::string>& uris);

/// Whether a live entry of a delete manifest may apply to one of the data files, by what it says of
/// itself: the file that it names, or its bounds of paths. Equality deletes may apply to all.
bool MayDeleteFrom(const ManifestEntry& deletes, const std::set<std::string>& uris);

}  // namespace millpond::table
