// When many small manifests accumulate, commits fold them into few of the target size, so that
// planning a scan opens few files however many commits there were. Pure functions; used by
// SnapshotBuilder. Why: docs/design/upkeep.md.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "table/manifest.h"
#include "table/metadata.h"

namespace millpond::table {

/// When a commit merges manifests; by Iceberg's table properties commit.manifest-merge.enabled,
/// commit.manifest.min-count-to-merge and commit.manifest.target-size-bytes.
struct MergeRule {
  int64_t min_count = 100;           ///< Small manifests that make merging worth it.
  int64_t target_bytes = 8LL << 20;  ///< Manifests of this size are left alone.
  bool enabled = true;
};
MergeRule MergeRuleOf(const TableMetadata& metadata);

/// Manifests of a snapshot, told apart: runs of small ones that are due to become one each (none
/// until there are enough), and the rest.
struct ManifestMerge {
  std::vector<std::vector<ManifestFile>> runs;
  std::vector<ManifestFile> untouched;
};

/// Manifests of data and of deletes, and of each partition spec, count for themselves. Files keep
/// their order; a run is at most of the target size.
ManifestMerge PlanMerge(std::vector<ManifestFile> manifests, const MergeRule& rule);

/// One manifest per content, partition spec and schema, live entries only, as EXISTING. Entries
/// must state their snapshot and sequence numbers (LoadManifest).
std::vector<Manifest> MergeManifests(std::vector<Manifest> manifests);

/// The list's row for a manifest that `snapshot_id` wrote; the sequence numbers of files it adds
/// are not known yet.
ManifestFile DescribeManifest(const Manifest& manifest, const std::string& uri, int64_t length,
                              int64_t snapshot_id);

}  // namespace millpond::table
