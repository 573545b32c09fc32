// Builds one table's next snapshot; see the header. Sequence numbers of added files stay null in
// their manifest, so that it holds on any base.
#include "table/snapshot_builder.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/random_id.h"
#include "base/time.h"
#include "table/manifest_merge.h"
#include "table/snapshot_files.h"
#include "table/table_folder.h"

namespace millpond::table {
namespace {

std::optional<int64_t> SummaryInt(const Snapshot* snapshot, const char* key) {
  if (snapshot == nullptr) return 0;
  auto found = snapshot->summary.find(key);
  if (found == snapshot->summary.end()) return std::nullopt;
  int64_t value = 0;
  const std::string& text = found->second;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

Status CheckWritable(const TableMetadata& metadata, const std::string& table_name) {
  if (metadata.format_version != 2) {
    return base::Invalid("{} has Iceberg format version {}; Millpond writes version 2 only{}",
                         table_name, metadata.format_version,
                         metadata.format_version == 1
                             ? ", upgrade it with the engine that made it (format-version=2)"
                             : ", copy it into a new table to change it here");
  }
  if (metadata.IsPartitioned()) {
    return base::Invalid(
        "{} is partitioned (by another engine); Millpond reads it but does not write into "
        "partitioned tables, copy it into a new table to change it here",
        table_name);
  }
  return Status::OK();
}

SnapshotBuilder::SnapshotBuilder(store::BlobStore* store, std::string commit_id)
    : store_(store), commit_id_(std::move(commit_id)), snapshot_id_(base::NewPositiveId()) {}

Result<TableMetadata> SnapshotBuilder::Build(const TableMetadata& base,
                                             const std::vector<DataFile>& added, int32_t schema_id,
                                             bool replaces_all, BlobBatch* blobs) {
  blobs_ = blobs;
  std::vector<ManifestFile> carried;
  if (const Snapshot* current = base.current_snapshot(); current != nullptr) {
    ARROW_ASSIGN_OR_RAISE(carried, LoadManifestList(*store_, *current));
  }
  Totals removed;
  std::vector<ManifestFile> list;
  if (replaces_all) {
    ARROW_ASSIGN_OR_RAISE(list, RemoveAll(base, carried, &removed));
  } else {
    // A manifest that only says what its own commit removed says nothing to later snapshots.
    std::erase_if(carried, [](const ManifestFile& file) { return !file.MayHaveLiveFiles(); });
    ARROW_ASSIGN_OR_RAISE(list, Merge(base, std::move(carried)));
  }
  if (!added.empty()) {
    ARROW_RETURN_NOT_OK(AddNewFiles(base, added, schema_id));
    list.push_back(*added_);
  }
  const int64_t sequence = base.last_sequence_number + 1;
  for (ManifestFile& manifest : list) {
    if (manifest.added_snapshot_id != snapshot_id_) continue;
    manifest.sequence_number = sequence;
    if (manifest.existing_files == 0 && manifest.deleted_files == 0) {
      manifest.min_sequence_number = sequence;
    }
  }
  Totals new_files;
  for (const DataFile& file : added) {
    ++new_files.files;
    new_files.records += file.record_count;
    new_files.bytes += file.size;
  }
  ARROW_ASSIGN_OR_RAISE(Snapshot snapshot, WriteSnapshot(base, list));
  snapshot.summary = Summarise(base, new_files, removed, replaces_all);
  TableMetadata next = base;
  next.last_sequence_number = sequence;
  next.current_snapshot_id = snapshot_id_;
  next.refs["main"] = {snapshot_id_, false};
  next.last_updated_ms = snapshot.timestamp_ms;
  next.snapshots.push_back(std::move(snapshot));
  return next;
}

std::map<std::string, std::string> SnapshotBuilder::Summarise(const TableMetadata& base,
                                                              const Totals& added,
                                                              const Totals& removed,
                                                              bool replaces_all) const {
  const char* replacing = added.files == 0 ? "delete" : "overwrite";
  std::map<std::string, std::string> summary = {{"operation", replaces_all ? replacing : "append"},
                                                {"millpond.commit-id", commit_id_}};
  auto put = [&](const char* key, int64_t value) {
    if (value > 0) summary[key] = std::to_string(value);
  };
  put("added-data-files", added.files);
  put("added-records", added.records);
  put("added-files-size", added.bytes);
  put("deleted-data-files", removed.files);
  put("deleted-records", removed.records);
  put("removed-files-size", removed.bytes);
  // A total is the last one plus the change; where another engine left it out, so do we.
  const Snapshot* parent = replaces_all ? nullptr : base.current_snapshot();
  auto total = [&](const char* key, int64_t change) {
    if (auto before = SummaryInt(parent, key)) summary[key] = std::to_string(*before + change);
  };
  total("total-data-files", added.files);
  total("total-records", added.records);
  total("total-files-size", added.bytes);
  total("total-delete-files", 0);
  total("total-position-deletes", 0);
  total("total-equality-deletes", 0);
  return summary;
}

Result<Snapshot> SnapshotBuilder::WriteSnapshot(const TableMetadata& base,
                                                const std::vector<ManifestFile>& list) {
  Snapshot snapshot;
  snapshot.id = snapshot_id_;
  snapshot.parent_id = base.current_snapshot_id;
  snapshot.sequence_number = base.last_sequence_number + 1;
  // Readers resolve times by the log, which must not run backwards where two machines' clocks
  // differ.
  snapshot.timestamp_ms = std::max(base::NowMs(), base.last_updated_ms);
  snapshot.schema_id = base.current_schema_id;
  snapshot.manifest_list = fmt::format("{}/metadata/snap-{}-{}-{}.avro", base.location,
                                       snapshot_id_, lists_made_++, commit_id_);
  ARROW_ASSIGN_OR_RAISE(
      std::string bytes,
      SerializeManifestList(list, snapshot.id, snapshot.parent_id, snapshot.sequence_number));
  blobs_->Add(snapshot.manifest_list, std::move(bytes));
  attempt_.push_back(snapshot.manifest_list);
  return snapshot;
}

Result<ManifestFile> SnapshotBuilder::WriteManifest(const TableMetadata& table,
                                                    const Manifest& manifest,
                                                    std::vector<std::string>* written) {
  const Schema* schema = table.SchemaById(manifest.schema_id);
  ARROW_ASSIGN_OR_RAISE(std::string bytes,
                        SerializeManifest(manifest, schema != nullptr ? *schema : table.schema()));
  // The snapshot's id keeps the names of a commit over several tables apart where tables share a
  // folder.
  const std::string uri = fmt::format("{}/metadata/{}-{}-m{}.avro", table.location, commit_id_,
                                      snapshot_id_, manifests_made_++);
  const auto length = static_cast<int64_t>(bytes.size());
  blobs_->Add(uri, std::move(bytes));
  written->push_back(uri);
  return DescribeManifest(manifest, uri, length, snapshot_id_);
}

Status SnapshotBuilder::AddNewFiles(const TableMetadata& base, const std::vector<DataFile>& added,
                                    int32_t schema_id) {
  if (added_) return Status::OK();
  Manifest manifest;
  manifest.schema_id = schema_id;
  manifest.partition_spec_id = base.default_spec_id;
  for (const DataFile& file : added) {
    ManifestEntry entry;
    entry.snapshot_id = snapshot_id_;
    entry.file = file;
    manifest.entries.push_back(std::move(entry));
  }
  ARROW_ASSIGN_OR_RAISE(added_, WriteManifest(base, manifest, &kept_));
  return Status::OK();
}

Result<std::vector<ManifestFile>> SnapshotBuilder::RemoveAll(
    const TableMetadata& base, const std::vector<ManifestFile>& carried, Totals* removed) {
  std::vector<ManifestFile> list;
  for (const ManifestFile& file : carried) {
    // Deletes have nothing left to apply to.
    if (!file.MayHaveLiveFiles() || file.content != 0) continue;
    ARROW_ASSIGN_OR_RAISE(Manifest manifest, LoadManifest(*store_, file));
    std::erase_if(manifest.entries,
                  [](const ManifestEntry& entry) { return entry.status == EntryStatus::kDeleted; });
    for (ManifestEntry& entry : manifest.entries) {
      entry.status = EntryStatus::kDeleted;
      entry.snapshot_id = snapshot_id_;
      ++removed->files;
      removed->records += entry.file.record_count;
      removed->bytes += entry.file.size;
    }
    if (manifest.entries.empty()) continue;
    ARROW_ASSIGN_OR_RAISE(ManifestFile written, WriteManifest(base, manifest, &attempt_));
    written.partitions = file.partitions;
    list.push_back(std::move(written));
  }
  return list;
}

Result<std::vector<ManifestFile>> SnapshotBuilder::Merge(const TableMetadata& base,
                                                         std::vector<ManifestFile> carried) {
  ManifestMerge merge = PlanMerge(std::move(carried), base.default_spec_id);
  std::vector<ManifestFile> list = std::move(merge.untouched);
  if (merge.small.empty()) return list;
  std::vector<Manifest> loaded;
  for (const ManifestFile& file : merge.small) {
    ARROW_ASSIGN_OR_RAISE(Manifest manifest, LoadManifest(*store_, file));
    if (base.SchemaById(manifest.schema_id) == nullptr) {
      // Written anew it would have to claim a schema that its files were not written with.
      list.push_back(file);
      continue;
    }
    loaded.push_back(std::move(manifest));
  }
  for (const Manifest& manifest : MergeManifests(std::move(loaded))) {
    ARROW_ASSIGN_OR_RAISE(ManifestFile written, WriteManifest(base, manifest, &attempt_));
    list.push_back(std::move(written));
  }
  return list;
}

void SnapshotBuilder::DiscardAttempt() {
  DeleteQuietly(*store_, attempt_);
  attempt_.clear();
}

void SnapshotBuilder::DiscardAll() {
  DiscardAttempt();
  DeleteQuietly(*store_, kept_);
  kept_.clear();
  added_.reset();
}

}  // namespace millpond::table
