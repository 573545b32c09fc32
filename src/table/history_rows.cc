// Rows of the pond's history as values; see the header.
#include "table/history_rows.h"

#include <utility>
#include <vector>

#include "base/json.h"

namespace millpond::table {
namespace {

using ledger::Compare;
using ledger::Row;
using ledger::Value;

template <class T>
Value OrNull(const std::optional<T>& value) {
  if (!value) return std::monostate{};
  return *value;
}

Value TextOrNull(const std::string& text) {
  if (text.empty()) return std::monostate{};
  return text;
}

Result<base::Json> JsonOf(const Row& row, const std::string& column) {
  ARROW_ASSIGN_OR_RAISE(std::string text, ledger::TextOf(row, column));
  return base::ParseJson(text, "ledger column pond_commit." + column);
}

Row ChangeRow(const PondCommit& commit, const TableChange& change) {
  return {{"commit_id", commit.id},
          {"sequence", commit.sequence},
          {"table_namespace", change.table.space},
          {"table_name", change.table.name},
          {"operation", change.operation},
          {"snapshot_before", OrNull(change.snapshot_before)},
          {"snapshot_after", OrNull(change.snapshot_after)},
          {"schema_id", OrNull(change.schema_id)},
          {"metadata_before", TextOrNull(change.metadata_before)},
          {"metadata_after", TextOrNull(change.metadata_after)}};
}

}  // namespace

ledger::Conditions CatalogKey(const TableName& name) {
  return {{"catalog_name", Compare::kEqual, std::string(kCatalogName)},
          {"table_namespace", Compare::kEqual, name.space},
          {"table_name", Compare::kEqual, name.name}};
}

Row CatalogRow(const TableName& name, const std::string& metadata_location) {
  return {{"catalog_name", std::string(kCatalogName)},
          {"table_namespace", name.space},
          {"table_name", name.name},
          {"metadata_location", metadata_location},
          {"previous_metadata_location", std::monostate{}},
          {"iceberg_type", std::string("TABLE")}};
}

Result<PondCommit> CommitFromRow(const Row& row) {
  PondCommit commit;
  ARROW_ASSIGN_OR_RAISE(commit.id, ledger::TextOf(row, "commit_id"));
  ARROW_ASSIGN_OR_RAISE(commit.sequence, ledger::IntOf(row, "sequence"));
  ARROW_ASSIGN_OR_RAISE(commit.parent, ledger::OptionalTextOf(row, "parent_id"));
  ARROW_ASSIGN_OR_RAISE(commit.author, ledger::TextOf(row, "author"));
  ARROW_ASSIGN_OR_RAISE(commit.message, ledger::TextOf(row, "message"));
  ARROW_ASSIGN_OR_RAISE(commit.operation, ledger::TextOf(row, "operation"));
  ARROW_ASSIGN_OR_RAISE(commit.created_ms, ledger::IntOf(row, "created_ms"));
  ARROW_ASSIGN_OR_RAISE(commit.inputs, JsonOf(row, "inputs"));
  ARROW_ASSIGN_OR_RAISE(commit.details, JsonOf(row, "details"));
  ARROW_ASSIGN_OR_RAISE(commit.idempotency_key, ledger::OptionalTextOf(row, "idempotency_key"));
  return commit;
}

Result<TableChange> ChangeFromRow(const Row& row) {
  TableChange change;
  ARROW_ASSIGN_OR_RAISE(change.table.space, ledger::TextOf(row, "table_namespace"));
  ARROW_ASSIGN_OR_RAISE(change.table.name, ledger::TextOf(row, "table_name"));
  ARROW_ASSIGN_OR_RAISE(change.operation, ledger::TextOf(row, "operation"));
  ARROW_ASSIGN_OR_RAISE(change.snapshot_before, ledger::OptionalIntOf(row, "snapshot_before"));
  ARROW_ASSIGN_OR_RAISE(change.snapshot_after, ledger::OptionalIntOf(row, "snapshot_after"));
  ARROW_ASSIGN_OR_RAISE(change.schema_id, ledger::OptionalIntOf(row, "schema_id"));
  ARROW_ASSIGN_OR_RAISE(auto before, ledger::OptionalTextOf(row, "metadata_before"));
  ARROW_ASSIGN_OR_RAISE(auto after, ledger::OptionalTextOf(row, "metadata_after"));
  change.metadata_before = before.value_or("");
  change.metadata_after = after.value_or("");
  return change;
}

Result<PondRef> RefFromRow(const Row& row) {
  PondRef ref;
  ARROW_ASSIGN_OR_RAISE(ref.name, ledger::TextOf(row, "name"));
  ARROW_ASSIGN_OR_RAISE(ref.kind, ledger::TextOf(row, "kind"));
  ARROW_ASSIGN_OR_RAISE(ref.commit_id, ledger::OptionalTextOf(row, "commit_id"));
  ARROW_ASSIGN_OR_RAISE(ref.author, ledger::TextOf(row, "author"));
  ARROW_ASSIGN_OR_RAISE(ref.message, ledger::TextOf(row, "message"));
  ARROW_ASSIGN_OR_RAISE(ref.created_ms, ledger::IntOf(row, "created_ms"));
  return ref;
}

void AddCommitRows(const PondCommit& commit, ledger::Transaction* transaction) {
  transaction->Insert("pond_commit",
                      {{"commit_id", commit.id},
                       {"sequence", commit.sequence},
                       {"parent_id", OrNull(commit.parent)},
                       {"author", commit.author},
                       {"message", commit.message},
                       {"operation", commit.operation},
                       {"created_ms", commit.created_ms},
                       {"inputs", base::CanonicalJson(commit.inputs)},
                       {"details", base::CanonicalJson(commit.details)},
                       {"idempotency_key", OrNull(commit.idempotency_key)}},
                      "another commit landed first");
  for (const TableChange& change : commit.changes) {
    transaction->Insert("pond_commit_table", ChangeRow(commit, change));
  }
  transaction->Update("pond_ref", {{"commit_id", commit.id}},
                      {{"name", Compare::kEqual, std::string(kMainBranch)},
                       {"commit_id", Compare::kEqual, OrNull(commit.parent)}},
                      1, "another commit landed first");
}

ledger::Query LastChangeQuery(const TableName& name, std::optional<int64_t> sequence) {
  ledger::Query query{.table = "pond_commit_table",
                      .where = {{"table_namespace", Compare::kEqual, name.space},
                                {"table_name", Compare::kEqual, name.name}},
                      .order_by = {{"sequence", true}},
                      .limit = 1};
  if (sequence) query.where.push_back({"sequence", Compare::kLessEqual, *sequence});
  return query;
}

ledger::Query RefQuery(const std::string& name) {
  return {.table = "pond_ref", .where = {{"name", Compare::kEqual, name}}};
}

ledger::Query CommitQuery(const std::string& commit_id) {
  return {.table = "pond_commit", .where = {{"commit_id", Compare::kEqual, commit_id}}};
}

Result<std::optional<PondCommit>> HeadCommit(ledger::Ledger& ledger) {
  ARROW_ASSIGN_OR_RAISE(
      auto rows,
      ledger.Select({.table = "pond_commit", .order_by = {{"sequence", true}}, .limit = 1}));
  if (rows.empty()) return std::nullopt;
  ARROW_ASSIGN_OR_RAISE(PondCommit commit, CommitFromRow(rows[0]));
  return commit;
}

Result<std::optional<TableChange>> LastChange(ledger::Ledger& ledger, const TableName& name) {
  ARROW_ASSIGN_OR_RAISE(auto rows, ledger.Select(LastChangeQuery(name, {})));
  if (rows.empty()) return std::nullopt;
  ARROW_ASSIGN_OR_RAISE(TableChange change, ChangeFromRow(rows[0]));
  return change;
}

Result<std::optional<PondCommit>> FindCommit(ledger::Ledger& ledger, const std::string& commit_id) {
  ARROW_ASSIGN_OR_RAISE(
      auto found,
      ledger.SelectAll({CommitQuery(commit_id),
                        {.table = "pond_commit_table",
                         .where = {{"commit_id", Compare::kEqual, commit_id}},
                         .order_by = {{"table_namespace", false}, {"table_name", false}}}}));
  if (found[0].empty()) return std::nullopt;
  ARROW_ASSIGN_OR_RAISE(PondCommit commit, CommitFromRow(found[0][0]));
  for (const Row& row : found[1]) {
    ARROW_ASSIGN_OR_RAISE(TableChange change, ChangeFromRow(row));
    commit.changes.push_back(std::move(change));
  }
  return commit;
}

Result<std::map<TableName, TableChange>> LastChangesAt(ledger::Ledger& ledger,
                                                       std::optional<int64_t> sequence) {
  ledger::Query query{.table = "pond_commit_table", .order_by = {{"sequence", false}}};
  if (sequence) query.where.push_back({"sequence", Compare::kLessEqual, *sequence});
  ARROW_ASSIGN_OR_RAISE(auto rows, ledger.Select(query));
  std::map<TableName, TableChange> changes;
  for (const Row& row : rows) {
    ARROW_ASSIGN_OR_RAISE(TableChange change, ChangeFromRow(row));
    const TableName name = change.table;
    if (change.operation == kDropOperation) {
      changes.erase(name);
    } else {
      changes[name] = std::move(change);
    }
  }
  return changes;
}

bool IsRecorded(const std::optional<TableChange>& last, const Table& current) {
  if (!last || last->operation == kDropOperation) return false;
  if (last->metadata_after == current.metadata_location) return true;
  // A table without data has no snapshot to compare; its folder tells a re-created one from the
  // old.
  return last->snapshot_after == current.metadata->current_snapshot_id &&
         last->schema_id == current.metadata->current_schema_id &&
         last->metadata_after.starts_with(current.metadata->location + "/");
}

}  // namespace millpond::table
