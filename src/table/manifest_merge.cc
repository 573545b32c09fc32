// Folding small manifests into larger ones; see the header.
#include "table/manifest_merge.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <map>
#include <tuple>
#include <utility>

#include "table/table_folder.h"

namespace millpond::table {

MergeRule MergeRuleOf(const TableMetadata& metadata) {
  MergeRule rule;
  const auto enabled = metadata.properties.find("commit.manifest-merge.enabled");
  rule.enabled = enabled == metadata.properties.end() || enabled->second != "false";
  rule.min_count = IntProperty(metadata, "commit.manifest.min-count-to-merge", rule.min_count);
  rule.target_bytes = IntProperty(metadata, "commit.manifest.target-size-bytes", rule.target_bytes);
  return rule;
}

ManifestMerge PlanMerge(std::vector<ManifestFile> manifests, const MergeRule& rule) {
  using Kind = std::pair<int32_t, int32_t>;  // Content, partition spec.
  struct Run {
    std::vector<ManifestFile> files;
    int64_t bytes = 0;
  };
  auto kind = [](const ManifestFile& file) { return Kind(file.content, file.partition_spec_id); };
  auto is_small = [&](const ManifestFile& file) { return file.length < rule.target_bytes; };
  std::map<Kind, int64_t> small;
  for (const ManifestFile& file : manifests) small[kind(file)] += is_small(file) ? 1 : 0;
  ManifestMerge plan;
  std::map<Kind, Run> open;
  auto close = [&](Run* run) {
    if (run->files.size() > 1) {
      plan.runs.push_back(std::move(run->files));
    } else {
      std::move(run->files.begin(), run->files.end(), std::back_inserter(plan.untouched));
    }
    *run = {};
  };
  for (ManifestFile& file : manifests) {
    const int64_t count = small[kind(file)];
    if (!rule.enabled || !is_small(file) || count < 2 || count < rule.min_count) {
      plan.untouched.push_back(std::move(file));
      continue;
    }
    Run& run = open[kind(file)];
    if (run.bytes + file.length > rule.target_bytes) close(&run);
    run.bytes += file.length;
    run.files.push_back(std::move(file));
  }
  for (auto& [of, run] : open) close(&run);
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
