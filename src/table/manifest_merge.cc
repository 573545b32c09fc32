// Folding small manifests into larger ones; see the header.
#include "table/manifest_merge.h"

#include <algorithm>
#include <limits>
#include <map>
#include <utility>

namespace millpond::table {
namespace {

// Iceberg's own defaults: merge at 100 manifests, leave those of 8 MiB alone.
constexpr size_t kMergeAt = 100;
constexpr int64_t kLargeManifest = 8LL << 20;

}  // namespace

ManifestMerge PlanMerge(std::vector<ManifestFile> manifests, int32_t partition_spec_id) {
  ManifestMerge plan;
  for (ManifestFile& file : manifests) {
    const bool small = file.content == 0 && file.partition_spec_id == partition_spec_id &&
                       file.length < kLargeManifest;
    (small ? plan.small : plan.untouched).push_back(std::move(file));
  }
  if (plan.small.size() < kMergeAt) {
    std::move(plan.small.begin(), plan.small.end(), std::back_inserter(plan.untouched));
    plan.small.clear();
  }
  return plan;
}

std::vector<Manifest> MergeManifests(std::vector<Manifest> manifests) {
  std::map<int32_t, Manifest> by_schema;
  for (Manifest& manifest : manifests) {
    Manifest& merged = by_schema[manifest.schema_id];
    merged.schema_id = manifest.schema_id;
    merged.partition_spec_id = manifest.partition_spec_id;
    for (ManifestEntry& entry : manifest.entries) {
      if (entry.status == EntryStatus::kDeleted) continue;
      entry.status = EntryStatus::kExisting;
      merged.entries.push_back(std::move(entry));
    }
  }
  std::vector<Manifest> result;
  for (auto& [schema_id, manifest] : by_schema) {
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
