// Fuzzes table metadata files, plain and gzip. What is read can be upgraded, and what is written
// must be read again.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "table/metadata.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace millpond::table;
  auto metadata =
      DecodeMetadataFile({reinterpret_cast<const char*>(data), size}, "00000-x.metadata.json");
  if (!metadata.ok()) return 0;
  for (const Snapshot& snapshot : metadata->snapshots) (void)metadata->SchemaOf(snapshot);
  (void)metadata->IsPartitioned();
  (void)AppendMetadataLog(&*metadata, "file:///before", 1, 3);
  const auto written = SerializeMetadata(*metadata);
  if (!written.ok()) return 0;
  const auto again = ParseMetadata(*written, "again");
  if (!again.ok() || again->schemas.size() != metadata->schemas.size()) std::abort();
  return 0;
}
