// Housekeeping that never touches what a table, tag or commit can reach: how many manifests a table
// has and would have, removing orphans, and verifying pointers. Driven by upkeep and doctor.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/context.h"
#include "base/error.h"
#include "table/catalog.h"

namespace millpond::table {

struct ManifestCount {
  int64_t before = 0, after = 0;
};

/// Manifests of the table's current snapshot, and how many would be left of them where at least
/// `min_count` small ones are merged.
Result<ManifestCount> CountManifests(store::BlobStore& store, const TableMetadata& metadata,
                                     int64_t min_count);

struct OrphanReport {
  std::vector<std::string> paths;  ///< Store paths; removed unless it was a dry run.
  int64_t bytes = 0;
};

/// Blobs below tables' folders that no current metadata reaches, that are older than `grace_ms`
/// (another engine's commit may be in flight) and than every write of ours that still runs, and
/// abandoned pending writes.
Result<OrphanReport> RemoveOrphans(Catalog& catalog, int64_t grace_ms, bool dry_run,
                                   const base::Context& context);

struct Finding {
  std::string subject;  ///< Table, file, ledger.
  std::string problem;  ///< What is wrong and what to do.
};

/// Ledger integrity, every pointer from catalog to metadata to manifests to data files (existence
/// and size; with `deep`, Parquet footers and page checksums too). Empty: healthy.
Result<std::vector<Finding>> Verify(Catalog& catalog, bool deep, const base::Context& context);

}  // namespace millpond::table
