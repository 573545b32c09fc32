// Plans scans: manifests to files, less those whose bounds say that no wanted row is in them. Where
// anything is unknown a file stays.
#include "table/scan_plan.h"

#include <algorithm>
#include <utility>

#include "table/schema.h"
#include "table/snapshot_files.h"

namespace millpond::table {
namespace {

std::string LocalPath(const std::string& uri) {
  if (uri.starts_with("file:///")) return uri.substr(sizeof("file://") - 1);
  if (uri.starts_with("file:/")) return uri.substr(sizeof("file:") - 1);
  return uri;
}

/// Which schema the files of a manifest were written with; -1 where its writer cannot be relied on:
/// a manifest that another engine rewrote carries the schema of that moment for older files too.
int32_t SchemaIdOf(const TableMetadata& metadata, const ManifestFile& file,
                   const Manifest& manifest, const ManifestEntry& entry) {
  if (metadata.schemas.size() == 1 || entry.status == EntryStatus::kAdded) {
    return manifest.schema_id;
  }
  const Snapshot* writer = metadata.SnapshotById(file.added_snapshot_id);
  const bool ours = writer != nullptr && writer->summary.contains("millpond.commit-id");
  return ours ? manifest.schema_id : -1;
}

Status CheckReadable(const std::string& table, const DataFile& file) {
  if (file.format == "PARQUET") return Status::OK();
  return base::Invalid("{} has data files in {} ({}); Millpond reads Parquet only", table,
                       file.format, file.uri);
}

struct Found {
  ScanFile file;
  int64_t sequence;
};

Status CollectFiles(Catalog& catalog, const TableVersion& version, const ManifestFile& file,
                    const FilePruner& pruner, ScanPlan* plan, std::vector<Found>* found) {
  const std::string name = version.table.name.ToString();
  ARROW_ASSIGN_OR_RAISE(Manifest manifest, LoadManifest(catalog.store(), file));
  for (ManifestEntry& entry : manifest.entries) {
    if (entry.status == EntryStatus::kDeleted) continue;
    if (entry.content != 0) {
      return base::Invalid(
          "{} has row-level deletes (made by another engine), which Millpond does not apply yet; "
          "compact it there first (Spark: CALL system.rewrite_data_files)",
          name);
    }
    ARROW_RETURN_NOT_OK(CheckReadable(name, entry.file));
    ++plan->files_total;
    if (!pruner.MayMatch(entry.file)) continue;
    Found one;
    one.sequence = entry.sequence_number.value_or(0);
    one.file.schema_id = SchemaIdOf(*version.table.metadata, file, manifest, entry);
    one.file.path = LocalPath(entry.file.uri);
    one.file.file = std::move(entry.file);
    found->push_back(std::move(one));
  }
  return Status::OK();
}

// The id of the schema that a version is read with.
int32_t ReadSchemaId(const TableVersion& version) {
  for (const Schema& schema : version.table.metadata->schemas) {
    if (schema.arrow == version.schema) return schema.id;
  }
  return version.table.metadata->current_schema_id;
}

}  // namespace

Result<ScanPlan> PlanScan(Catalog& catalog, const TableVersion& version,
                          const std::vector<Predicate>& predicates) {
  ScanPlan plan;
  plan.schema = version.schema;
  if (!version.snapshot_id) return plan;
  const Snapshot* snapshot = version.table.metadata->SnapshotById(*version.snapshot_id);
  if (snapshot == nullptr) {
    return base::NotFound("{} has no snapshot {}; another engine may have expired it",
                          version.table.name.ToString(), *version.snapshot_id);
  }
  const FilePruner pruner(*version.schema, predicates);
  std::vector<Found> found;
  auto collect = [&]() -> Status {
    ARROW_ASSIGN_OR_RAISE(auto list, LoadManifestList(catalog.store(), *snapshot));
    for (const ManifestFile& file : list) {
      if (!file.MayHaveLiveFiles()) continue;
      ARROW_RETURN_NOT_OK(CollectFiles(catalog, version, file, pruner, &plan, &found));
    }
    return Status::OK();
  };
  ARROW_RETURN_NOT_OK(base::WithContext(version.table.name.ToString(), collect()));
  // Merged manifests keep the order of their parts, so this is the order of commits whatever was
  // merged since.
  std::stable_sort(found.begin(), found.end(),
                   [](const Found& a, const Found& b) { return a.sequence < b.sequence; });
  const int32_t schema_id = ReadSchemaId(version);
  for (Found& one : found) {
    plan.records += one.file.file.record_count;
    plan.same_schema = plan.same_schema && one.file.schema_id == schema_id;
    plan.files.push_back(std::move(one.file));
  }
  return plan;
}

}  // namespace millpond::table
