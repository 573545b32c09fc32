// One table's metadata as branches see it; see the header.
#include "table/branch_view.h"

#include <arrow/api.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "base/time.h"
#include "table/expiry.h"
#include "table/history_rows.h"

namespace millpond::table {
namespace {

using ledger::Compare;

// A name that was dropped more often than this is found by its own commit's metadata or not at all.
constexpr int64_t kDropsTried = 64;

bool IsBranch(const TableMetadata& metadata, const std::string& name) {
  auto ref = metadata.refs.find(name);
  return ref != metadata.refs.end() && !ref->second.is_tag;
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
  if (schema == nullptr) schema = &table.metadata->schema();
  version.schema = schema->arrow;
  version.schema_id = schema->id;
  version.table = std::move(table);
  return version;
}

bool HasColumnsOf(const Schema& schema, const Schema& other) {
  auto has = [&](int32_t id) {
    const auto& fields = schema.arrow->fields();
    return std::any_of(fields.begin(), fields.end(),
                       [id](const auto& field) { return FieldIdOf(*field) == id; });
  };
  const auto& fields = other.arrow->fields();
  return std::all_of(fields.begin(), fields.end(),
                     [&](const auto& field) { return has(FieldIdOf(*field).value_or(-1)); });
}

// Other engines write to a branch with the table's current schema, which is main's. The branch
// keeps the columns that it has, unless the snapshot brings others.
int32_t SchemaIdOn(const TableMetadata& metadata, const Snapshot& snapshot,
                   const std::optional<TableChange>& last) {
  const Schema& written = metadata.SchemaOf(snapshot);
  if (!last || !last->schema_id) return written.id;
  const Schema* recorded = metadata.SchemaById(static_cast<int32_t>(*last->schema_id));
  if (recorded == nullptr) return written.id;
  const bool keeps = last->snapshot_after == snapshot.id || HasColumnsOf(*recorded, written);
  return keeps ? recorded->id : written.id;
}

Table MakeView(const Table& table, std::optional<int64_t> snapshot_id, int32_t schema_id) {
  TableMetadata view = *table.metadata;
  view.current_snapshot_id = snapshot_id;
  view.current_schema_id = schema_id;
  return {table.name, table.metadata_location,
          std::make_shared<const TableMetadata>(std::move(view))};
}

void SetMain(TableMetadata* metadata, std::optional<int64_t> snapshot_id) {
  metadata->current_snapshot_id = snapshot_id;
  if (snapshot_id) {
    metadata->refs[kMainBranch] = {*snapshot_id, false};
  } else {
    metadata->refs.erase(kMainBranch);
  }
}

// Metadata files that may know what a change left behind, best first: later metadata of the same
// table keeps older snapshots and schemas, so the catalog's own pointer serves most; a table that
// was dropped since is found through what its drop left; the commit's own file may have been
// trimmed and comes last.
Result<std::vector<std::string>> Candidates(Catalog& catalog, const TableChange& change) {
  const TableName& name = change.table;
  const ledger::Conditions key = {{"table_namespace", Compare::kEqual, name.space},
                                  {"table_name", Compare::kEqual, name.name}};
  ledger::Conditions drops = key;
  drops.push_back({"operation", Compare::kEqual, std::string(kDropOperation)});
  ARROW_ASSIGN_OR_RAISE(auto found, catalog.ledger().SelectAll(
                                        {{.table = "iceberg_tables", .where = CatalogKey(name)},
                                         {.table = "pond_retired_table", .where = key},
                                         {.table = "pond_commit_table",
                                          .where = drops,
                                          .order_by = {{"sequence", true}},
                                          .limit = kDropsTried}}));
  std::vector<std::string> candidates;
  const char* const columns[] = {"metadata_location", "metadata_location", "metadata_before"};
  for (size_t i = 0; i < found.size(); ++i) {
    for (const ledger::Row& row : found[i]) {
      ARROW_ASSIGN_OR_RAISE(auto location, ledger::OptionalTextOf(row, columns[i]));
      if (location) candidates.push_back(*std::move(location));
    }
  }
  if (!change.metadata_after.empty()) candidates.push_back(change.metadata_after);
  return candidates;
}

Status CheckNotExpired(Catalog& catalog, const TableChange& change) {
  if (!change.snapshot_after) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(const auto by,
                        FindExpiry(catalog.ledger(), change.table, *change.snapshot_after));
  if (!by) return Status::OK();
  return base::NotFound(
      "{}: the snapshot of that commit was expired by upkeep on {} (commit {}); tag the versions "
      "that are to stay, or raise history.expire.max-snapshot-age-ms of the table",
      change.table.ToString(), base::FormatUtc(by->at_ms), by->commit_id);
}

}  // namespace

bool IsOnMain(const TableMetadata& metadata) {
  // Rows that another engine put on main make it a table of main again.
  return metadata.current_snapshot_id.has_value() ||
         !metadata.properties.contains(kBranchOnlyProperty);
}

Result<TableVersion> RecordedVersion(Catalog& catalog, const TableChange& change) {
  ARROW_ASSIGN_OR_RAISE(auto candidates, Candidates(catalog, change));
  for (size_t i = 0; i < candidates.size(); ++i) {
    // Older metadata may still name what upkeep took, and its files may be gone already.
    if (i == 1) ARROW_RETURN_NOT_OK(CheckNotExpired(catalog, change));
    auto table = catalog.LoadAt(change.table, candidates[i]);
    if (!table.ok()) {
      if (base::KindOf(table.status()) == base::ErrorKind::kNotFound) continue;
      return table.status();
    }
    if (Holds(*table->metadata, change)) return VersionFrom(*std::move(table), change);
  }
  ARROW_RETURN_NOT_OK(CheckNotExpired(catalog, change));
  return base::NotFound(
      "{}: the snapshot of that commit is gone; another engine expired it or removed the table's "
      "files",
      change.table.ToString());
}

Result<std::optional<Table>> ViewOn(Catalog& catalog, const TableName&, const std::string& branch,
                                    const std::optional<Table>& stored,
                                    const std::optional<TableChange>& last) {
  if (branch == kMainBranch) {
    return stored && IsOnMain(*stored->metadata) ? stored : std::nullopt;
  }
  const bool recorded = last && last->operation != kDropOperation;
  if (stored && IsBranch(*stored->metadata, branch)) {
    const TableMetadata& metadata = *stored->metadata;
    const Snapshot* snapshot = metadata.SnapshotById(metadata.refs.at(branch).snapshot_id);
    if (snapshot != nullptr) {
      const auto known = recorded ? last : std::nullopt;
      return MakeView(*stored, snapshot->id, SchemaIdOn(metadata, *snapshot, known));
    }
  }
  if (!recorded) return std::nullopt;
  // The caller's own metadata first: the catalog's pointer may have moved on since it was read.
  if (stored && Holds(*stored->metadata, *last)) {
    const TableVersion version = VersionFrom(*stored, *last);
    return MakeView(*stored, version.snapshot_id, version.schema_id);
  }
  ARROW_ASSIGN_OR_RAISE(TableVersion version, RecordedVersion(catalog, *last));
  return MakeView(version.table, version.snapshot_id, version.schema_id);
}

Result<TableMetadata> ViewAt(const TableVersion& version, const std::optional<Table>& stored) {
  const Table& base = stored ? *stored : version.table;
  ARROW_RETURN_NOT_OK(CheckSameTable(*version.table.metadata, stored));
  TableMetadata view = *base.metadata;
  const bool holds = (!version.snapshot_id || view.SnapshotById(*version.snapshot_id) != nullptr) &&
                     view.SchemaById(version.schema_id) != nullptr;
  if (!holds) {
    return base::Conflict(
        "{}: another engine expired the snapshot that this version needs; its rows can be read, "
        "but "
        "the table cannot go on from there",
        base.name.ToString());
  }
  view.current_snapshot_id = version.snapshot_id;
  view.current_schema_id = version.schema_id;
  return view;
}

Status CheckSameTable(const TableMetadata& metadata, const std::optional<Table>& stored) {
  if (!stored || stored->metadata->uuid == metadata.uuid) return Status::OK();
  return base::Conflict(
      "the name {} belongs to another table by now, one that was made after this one was dropped; "
      "drop that one first",
      stored->name.ToString());
}

Result<TableMetadata> StoreView(const TableName& name, TableMetadata view,
                                const TableMetadata* stored, const std::string& branch) {
  if (branch == kMainBranch) {
    view.properties.erase(kBranchOnlyProperty);
    SetMain(&view, view.current_snapshot_id);
    return view;
  }
  auto taken = view.refs.find(branch);
  if (taken != view.refs.end() && taken->second.is_tag) {
    return base::AlreadyExists(
        "{} has a tag '{}', set by another engine, so the branch of that name cannot show in it; "
        "use a branch of another name",
        name.ToString(), branch);
  }
  if (view.current_snapshot_id) view.refs[branch] = {*view.current_snapshot_id, false};
  if (stored == nullptr) {
    SetMain(&view, std::nullopt);
    view.properties[kBranchOnlyProperty] = branch;
    return view;
  }
  SetMain(&view, stored->current_snapshot_id);
  // Who reads the branch by its name gets the table's current schema, so where main has none it is
  // that of the branch that keeps the table.
  const auto keeper = stored->properties.find(kBranchOnlyProperty);
  if (IsOnMain(*stored) || keeper == stored->properties.end() || keeper->second != branch) {
    view.current_schema_id = stored->current_schema_id;
  }
  return view;
}

std::optional<TableMetadata> WithoutBranch(const TableMetadata& stored, const std::string& branch,
                                           const std::set<std::string>& branches) {
  TableMetadata next = stored;
  if (branch == kMainBranch) {
    SetMain(&next, std::nullopt);
  } else {
    next.refs.erase(branch);
    if (IsOnMain(next)) return next;
  }
  auto keeper = std::find_if(branches.begin(), branches.end(), [&](const std::string& name) {
    return name != branch && IsBranch(next, name);
  });
  if (keeper == branches.end()) return std::nullopt;
  next.properties[kBranchOnlyProperty] = *keeper;
  return next;
}

}  // namespace millpond::table
