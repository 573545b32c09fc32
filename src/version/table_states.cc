// Tables at refs; see the header.
#include "version/table_states.h"

#include <arrow/type.h>

#include <set>

#include "base/text.h"
#include "table/commit_path.h"
#include "table/history_rows.h"
#include "table/schema.h"
#include "table/snapshot_summary.h"

namespace millpond::version {
namespace {

using table::LiveTables;
using table::PondCommit;
using table::TableChange;
using table::TableName;

Result<std::map<TableName, TableChange>> ChangesUpTo(
    table::Catalog& catalog, const std::optional<table::PondCommit>& commit) {
  ARROW_ASSIGN_OR_RAISE(const auto path, table::PathTo(catalog.ledger(), table::PointOf(commit)));
  return LiveTables(catalog.ledger(), path);
}

// A table without snapshots says by its metadata file only which table it is.
bool SameChange(const TableChange& a, const TableChange& b) {
  return a.snapshot_after == b.snapshot_after && a.schema_id == b.schema_id &&
         (a.snapshot_after || a.metadata_after == b.metadata_after);
}

}  // namespace

bool SameState(const TableState& a, const TableState& b) {
  if (!a || !b) return !a && !b;
  return a->table.metadata->uuid == b->table.metadata->uuid && a->snapshot_id == b->snapshot_id &&
         a->schema_id == b->schema_id;
}

namespace {

// What a commit left behind and cannot be found any more is not a table that it dropped.
Result<bool> IsKnown(table::Catalog& catalog, const TableName& name, const PondCommit& commit) {
  ARROW_ASSIGN_OR_RAISE(const auto path, table::PathTo(catalog.ledger(), table::PointOf(commit)));
  ARROW_ASSIGN_OR_RAISE(const auto changes, table::LastChanges(catalog.ledger(), path, {name}));
  return !changes.empty() && changes.begin()->second.operation != table::kDropOperation;
}

}  // namespace

Result<TableState> StateAt(const std::shared_ptr<table::Catalog>& catalog, const TableName& name,
                           const std::string& ref) {
  table::History history(catalog);
  auto version = history.At(name, ref);
  if (version.ok()) return TableState(*std::move(version));
  if (base::KindOf(version.status()) != base::ErrorKind::kNotFound) return version.status();
  // Is it the table that is missing, the ref, or what the ref leads to?
  ARROW_ASSIGN_OR_RAISE(const auto commit, history.Resolve(ref));
  if (!commit || commit->id != ref) return TableState();  // A branch, as the catalog has it.
  ARROW_ASSIGN_OR_RAISE(const bool is_known, IsKnown(*catalog, name, *commit));
  if (is_known) return base::WithKind(base::ErrorKind::kConflict, version.status());
  return TableState();
}

Result<std::map<TableName, TableState>> StatesAt(table::History& history, const std::string& ref) {
  ARROW_ASSIGN_OR_RAISE(auto versions, history.TablesAt(ref));
  std::map<TableName, TableState> states;
  for (auto& version : versions) {
    const TableName name = version.table.name;
    states[name] = std::move(version);
  }
  return states;
}

Result<std::vector<TableName>> DifferingTables(table::Catalog& catalog,
                                               const std::optional<table::PondCommit>& a,
                                               const std::optional<table::PondCommit>& b) {
  ARROW_ASSIGN_OR_RAISE(auto before, ChangesUpTo(catalog, a));
  ARROW_ASSIGN_OR_RAISE(auto after, ChangesUpTo(catalog, b));
  std::vector<TableName> names;
  for (const auto& [name, change] : after) {
    const auto found = before.find(name);
    if (found == before.end() || !SameChange(found->second, change)) names.push_back(name);
  }
  for (const auto& [name, change] : before) {
    if (!after.contains(name)) names.push_back(name);
  }
  return names;
}

std::vector<std::string> ColumnsOnlyIn(const arrow::Schema& schema, const arrow::Schema& other) {
  std::set<int32_t> known;
  for (const auto& field : other.fields()) known.insert(table::FieldIdOf(*field).value_or(-1));
  std::vector<std::string> names;
  for (const auto& field : schema.fields()) {
    if (!known.contains(table::FieldIdOf(*field).value_or(-1))) names.push_back(field->name());
  }
  return names;
}

int64_t RowsOf(const TableState& state) {
  if (!state || !state->snapshot_id) return 0;
  const auto* snapshot = state->table.metadata->SnapshotById(*state->snapshot_id);
  return snapshot == nullptr ? 0 : table::RowsOf(*snapshot).value_or(0);
}

std::vector<int32_t> KeyFieldsOf(const table::TableVersion& version) {
  const auto* schema = version.table.metadata->SchemaById(version.schema_id);
  return schema == nullptr ? std::vector<int32_t>{} : schema->identifier_field_ids;
}

std::string SqlAt(const TableName& name, const std::string& ref) {
  return base::QuoteIdentifier(name.space) + "." + base::QuoteIdentifier(name.name) + "@" +
         base::QuoteIdentifier(ref);
}

}  // namespace millpond::version
