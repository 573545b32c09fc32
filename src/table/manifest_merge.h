// When many small manifests accumulate, appends fold them into one, so that planning a scan opens
// few files however many commits there were. Pure functions; used by SnapshotBuilder.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "table/manifest.h"

namespace millpond::table {

/// Manifests of a snapshot, told apart: `small` ones that are due to be merged (none until there
/// are enough), and the rest.
struct ManifestMerge {
  std::vector<ManifestFile> small, untouched;
};

/// Manifests of data and of deletes, and of each partition spec, count for themselves.
ManifestMerge PlanMerge(std::vector<ManifestFile> manifests);

/// One manifest per content, partition spec and schema, live entries only, as EXISTING. Entries
/// must state their snapshot and sequence numbers (LoadManifest).
std::vector<Manifest> MergeManifests(std::vector<Manifest> manifests);

/// The list's row for a manifest that `snapshot_id` wrote; the sequence numbers of files it adds
/// are not known yet.
ManifestFile DescribeManifest(const Manifest& manifest, const std::string& uri, int64_t length,
                              int64_t snapshot_id);

}  // namespace millpond::table
