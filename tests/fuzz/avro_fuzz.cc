// Fuzzes manifests and manifest lists: bytes that other engines wrote. What parses must serialise
// to what parses again.
#include <arrow/api.h>

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "table/manifest.h"

namespace {

using millpond::table::InheritFrom;
using millpond::table::Manifest;
using millpond::table::ManifestFile;
using millpond::table::ParseManifest;
using millpond::table::ParseManifestList;
using millpond::table::Schema;
using millpond::table::SerializeManifest;
using millpond::table::SerializeManifestList;

void Check(bool holds) {
  if (!holds) std::abort();
}

void FuzzList(std::string_view bytes) {
  const auto rows = ParseManifestList(bytes, "list");
  if (!rows.ok()) return;
  const auto written = SerializeManifestList(*rows, 2, 1, 3, 3);
  if (!written.ok()) return;
  const auto again = ParseManifestList(*written, "again");
  Check(again.ok() && again->size() == rows->size());
  for (size_t i = 0; i < rows->size(); ++i) {
    Check((*again)[i].uri == (*rows)[i].uri && (*again)[i].partitions == (*rows)[i].partitions);
  }
}

void FuzzManifest(std::string_view bytes) {
  auto manifest = ParseManifest(bytes, "manifest");
  if (!manifest.ok()) return;
  (void)InheritFrom(ManifestFile(), "manifest", &*manifest);
  Schema schema;
  schema.arrow = arrow::schema({});
  const auto written = SerializeManifest(*manifest, schema);
  if (!written.ok()) return;
  const auto again = ParseManifest(*written, "again");
  Check(again.ok() && again->entries.size() == manifest->entries.size());
  for (size_t i = 0; i < again->entries.size(); ++i) {
    Check(again->entries[i].file.uri == manifest->entries[i].file.uri);
    Check(again->entries[i].partition == manifest->entries[i].partition);
    Check(again->entries[i].file.lower_bounds == manifest->entries[i].file.lower_bounds);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  FuzzList(bytes);
  FuzzManifest(bytes);
  return 0;
}
