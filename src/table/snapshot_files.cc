// Reads manifest lists and manifests of snapshots; see the header.
#include "table/snapshot_files.h"

#include <string>

namespace millpond::table {
namespace {

// Larger ones are damaged: 256 MiB of manifest names about a million files.
constexpr int64_t kManifestBytesMax = 256LL << 20;

Result<std::string> ReadPart(store::BlobStore& store, const std::string& uri) {
  ARROW_ASSIGN_OR_RAISE(std::string path, store.PathOf(uri));
  auto bytes = store::ReadBlob(store, path, kManifestBytesMax);
  if (!bytes.ok() && base::KindOf(bytes.status()) == base::ErrorKind::kNotFound) {
    return base::Corrupt("{} is missing", uri);
  }
  return bytes;
}

}  // namespace

Result<std::vector<ManifestFile>> LoadManifestList(store::BlobStore& store,
                                                   const Snapshot& snapshot) {
  auto bytes = ReadPart(store, snapshot.manifest_list);
  if (!bytes.ok()) {
    return base::WithContext(
        fmt::format("snapshot {} cannot be read (another engine may have expired it)", snapshot.id),
        bytes.status());
  }
  return ParseManifestList(*bytes, snapshot.manifest_list);
}

Result<Manifest> LoadManifest(store::BlobStore& store, const ManifestFile& file) {
  ARROW_ASSIGN_OR_RAISE(std::string bytes, ReadPart(store, file.uri));
  ARROW_ASSIGN_OR_RAISE(Manifest manifest, ParseManifest(bytes, file.uri));
  ARROW_RETURN_NOT_OK(InheritFrom(file, file.uri, &manifest));
  return manifest;
}

}  // namespace millpond::table
