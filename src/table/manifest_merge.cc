// Folding small manifests into larger ones; see the header.
#include "table/manifest_merge.h"

#include <algorithm>
#include <limits>
#include <map>
#include <tuple>
#include <utility>

namespace millpond::table {
namespace {

// Iceberg's own defaults: merge at 100 manifests, leave those of 8 MiB alone.
constexpr size_t kMergeAt = 100;
constexpr int64_t kLargeManifest = 8LL << 20;

}  // namespace

ManifestMerge PlanMerge(std::vector<ManifestFile> manifests) {
  using Kind = std::pair<int32_t, int32_t>;  // Content, partition spec.
  std::map<Kind, size_t> small;
  auto kind = [](const ManifestFile& file) { return Kind(file.content, file.partition_spec_id); };
  for (const ManifestFile& file : manifests) small[kind(file)] += file.length < kLargeManifest;
  ManifestMerge plan;
  for (ManifestFile& file : manifests) {
    const bool due = file.length < kLargeManifest && small[kind(file)] >= kMergeAt;
    (due ? plan.small : plan.untouched).push_back(std::move(file));
  }
  return plan;
}

std::vector<Manifest> MergeManifests(std::vector<Manifest> manifests) {
  std::map<std::tuple<bool, int32_t, int32_t, std::string>, Manifest> by_kind;
  for (Manifest& manifest : manifests) {
    Manifest& merged = by_kind[{manifest.of_deletes, manifest.partition_spec_id, manifest.schema_id,
                                manifest.partition_type}];
    std::vector<ManifestEntry> entries = std::move(manifest.entries);
    std::vector<ManifestEntry> before = std::move(merged.entries);
    merged = std::move(manifest);
    merged.entries = std::move(before);
    for (ManifestEntry& entry : entries) {
      if (entry.status == EntryStatus::kDeleted) continue;
      entry.status = EntryStatus::kExisting;
      merged.entries.push_back(std::move(entry));
    }
  }
  std::vector<Manifest> result;
  for (auto& [kind, manifest] : by_kind) {
    if (!manifest.entries.empty()) result.push_back(std::move(manifest));
  }
  return result;
}

ManifestFile DescribeManifest(const Manifest& manifest, const std::string& uri, int64_t length,
                              int64_t snapshot_id) {
  ManifestFile file;
  file.uri = uri;
  file.length = length;
  file.partition_spec_id = manifest.partition_spec_id;
  file.content = manifest.of_deletes ? 1 : 0;
  file.added_snapshot_id = snapshot_id;
  int64_t lowest = std::numeric_limits<int64_t>::max();
  for (const ManifestEntry& entry : manifest.entries) {
    if (entry.sequence_number) lowest = std::min(lowest, *entry.sequence_number);
    switch (entry.status) {
      case EntryStatus::kAdded:
        ++file.added_files;
        file.added_rows += entry.file.record_count;
        break;
      case EntryStatus::kExisting:
        ++file.existing_files;
        file.existing_rows += entry.file.record_count;
        break;
      case EntryStatus::kDeleted:
        ++file.deleted_files;
        file.deleted_rows += entry.file.record_count;
        break;
    }
  }
  if (lowest != std::numeric_limits<int64_t>::max()) file.min_sequence_number = lowest;
  return file;
}

}  // namespace millpond::table
