// Rows of the pond's history as values; see the header.
#include "table/history_rows.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/text.h"

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
          {"lane", commit.lane},
          {"generation", commit.generation},
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

Result<TableName> NameFromRow(const Row& row) {
  TableName name;
  ARROW_ASSIGN_OR_RAISE(name.space, ledger::TextOf(row, "table_namespace"));
  ARROW_ASSIGN_OR_RAISE(name.name, ledger::TextOf(row, "table_name"));
  return name;
}

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

void AddCatalogRow(const TableName& name, const std::string& metadata_location,
                   const std::string& conflict, ledger::Transaction* transaction) {
  transaction->Upsert("iceberg_namespace_properties", {{"catalog_name", std::string(kCatalogName)},
                                                       {"namespace", name.space},
                                                       {"property_key", std::string("exists")},
                                                       {"property_value", std::string("true")}});
  transaction->Insert("iceberg_tables", CatalogRow(name, metadata_location), conflict);
}

void AddRefRow(const PondRef& ref, ledger::Transaction* transaction) {
  transaction->Insert("pond_ref",
                      {{"name", ref.name},
                       {"kind", ref.kind},
                       {"commit_id", OrNull(ref.commit_id)},
                       {"author", ref.author},
                       {"message", ref.message},
                       {"created_ms", ref.created_ms},
                       {"protected", int64_t{ref.is_protected ? 1 : 0}}},
                      "the " + ref.kind + " '" + ref.name + "' exists");
}

Result<PondCommit> CommitFromRow(const Row& row) {
  PondCommit commit;
  ARROW_ASSIGN_OR_RAISE(commit.id, ledger::TextOf(row, "commit_id"));
  ARROW_ASSIGN_OR_RAISE(commit.sequence, ledger::IntOf(row, "sequence"));
  ARROW_ASSIGN_OR_RAISE(commit.lane, ledger::TextOf(row, "lane"));
  ARROW_ASSIGN_OR_RAISE(commit.generation, ledger::IntOf(row, "generation"));
  ARROW_ASSIGN_OR_RAISE(commit.parent, ledger::OptionalTextOf(row, "parent_id"));
  ARROW_ASSIGN_OR_RAISE(commit.merge_parent, ledger::OptionalTextOf(row, "merge_parent_id"));
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
  ARROW_ASSIGN_OR_RAISE(change.table, NameFromRow(row));
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
  ARROW_ASSIGN_OR_RAISE(const int64_t is_protected, ledger::IntOf(row, "protected"));
  ref.is_protected = is_protected != 0;
  return ref;
}

void AddCommitRows(const PondCommit& commit, const std::string& branch,
                   ledger::Transaction* transaction) {
  transaction->Insert("pond_commit",
                      {{"commit_id", commit.id},
                       {"sequence", commit.sequence},
                       {"lane", commit.lane},
                       {"generation", commit.generation},
                       {"parent_id", OrNull(commit.parent)},
                       {"merge_parent_id", OrNull(commit.merge_parent)},
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
  transaction->Update(
      "pond_ref", {{"commit_id", commit.id}},
      {{"name", Compare::kEqual, branch}, {"commit_id", Compare::kEqual, OrNull(commit.parent)}}, 1,
      "another commit landed first");
}

ledger::Query LastChangeQuery(const TableName& name, const std::string& lane, int64_t generation) {
  return {.table = "pond_commit_table",
          .where = {{"table_namespace", Compare::kEqual, name.space},
                    {"table_name", Compare::kEqual, name.name},
                    {"lane", Compare::kEqual, lane},
                    {"generation", Compare::kLessEqual, generation}},
          .order_by = {{"generation", true}},
          .limit = 1};
}

ledger::Query RefQuery(const std::string& name) {
  return {.table = "pond_ref", .where = {{"name", Compare::kEqual, name}}};
}

ledger::Query CommitQuery(const std::string& commit_id) {
  return {.table = "pond_commit", .where = {{"commit_id", Compare::kEqual, commit_id}}};
}

ledger::Query NewestCommitQuery() {
  return {.table = "pond_commit", .order_by = {{"sequence", true}}, .limit = 1};
}

Status NoSuchBranch(ledger::Ledger& ledger, const std::string& name) {
  ARROW_ASSIGN_OR_RAISE(auto rows, ledger.Select({.table = "pond_ref"}));
  std::vector<std::string> branches;
  for (const Row& row : rows) {
    ARROW_ASSIGN_OR_RAISE(PondRef ref, RefFromRow(row));
    if (ref.kind == kBranchKind) branches.push_back(std::move(ref.name));
  }
  return base::NotFound("no branch '{}'.{} `millpond branch {}` makes it", name,
                        base::DidYouMean(name, branches), name);
}

Result<PondRef> FindBranch(ledger::Ledger& ledger, const std::string& name) {
  ARROW_ASSIGN_OR_RAISE(auto rows, ledger.Select(RefQuery(name)));
  if (rows.empty()) return NoSuchBranch(ledger, name);
  ARROW_ASSIGN_OR_RAISE(PondRef ref, RefFromRow(rows[0]));
  if (ref.kind != kBranchKind) {
    return base::Invalid("'{}' is a {}, not a branch; a tag never moves", name, ref.kind);
  }
  return ref;
}

ledger::Query BranchesQuery(const TableName& name) {
  return {.table = "pond_branch_table",
          .where = {{"table_namespace", Compare::kEqual, name.space},
                    {"table_name", Compare::kEqual, name.name}}};
}

Result<std::set<std::string>> BranchesOf(ledger::Ledger& ledger, const TableName& name) {
  ARROW_ASSIGN_OR_RAISE(auto rows, ledger.Select(BranchesQuery(name)));
  std::set<std::string> branches;
  for (const Row& row : rows) {
    ARROW_ASSIGN_OR_RAISE(std::string branch, ledger::TextOf(row, "branch"));
    branches.insert(std::move(branch));
  }
  return branches;
}

void AddBranchTable(const std::string& branch, const TableName& name,
                    ledger::Transaction* transaction) {
  if (branch == kMainBranch) return;
  transaction->Upsert(
      "pond_branch_table",
      {{"branch", branch}, {"table_namespace", name.space}, {"table_name", name.name}});
}

void RemoveBranchTable(const std::string& branch, const TableName& name,
                       ledger::Transaction* transaction) {
  transaction->Delete("pond_branch_table", {{"branch", Compare::kEqual, branch},
                                            {"table_namespace", Compare::kEqual, name.space},
                                            {"table_name", Compare::kEqual, name.name}});
}

Result<PondCommit> CommitById(ledger::Ledger& ledger, const std::string& commit_id) {
  ARROW_ASSIGN_OR_RAISE(auto rows, ledger.Select(CommitQuery(commit_id)));
  if (rows.empty()) {
    return base::Corrupt("the ledger lacks the commit {}; restore it from a backup", commit_id);
  }
  return CommitFromRow(rows[0]);
}

Result<std::optional<PondCommit>> FindCommit(ledger::Ledger& ledger, const std::string& commit_id) {
  ARROW_ASSIGN_OR_RAISE(auto rows, ledger.Select(CommitQuery(commit_id)));
  if (rows.empty()) return std::nullopt;
  std::vector<PondCommit> commits(1);
  ARROW_ASSIGN_OR_RAISE(commits[0], CommitFromRow(rows[0]));
  ARROW_RETURN_NOT_OK(AddChanges(ledger, &commits));
  return std::move(commits[0]);
}

Status AddChanges(ledger::Ledger& ledger, std::vector<PondCommit>* commits) {
  // Bounds what is asked at once.
  constexpr size_t kCommitsAtOnce = 256;
  for (size_t begin = 0; begin < commits->size(); begin += kCommitsAtOnce) {
    const size_t end = std::min(commits->size(), begin + kCommitsAtOnce);
    std::vector<ledger::Query> queries;
    for (size_t i = begin; i < end; ++i) {
      queries.push_back({.table = "pond_commit_table",
                         .where = {{"commit_id", Compare::kEqual, (*commits)[i].id}},
                         .order_by = {{"table_namespace", false}, {"table_name", false}}});
    }
    ARROW_ASSIGN_OR_RAISE(auto found, ledger.SelectAll(queries));
    for (size_t i = begin; i < end; ++i) {
      for (const Row& row : found[i - begin]) {
        ARROW_ASSIGN_OR_RAISE(TableChange change, ChangeFromRow(row));
        (*commits)[i].changes.push_back(std::move(change));
      }
    }
  }
  return Status::OK();
}

bool IsRecorded(const std::optional<TableChange>& last, const Table& current) {
  if (!last || last->operation == kDropOperation) return false;
  // A table without data has no snapshot to compare; its folder tells a re-created one from the
  // old.
  return last->snapshot_after == current.metadata->current_snapshot_id &&
         last->schema_id == current.metadata->current_schema_id &&
         last->metadata_after.starts_with(current.metadata->location + "/");
}

}  // namespace millpond::table
