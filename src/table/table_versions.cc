// Tables as they were: from a ref to the metadata file, snapshot and schema of one table or of all,
// and which tables other engines wrote. Implements the part of History that reads tables; what a
// version is found by is described in docs/design/commits.md.
#include <arrow/api.h>

#include <utility>

#include "table/history.h"
#include "table/history_rows.h"
#include "table/ref_expression.h"

namespace millpond::table {
namespace {

using ledger::Compare;

TableVersion HeadOf(Table table) {
  TableVersion version;
  version.snapshot_id = table.metadata->current_snapshot_id;
  version.schema = table.metadata->schema().arrow;
  version.table = std::move(table);
  return version;
}

TableVersion AtSnapshot(Table table, const Snapshot& snapshot) {
  TableVersion version;
  version.snapshot_id = snapshot.id;
  version.schema = table.metadata->SchemaOf(snapshot).arrow;
  version.table = std::move(table);
  return version;
}

// Whether a metadata document still knows what a change left behind: its snapshot and its schema.
bool Holds(const TableMetadata& metadata, const TableChange& change) {
  if (change.snapshot_after && metadata.SnapshotById(*change.snapshot_after) == nullptr) {
    return false;
  }
  if (!change.snapshot_after && !change.metadata_after.starts_with(metadata.location + "/")) {
    return false;
  }
  return !change.schema_id ||
         metadata.SchemaById(static_cast<int32_t>(*change.schema_id)) != nullptr;
}

TableVersion VersionFrom(Table table, const TableChange& change) {
  TableVersion version;
  version.snapshot_id = change.snapshot_after;
  const Schema* schema = change.schema_id
                             ? table.metadata->SchemaById(static_cast<int32_t>(*change.schema_id))
                             : nullptr;
  version.schema = (schema != nullptr ? *schema : table.metadata->schema()).arrow;
  version.table = std::move(table);
  return version;
}

// Later metadata of the same table keeps older snapshots and schemas, so the catalog's own pointer
// serves most refs; a table that was dropped since is found through what its drop left; the
// commit's own metadata file may have been trimmed and comes last.
Result<TableVersion> Reconstruct(Catalog& catalog, const TableChange& change, int64_t sequence) {
  const TableName& name = change.table;
  ARROW_ASSIGN_OR_RAISE(
      auto found, catalog.ledger().SelectAll(
                      {{.table = "iceberg_tables", .where = CatalogKey(name)},
                       {.table = "pond_commit_table",
                        .where = {{"table_namespace", Compare::kEqual, name.space},
                                  {"table_name", Compare::kEqual, name.name},
                                  {"sequence", Compare::kGreater, sequence},
                                  {"operation", Compare::kEqual, std::string(kDropOperation)}},
                        .order_by = {{"sequence", false}},
                        .limit = 1}}));
  std::vector<std::string> candidates;
  if (!found[0].empty()) {
    ARROW_ASSIGN_OR_RAISE(std::string location, ledger::TextOf(found[0][0], "metadata_location"));
    candidates.push_back(std::move(location));
  }
  if (!found[1].empty()) {
    ARROW_ASSIGN_OR_RAISE(TableChange drop, ChangeFromRow(found[1][0]));
    candidates.push_back(drop.metadata_before);
  }
  candidates.push_back(change.metadata_after);
  for (const std::string& location : candidates) {
    auto table = catalog.LoadAt(name, location);
    if (!table.ok()) {
      if (base::KindOf(table.status()) == base::ErrorKind::kNotFound) continue;
      return table.status();
    }
    if (Holds(*table->metadata, change)) return VersionFrom(*std::move(table), change);
  }
  return base::NotFound(
      "{}: the snapshot of that commit is gone; another engine expired it or removed the table's "
      "files",
      name.ToString());
}

Result<TableVersion> AtCommit(Catalog& catalog, const TableName& name, const PondCommit& commit,
                              const std::string& ref) {
  ARROW_ASSIGN_OR_RAISE(auto rows, catalog.ledger().Select(LastChangeQuery(name, commit.sequence)));
  if (rows.empty()) {
    return base::NotFound("{} did not exist at '{}' (commit {})", name.ToString(), ref, commit.id);
  }
  ARROW_ASSIGN_OR_RAISE(TableChange change, ChangeFromRow(rows[0]));
  if (change.operation == kDropOperation) {
    return base::NotFound("{} had been dropped at '{}' (commit {})", name.ToString(), ref,
                          commit.id);
  }
  return Reconstruct(catalog, change, commit.sequence);
}

}  // namespace

Result<TableVersion> History::At(const TableName& name, const std::string& text) {
  ARROW_ASSIGN_OR_RAISE(RefExpression ref, ParseRef(text));
  if (ref.IsHead()) {
    ARROW_ASSIGN_OR_RAISE(Table table, catalog_->Load(name));
    return HeadOf(std::move(table));
  }
  // Snapshot ids and the refs that other engines set are the table's own words.
  auto table = catalog_->Load(name);
  if (auto id = ref.AsSnapshotId(); id && table.ok()) {
    if (const Snapshot* snapshot = table->metadata->SnapshotById(*id)) {
      return AtSnapshot(*std::move(table), *snapshot);
    }
  }
  auto commit = Resolve(text);
  if (commit.ok()) return AtCommit(*catalog_, name, **commit, text);
  if (base::KindOf(commit.status()) == base::ErrorKind::kNotFound && table.ok()) {
    auto found = table->metadata->refs.find(text);
    if (found != table->metadata->refs.end()) {
      if (const Snapshot* snapshot = table->metadata->SnapshotById(found->second.snapshot_id)) {
        return AtSnapshot(*std::move(table), *snapshot);
      }
    }
  }
  return commit.status();
}

Result<std::vector<TableVersion>> History::TablesAt(const std::string& text) {
  std::vector<TableVersion> versions;
  ARROW_ASSIGN_OR_RAISE(RefExpression ref, ParseRef(text));
  if (ref.IsHead()) {
    ARROW_ASSIGN_OR_RAISE(auto names, catalog_->List());
    for (const TableName& name : names) {
      ARROW_ASSIGN_OR_RAISE(Table table, catalog_->Load(name));
      versions.push_back(HeadOf(std::move(table)));
    }
    return versions;
  }
  ARROW_ASSIGN_OR_RAISE(auto commit, Resolve(text));
  ARROW_ASSIGN_OR_RAISE(auto changes, LastChangesAt(catalog_->ledger(), commit->sequence));
  for (const auto& [name, change] : changes) {
    ARROW_ASSIGN_OR_RAISE(TableVersion version, Reconstruct(*catalog_, change, commit->sequence));
    versions.push_back(std::move(version));
  }
  return versions;
}

Result<std::vector<TableName>> History::Unrecorded() {
  ARROW_ASSIGN_OR_RAISE(auto pointers, catalog_->Pointers());
  ARROW_ASSIGN_OR_RAISE(auto last, LastChangesAt(catalog_->ledger(), {}));
  std::vector<TableName> names;
  for (const auto& [name, location] : pointers) {
    auto known = last.find(name);
    if (known != last.end() && known->second.metadata_after == location) continue;
    ARROW_ASSIGN_OR_RAISE(Table table, catalog_->LoadAt(name, location));
    if (known == last.end() || !IsRecorded(known->second, table)) names.push_back(name);
  }
  for (const auto& [name, change] : last) {
    if (!pointers.contains(name)) names.push_back(name);
  }
  return names;
}

}  // namespace millpond::table
