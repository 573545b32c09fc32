// Plans scans: manifests to files, less those whose bounds or partition say that no wanted row is
// in them, each with its deletes. Where anything is unknown a file stays.
#include "table/scan_plan.h"

#include <algorithm>
#include <set>
#include <utility>

#include "table/partition.h"
#include "table/schema.h"

namespace millpond::table {
namespace {

constexpr int32_t kEqualityDeletes = 2;

std::string LocalPath(const std::string& uri) {
  if (uri.starts_with("file:///")) return uri.substr(sizeof("file://") - 1);
  if (uri.starts_with("file:/")) return uri.substr(sizeof("file:") - 1);
  return uri;
}

Status CheckReadable(const DataFile& file) {
  if (file.format == "PARQUET") return Status::OK();
  return base::Invalid(
      "data files in {} ({}); Millpond reads Parquet only: rewrite the table in the engine that "
      "made "
      "it",
      file.format, file.uri);
}

/// Collects the files of one snapshot.
class Planner {
 public:
  Planner(ManifestCache& manifests, const TableVersion& version,
          const std::vector<Predicate>& predicates, ScanPlan* plan)
      : manifests_(manifests),
        metadata_(*version.table.metadata),
        schema_(*version.schema),
        pruner_(*version.schema, predicates),
        prunes_(!predicates.empty()),
        plan_(plan) {
    for (const Snapshot& snapshot : metadata_.snapshots) {
      if (snapshot.summary.contains("millpond.commit-id")) ours_.insert(snapshot.id);
    }
  }

  Status Collect(const Snapshot& snapshot) {
    ARROW_ASSIGN_OR_RAISE(const auto list, manifests_.List(snapshot));
    for (const ManifestFile& file : *list) {
      if (file.content != 0 && file.MayHaveLiveFiles()) ARROW_RETURN_NOT_OK(CollectDeletes(file));
    }
    for (const ManifestFile& file : *list) {
      if (file.content == 0 && file.MayHaveLiveFiles()) ARROW_RETURN_NOT_OK(CollectData(file));
    }
    // Merged manifests keep the order of their parts, so this is the order of commits whatever was
    // merged since.
    std::stable_sort(plan_->files.begin(), plan_->files.end(),
                     [](const ScanFile& a, const ScanFile& b) { return a.sequence < b.sequence; });
    for (const ScanFile& file : plan_->files) plan_->records += file.file.record_count;
    plan_->deletes = deletes_.Take();
    return Status::OK();
  }

 private:
  Status CollectDeletes(const ManifestFile& file) {
    ARROW_ASSIGN_OR_RAISE(const auto manifest, manifests_.Entries(file));
    ARROW_ASSIGN_OR_RAISE(const auto partitions, PartitionReader::Make(*manifest, file.uri));
    for (const ManifestEntry& entry : manifest->entries) {
      if (entry.status == EntryStatus::kDeleted) continue;
      if (entry.content == 0) {
        return base::Corrupt("{}: a manifest of deletes names the data file {}", file.uri,
                             entry.file.uri);
      }
      DeleteFile one;
      ARROW_ASSIGN_OR_RAISE(const PartitionTuple tuple, partitions.Read(entry.partition));
      one.partition = PartitionKey(file.partition_spec_id, tuple);
      one.everywhere = tuple.empty();
      one.is_equality = entry.content == kEqualityDeletes;
      one.sequence = entry.sequence_number.value_or(0);
      one.path = LocalPath(entry.file.uri);
      one.file = entry.file;
      ARROW_RETURN_NOT_OK(deletes_.Add(std::move(one)));
    }
    return Status::OK();
  }

  Status CollectData(const ManifestFile& file) {
    ARROW_ASSIGN_OR_RAISE(const auto manifest, manifests_.Entries(file));
    ARROW_ASSIGN_OR_RAISE(const auto partitions, PartitionReader::Make(*manifest, file.uri));
    const auto fields = PartitionFieldsOf(metadata_, file.partition_spec_id);
    for (const ManifestEntry& entry : manifest->entries) {
      if (entry.status == EntryStatus::kDeleted) continue;
      if (entry.content != 0) {
        return base::Corrupt("{}: a manifest of data names the delete file {}", file.uri,
                             entry.file.uri);
      }
      ARROW_RETURN_NOT_OK(CheckReadable(entry.file));
      ++plan_->files_total;
      ARROW_ASSIGN_OR_RAISE(const PartitionTuple tuple, partitions.Read(entry.partition));
      if (!IsWanted(entry.file, fields, tuple)) continue;
      AddFile(file.partition_spec_id, fields, tuple, entry);
    }
    return Status::OK();
  }

  bool IsWanted(const DataFile& file, const std::vector<PartitionField>& fields,
                const PartitionTuple& tuple) const {
    if (!prunes_) return true;
    if (!pruner_.MayMatch(file)) return false;
    if (tuple.empty()) return true;
    DataFile of_partition;
    of_partition.record_count = file.record_count;
    AddPartitionBounds(fields, tuple, schema_, &of_partition);
    return pruner_.MayMatch(of_partition);
  }

  void AddFile(int32_t spec_id, const std::vector<PartitionField>& fields,
               const PartitionTuple& tuple, const ManifestEntry& entry) {
    ScanFile one;
    one.sequence = entry.sequence_number.value_or(0);
    one.is_foreign = !entry.snapshot_id || !ours_.contains(*entry.snapshot_id);
    one.path = LocalPath(entry.file.uri);
    one.file = entry.file;
    if (!tuple.empty()) {
      one.partition = PartitionKey(spec_id, tuple);
      for (const PartitionField& field : fields) {
        const auto value = tuple.find(field.field_id);
        if (field.transform != "identity" || value == tuple.end()) continue;
        one.identity_values[field.source_id] = value->second;
      }
    }
    if (!deletes_.empty()) {
      const std::string key = one.partition.empty() ? PartitionKey(spec_id, tuple) : one.partition;
      one.position_deletes = deletes_.PositionDeletesOf(one.file, one.sequence, key);
      one.equality_deletes = deletes_.EqualityDeletesOf(one.sequence, key);
    }
    plan_->files.push_back(std::move(one));
  }

  ManifestCache& manifests_;
  const TableMetadata& metadata_;
  const arrow::Schema& schema_;
  const FilePruner pruner_;
  const bool prunes_;
  ScanPlan* plan_;
  std::set<int64_t> ours_;  // Snapshots.
  DeleteIndex deletes_;
};

}  // namespace

Result<ScanPlan> PlanScan(ManifestCache& manifests, const TableVersion& version,
                          const std::vector<Predicate>& predicates) {
  ScanPlan plan;
  plan.schema = version.schema;
  if (!version.snapshot_id) return plan;
  const Snapshot* snapshot = version.table.metadata->SnapshotById(*version.snapshot_id);
  if (snapshot == nullptr) {
    return base::NotFound("{} has no snapshot {}; another engine may have expired it",
                          version.table.name.ToString(), *version.snapshot_id);
  }
  Planner planner(manifests, version, predicates, &plan);
  ARROW_RETURN_NOT_OK(base::WithContext(version.table.name.ToString(), planner.Collect(*snapshot)));
  return plan;
}

}  // namespace millpond::table
