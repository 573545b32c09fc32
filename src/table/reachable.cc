// What a pond still reaches; see the header.
#include "table/reachable.h"

#include <utility>

#include "table/history_rows.h"
#include "table/pins.h"
#include "table/snapshot_files.h"

namespace millpond::table {

bool Reachable::Add(const std::string& uri, Need need) {
  auto path = catalog_->store().PathOf(uri);
  if (!path.ok()) return false;
  if (need == Need::kMay && !present_->contains(*path)) return false;
  return paths_.insert(*path).second;
}

Status Reachable::Collect() {
  ARROW_ASSIGN_OR_RAISE(auto found,
                        catalog_->ledger().SelectAll({{.table = "iceberg_tables"},
                                                      {.table = "pond_commit_table"},
                                                      {.table = "pond_retired_table"}}));
  using Column = std::pair<const char*, Need>;
  // What must be there comes first: a file is followed once.
  for (const auto& [column, need] : {Column("metadata_location", Need::kMust),
                                     Column("previous_metadata_location", Need::kMay)}) {
    for (const auto& row : found[0]) {
      ARROW_ASSIGN_OR_RAISE(TableName name, NameFromRow(row));
      ARROW_ASSIGN_OR_RAISE(auto type, ledger::OptionalTextOf(row, "iceberg_type"));
      ARROW_ASSIGN_OR_RAISE(auto location, ledger::OptionalTextOf(row, column));
      if (!location) continue;
      if (type == "VIEW") {
        Add(*location);  // A view reaches nothing but its own document.
      } else {
        ARROW_RETURN_NOT_OK(AddMetadata(name, *location, need));
      }
    }
  }
  for (const auto& row : found[2]) {
    ARROW_ASSIGN_OR_RAISE(TableName name, NameFromRow(row));
    ARROW_ASSIGN_OR_RAISE(std::string location, ledger::TextOf(row, "metadata_location"));
    ARROW_RETURN_NOT_OK(AddMetadata(name, location, Need::kMust));
  }
  ARROW_RETURN_NOT_OK(AddPins());
  for (const auto& row : found[1]) {
    ARROW_ASSIGN_OR_RAISE(TableChange change, ChangeFromRow(row));
    for (const std::string& location : {change.metadata_before, change.metadata_after}) {
      if (location.empty()) continue;
      ARROW_RETURN_NOT_OK(AddMetadata(change.table, location, Need::kMay));
    }
  }
  return Status::OK();
}

// Also where another engine dropped the table and the history does not know its last metadata.
Status Reachable::AddPins() {
  ARROW_ASSIGN_OR_RAISE(auto frozen, FrozenPins(*catalog_));
  for (const FrozenPin& one : frozen) {
    ARROW_RETURN_NOT_OK(context_.CheckStop());
    auto version = PinnedVersion(*catalog_, one.table, one.pin);
    if (base::KindOf(version.status()) == base::ErrorKind::kNotFound) continue;
    ARROW_RETURN_NOT_OK(base::WithContext("dataset " + one.dataset, version.status()));
    ARROW_RETURN_NOT_OK(
        AddMetadata(version->table.name, version->table.metadata_location, Need::kMay));
  }
  return Status::OK();
}

void Reachable::AddStatistics(const TableMetadata& metadata, const char* list) {
  auto found = metadata.json.find(list);
  if (found == metadata.json.end() || !found->is_array()) return;
  for (const base::Json& one : *found) {
    auto path = one.find("statistics-path");
    if (path != one.end() && path->is_string()) Add(path->get<std::string>());
  }
}

Status Reachable::AddMetadata(const TableName& name, const std::string& location, Need need) {
  // A log entry may have added the path before; its snapshots are followed only from here.
  if (!walked_.insert(location).second) return Status::OK();
  Add(location, need);
  auto path = catalog_->store().PathOf(location);
  if (!path.ok() || !paths_.contains(*path)) return Status::OK();
  ARROW_RETURN_NOT_OK(context_.CheckStop());
  ARROW_ASSIGN_OR_RAISE(Table table, catalog_->LoadAt(name, location));
  const TableMetadata& metadata = *table.metadata;
  AddStatistics(metadata, "statistics");
  AddStatistics(metadata, "partition-statistics");
  if (auto log = metadata.json.find("metadata-log"); log != metadata.json.end()) {
    for (const base::Json& entry : *log) {
      auto file = entry.find("metadata-file");
      if (file != entry.end() && file->is_string()) Add(file->get<std::string>());
    }
  }
  for (const Snapshot& snapshot : metadata.snapshots) {
    if (need == Need::kMay && expired_->contains(snapshot.id)) continue;
    ARROW_RETURN_NOT_OK(base::WithContext(name.ToString(), AddSnapshot(snapshot, need)));
  }
  return Status::OK();
}

Status Reachable::AddSnapshot(const Snapshot& snapshot, Need need) {
  if (!Add(snapshot.manifest_list, need)) return Status::OK();
  ARROW_RETURN_NOT_OK(context_.CheckStop());
  ARROW_ASSIGN_OR_RAISE(auto list, LoadManifestList(catalog_->store(), snapshot));
  for (const ManifestFile& file : list) {
    if (!Add(file.uri, need)) continue;
    ARROW_ASSIGN_OR_RAISE(Manifest manifest, LoadManifest(catalog_->store(), file));
    for (const ManifestEntry& entry : manifest.entries) {
      // An entry that says "deleted" names a file that only older snapshots hold, through their own
      // manifests.
      if (entry.status != EntryStatus::kDeleted) Add(entry.file.uri);
    }
  }
  return Status::OK();
}

}  // namespace millpond::table
