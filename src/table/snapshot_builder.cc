// Builds one table's next snapshot; see the header. Sequence numbers of added files stay null in
// their manifest, so that it holds on any base.
#include "table/snapshot_builder.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include "base/random_id.h"
#include "base/time.h"
#include "table/manifest_merge.h"
#include "table/snapshot_files.h"
#include "table/table_folder.h"

namespace millpond::table {

Status CheckRewritable(const TableMetadata& metadata, const std::string& table_name) {
  if (metadata.format_version < 2) {
    return base::Invalid(
        "{} has Iceberg format version 1; upgrade it with the engine that made it "
        "(format-version=2) to write to it here",
        table_name);
  }
  return CheckWritableColumns(*metadata.schema().arrow, table_name);
}

Status CheckWritable(const TableMetadata& metadata, const std::string& table_name) {
  if (metadata.format_version >= 2 && metadata.IsPartitioned()) {
    return base::Invalid(
        "{} is partitioned (by another engine); Millpond reads it but does not write into "
        "partitioned tables, copy it into a new table to change it here",
        table_name);
  }
  return CheckRewritable(metadata, table_name);
}

SnapshotBuilder::SnapshotBuilder(store::BlobStore* store, std::string commit_id)
    : store_(store), commit_id_(std::move(commit_id)), snapshot_id_(base::NewPositiveId()) {}

Result<TableMetadata> SnapshotBuilder::Build(TableMetadata base, const SnapshotChange& change,
                                             BlobBatch* blobs) {
  blobs_ = blobs;
  const Snapshot* current = base.current_snapshot();
  ManifestFiles carried, list;
  if (current != nullptr) {
    ARROW_ASSIGN_OR_RAISE(carried, LoadManifestList(*store_, *current));
  }
  FileCounts added, removed;
  for (const DataFile& file : change.added) added.Count(file, 0);
  for (const DataFile& file : change.deletes) added.Count(file, 1);
  for (const RewrittenFiles& group : change.rewritten) {
    for (const DataFile& file : group.files) added.Count(file, 0);
  }
  if (change.replaces_all) {
    ARROW_ASSIGN_OR_RAISE(list, RemoveAll(base, carried, &removed));
  } else {
    // A manifest that only says what its own commit removed says nothing to later snapshots.
    std::erase_if(carried, [](const ManifestFile& file) { return !file.MayHaveLiveFiles(); });
    ARROW_ASSIGN_OR_RAISE(ManifestFiles edited, RemoveSome(base, change, &carried, &removed));
    ARROW_ASSIGN_OR_RAISE(list, Merge(base, change, std::move(carried)));
    std::move(edited.begin(), edited.end(), std::back_inserter(list));
  }
  ARROW_RETURN_NOT_OK(AddNewFiles(base, change));
  list.insert(list.end(), added_->begin(), added_->end());
  const int64_t next_row_id = Number(base, &list);
  ARROW_ASSIGN_OR_RAISE(Snapshot snapshot, WriteSnapshot(base, list));
  snapshot.summary = SummaryOf(change.replaces_all ? nullptr : current, added, removed);
  snapshot.summary["operation"] =
      change.keeps_rows ? "replace" : OperationOf(added, removed, change.replaces_all);
  snapshot.summary["millpond.commit-id"] = commit_id_;
  base.last_sequence_number = snapshot.sequence_number;
  base.current_snapshot_id = snapshot_id_;
  base.refs["main"] = {snapshot_id_, false};
  base.last_updated_ms = snapshot.timestamp_ms;
  if (base.format_version >= 3) {
    snapshot.first_row_id = base.next_row_id;
    snapshot.added_rows = next_row_id - base.next_row_id;
    base.next_row_id = next_row_id;
  }
  base.snapshots.push_back(std::move(snapshot));
  return base;
}

// Files that this snapshot adds take its sequence number and, in v3, row ids, which are known only
// now. Manifests from before an upgrade to v3 get theirs here too. Returns the next free row id.
int64_t SnapshotBuilder::Number(const TableMetadata& base, ManifestFiles* list) const {
  const int64_t sequence = base.last_sequence_number + 1;
  for (ManifestFile& manifest : *list) {
    if (manifest.added_snapshot_id != snapshot_id_) continue;
    manifest.sequence_number = sequence;
    const bool all_new = manifest.existing_files == 0 && manifest.deleted_files == 0;
    if (all_new && !numbered_.contains(manifest.uri)) {
      manifest.min_sequence_number = sequence;
    }
  }
  int64_t next_row_id = base.next_row_id;
  if (base.format_version < 3) return next_row_id;
  for (ManifestFile& manifest : *list) {
    if (manifest.content != 0 || manifest.first_row_id) continue;
    manifest.first_row_id = next_row_id;
    next_row_id += manifest.added_rows + manifest.existing_rows;
  }
  return next_row_id;
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
  ARROW_ASSIGN_OR_RAISE(std::string bytes,
                        SerializeManifestList(list, snapshot.id, snapshot.parent_id,
                                              snapshot.sequence_number, base.format_version));
  blobs_->Add(snapshot.manifest_list, std::move(bytes));
  attempt_.push_back(snapshot.manifest_list);
  return snapshot;
}

Result<ManifestFile> SnapshotBuilder::WriteManifest(const TableMetadata& table, Manifest manifest,
                                                    std::vector<std::string>* written) {
  manifest.format_version = table.format_version;
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

Status SnapshotBuilder::AddNewFiles(const TableMetadata& base, const SnapshotChange& change) {
  if (added_) return Status::OK();
  added_.emplace();
  auto add = [&](const std::vector<DataFile>& files, bool of_deletes) -> Status {
    if (files.empty()) return Status::OK();
    Manifest manifest;
    manifest.schema_id = change.schema_id;
    manifest.partition_spec_id = base.default_spec_id;
    manifest.of_deletes = of_deletes;
    for (const DataFile& file : files) {
      ManifestEntry entry;
      entry.snapshot_id = snapshot_id_;
      entry.content = of_deletes ? 1 : 0;
      entry.file = file;
      manifest.entries.push_back(std::move(entry));
    }
    ARROW_ASSIGN_OR_RAISE(added_->emplace_back(), WriteManifest(base, std::move(manifest), &kept_));
    return Status::OK();
  };
  ARROW_RETURN_NOT_OK(add(change.added, false));
  ARROW_RETURN_NOT_OK(add(change.deletes, true));
  return AddRewritten(base, change);
}

// Rewritten files take the place of older ones, so they state a sequence number: deletes that came
// after the rows go on applying to them.
Status SnapshotBuilder::AddRewritten(const TableMetadata& base, const SnapshotChange& change) {
  std::map<std::pair<int32_t, std::string>, Manifest> manifests;
  for (const RewrittenFiles& group : change.rewritten) {
    Manifest& manifest = manifests[{group.partition_spec_id, group.partition_type}];
    manifest.schema_id = change.schema_id;
    manifest.partition_spec_id = group.partition_spec_id;
    manifest.partition_type = group.partition_type;
    manifest.partition_fields = group.partition_fields;
    for (const DataFile& file : group.files) {
      ManifestEntry entry;
      entry.snapshot_id = snapshot_id_;
      entry.sequence_number = group.sequence_number;
      entry.partition = group.partition;
      entry.file = file;
      manifest.entries.push_back(std::move(entry));
    }
  }
  for (auto& [kind, manifest] : manifests) {
    if (manifest.entries.empty()) continue;
    ARROW_ASSIGN_OR_RAISE(added_->emplace_back(), WriteManifest(base, std::move(manifest), &kept_));
    numbered_.insert(added_->back().uri);
  }
  return Status::OK();
}

Result<std::vector<ManifestFile>> SnapshotBuilder::RemoveSome(const TableMetadata& base,
                                                              const SnapshotChange& change,
                                                              ManifestFiles* carried,
                                                              FileCounts* removed) {
  ManifestFiles edited;
  if (change.removed.empty()) return edited;
  auto pending = change.removed;
  std::set<std::string> likely;
  for (const auto& [key, manifest] : change.removed) likely.insert(manifest);
  // Where a file was seen last is where it is, unless manifests were merged or rewritten since.
  for (const bool hinted : {true, false}) {
    for (auto file = carried->begin(); file != carried->end() && !pending.empty();) {
      std::optional<ManifestFile> written;
      if (likely.contains(file->uri) == hinted) {
        ARROW_ASSIGN_OR_RAISE(written, RemoveFrom(base, *file, &pending, removed));
      }
      if (!written) {
        ++file;
        continue;
      }
      edited.push_back(*std::move(written));
      file = carried->erase(file);
    }
  }
  if (pending.empty()) return edited;
  return base::Conflict("{} is no longer a file of the table: someone else rewrote or removed it",
                        pending.begin()->first);
}

Result<std::optional<ManifestFile>> SnapshotBuilder::RemoveFrom(
    const TableMetadata& base, const ManifestFile& file,
    std::map<std::string, std::string>* pending, FileCounts* removed) {
  ARROW_ASSIGN_OR_RAISE(Manifest manifest, LoadManifest(*store_, file));
  bool changed = false;
  std::erase_if(manifest.entries,
                [](const ManifestEntry& entry) { return entry.status == EntryStatus::kDeleted; });
  for (ManifestEntry& entry : manifest.entries) {
    entry.status = EntryStatus::kExisting;
    const auto wanted = pending->find(EntryKey(entry.file));
    if (wanted == pending->end()) continue;
    pending->erase(wanted);
    entry.status = EntryStatus::kDeleted;
    entry.snapshot_id = snapshot_id_;
    removed->Count(entry.file, entry.content);
    changed = true;
  }
  if (!changed) return std::nullopt;
  if (base.SchemaById(manifest.schema_id) == nullptr) {
    return base::Invalid(
        "manifest {} was written with schema {}, which the table no longer has; rewrite its "
        "manifests in the engine that made it (Spark: CALL system.rewrite_manifests)",
        file.uri, manifest.schema_id);
  }
  ARROW_ASSIGN_OR_RAISE(ManifestFile written, WriteManifest(base, std::move(manifest), &attempt_));
  written.partitions = file.partitions;
  return written;
}

Result<std::vector<ManifestFile>> SnapshotBuilder::RemoveAll(const TableMetadata& base,
                                                             const ManifestFiles& carried,
                                                             FileCounts* removed) {
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
      removed->Count(entry.file, entry.content);
    }
    if (manifest.entries.empty()) continue;
    ARROW_ASSIGN_OR_RAISE(ManifestFile written,
                          WriteManifest(base, std::move(manifest), &attempt_));
    written.partitions = file.partitions;
    list.push_back(std::move(written));
  }
  return list;
}

Result<std::vector<ManifestFile>> SnapshotBuilder::Merge(const TableMetadata& base,
                                                         const SnapshotChange& change,
                                                         ManifestFiles carried) {
  MergeRule rule = MergeRuleOf(base);
  if (change.merge_manifests_at) {
    rule.enabled = true;
    rule.min_count = *change.merge_manifests_at;
  }
  ManifestMerge merge = PlanMerge(std::move(carried), rule);
  ManifestFiles list = std::move(merge.untouched);
  for (ManifestFiles& run : merge.runs) {
    std::vector<Manifest> loaded;
    for (ManifestFile& file : run) {
      ARROW_ASSIGN_OR_RAISE(Manifest manifest, LoadManifest(*store_, file));
      if (base.SchemaById(manifest.schema_id) == nullptr) {
        // Written anew it would have to claim a schema that its files were not written with.
        list.push_back(std::move(file));
        continue;
      }
      loaded.push_back(std::move(manifest));
    }
    for (Manifest& manifest : MergeManifests(std::move(loaded))) {
      ARROW_ASSIGN_OR_RAISE(list.emplace_back(),
                            WriteManifest(base, std::move(manifest), &attempt_));
    }
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
  numbered_.clear();
}

}  // namespace millpond::table
