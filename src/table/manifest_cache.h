// Manifest lists and manifests as they were parsed, kept up to a budget of bytes, so that a
// statement over a table that was read before opens no metadata. What a URI names never changes, so
// nothing is ever stale. Belongs to a query session; used by scan planning. Thread safe.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/error.h"
#include "store/blob_store.h"
#include "table/manifest.h"
#include "table/metadata.h"

namespace millpond::table {

class ManifestCache {
 public:
  /// `store` outlives the cache; `budget` in bytes of parsed manifests.
  ManifestCache(store::BlobStore* store, int64_t budget) : store_(store), budget_(budget) {}
  ManifestCache(const ManifestCache&) = delete;
  ManifestCache& operator=(const ManifestCache&) = delete;

  /// As LoadManifestList.
  Result<std::shared_ptr<const std::vector<ManifestFile>>> List(const Snapshot& snapshot);
  /// As LoadManifest.
  Result<std::shared_ptr<const Manifest>> Entries(const ManifestFile& file);

  /// What is kept now.
  int64_t bytes() const;

 private:
  /// A parsed file: one of the two.
  struct Part {
    std::vector<ManifestFile> list;
    Manifest manifest;
    int64_t bytes = 0;
  };
  struct Kept {
    std::shared_ptr<const Part> part;
    std::list<std::string>::iterator use;
  };
  std::shared_ptr<const Part> Find(const std::string& key);
  void Keep(const std::string& key, const std::shared_ptr<const Part>& part);

  store::BlobStore* const store_;
  const int64_t budget_;
  mutable std::mutex mutex_;
  std::list<std::string> uses_;  // Newest first.
  std::unordered_map<std::string, Kept> kept_;
  int64_t bytes_ = 0;
};

}  // namespace millpond::table
