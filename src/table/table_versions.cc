// Tables as they were: from a ref to the metadata file, snapshot and schema of one table or of all,
// and which tables other engines wrote. Implements the part of History that reads tables; what a
// version is found by is described in docs/design/commits.md.
#include <arrow/api.h>

#include <map>
#include <utility>

#include "base/text.h"
#include "table/branch_view.h"
#include "table/commit_path.h"
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
  version.schema_id = table.metadata->current_schema_id;
  version.table = std::move(table);
  return version;
}

TableVersion AtSnapshot(Table table, const Snapshot& snapshot) {
  TableVersion version;
  version.snapshot_id = snapshot.id;
  const Schema& schema = table.metadata->SchemaOf(snapshot);
  version.schema = schema.arrow;
  version.schema_id = schema.id;
  version.table = std::move(table);
  return version;
}

Result<std::optional<Table>> LoadIfThere(Catalog& catalog, const TableName& name) {
  auto table = catalog.Load(name);
  if (table.ok()) return *std::move(table);
  if (base::KindOf(table.status()) == base::ErrorKind::kNotFound) return std::nullopt;
  return table.status();
}

Result<TableVersion> AtCommit(Catalog& catalog, const TableName& name, const PondCommit& commit,
                              const std::string& ref) {
  ARROW_ASSIGN_OR_RAISE(CommitPath path, PathTo(catalog.ledger(), PointOf(commit)));
  ARROW_ASSIGN_OR_RAISE(auto changes, LastChanges(catalog.ledger(), path, {name}));
  if (changes.empty()) {
    return base::NotFound("{} did not exist at '{}' (commit {})", name.ToString(), ref, commit.id);
  }
  const TableChange& change = changes.begin()->second;
  if (change.operation == kDropOperation) {
    return base::NotFound("{} had been dropped at '{}' (commit {})", name.ToString(), ref,
                          commit.id);
  }
  return RecordedVersion(catalog, change);
}

// The path of a branch's head.
Result<CommitPath> PathOfBranch(ledger::Ledger& ledger, const PondRef& branch) {
  std::optional<PondCommit> head;
  if (branch.commit_id) {
    ARROW_ASSIGN_OR_RAISE(head, CommitById(ledger, *branch.commit_id));
  }
  return PathTo(ledger, PointOf(head));
}

// The table at the end of a branch, which may be unknown to the catalog.
Result<std::optional<Table>> EndOf(Catalog& catalog, const TableName& name, const PondRef& branch) {
  ARROW_ASSIGN_OR_RAISE(auto stored, LoadIfThere(catalog, name));
  ARROW_ASSIGN_OR_RAISE(CommitPath path, PathOfBranch(catalog.ledger(), branch));
  ARROW_ASSIGN_OR_RAISE(auto changes, LastChanges(catalog.ledger(), path, {name}));
  const auto last = changes.empty() ? std::nullopt : std::optional(changes.begin()->second);
  return ViewOn(catalog, name, branch.name, stored, last);
}

Status NotOnMain(const Table& table) {
  const std::string branch = table.metadata->properties.at(kBranchOnlyProperty);
  return base::NotFound("no table {0} on main: it is on branch '{1}' only, read it as {0}@{1}",
                        table.name.ToString(), branch);
}

Status NotOnBranch(Catalog& catalog, const TableName& name, const std::string& branch) {
  ARROW_ASSIGN_OR_RAISE(auto names, catalog.List());
  std::vector<std::string> known;
  for (const TableName& other : names) {
    if (other != name) known.push_back(other.ToString());
  }
  return base::NotFound("no table {} on branch '{}'.{}", name.ToString(), branch,
                        base::DidYouMean(name.ToString(), known));
}

// The branch that a ref names the head of, other than main; nullopt where it names something else.
Result<std::optional<PondRef>> AsBranchHead(ledger::Ledger& ledger, const RefExpression& ref) {
  if (ref.back > 0) return std::nullopt;
  ARROW_ASSIGN_OR_RAISE(auto rows, ledger.Select(RefQuery(ref.name)));
  if (rows.empty()) return std::nullopt;
  ARROW_ASSIGN_OR_RAISE(PondRef named, RefFromRow(rows[0]));
  return named.kind == kBranchKind ? std::optional(std::move(named)) : std::nullopt;
}

// Every table that the head of a branch may have: those that its commits know and those that the
// catalog points to, with the newest change that the branch knows.
struct Candidate {
  std::optional<std::string> location;
  std::optional<TableChange> last;
};

Result<std::map<TableName, Candidate>> CandidatesOf(Catalog& catalog, const PondRef& branch) {
  std::map<TableName, Candidate> candidates;
  ARROW_ASSIGN_OR_RAISE(auto pointers, catalog.Pointers());
  for (auto& [name, location] : pointers) candidates[name].location = std::move(location);
  ARROW_ASSIGN_OR_RAISE(CommitPath path, PathOfBranch(catalog.ledger(), branch));
  ARROW_ASSIGN_OR_RAISE(auto live, LiveTables(catalog.ledger(), path));
  for (auto& [name, change] : live) candidates[name].last = std::move(change);
  return candidates;
}

Result<std::optional<Table>> ViewOf(Catalog& catalog, const TableName& name, const PondRef& branch,
                                    const Candidate& candidate) {
  std::optional<Table> stored;
  if (candidate.location) {
    ARROW_ASSIGN_OR_RAISE(stored, catalog.LoadAt(name, *candidate.location));
  }
  return ViewOn(catalog, name, branch.name, stored, candidate.last);
}

}  // namespace

Result<Table> History::OnBranch(const TableName& name, const std::string& branch) {
  if (branch == kMainBranch) {
    ARROW_ASSIGN_OR_RAISE(Table table, catalog_->Load(name));
    if (!IsOnMain(*table.metadata)) return NotOnMain(table);
    return table;
  }
  ARROW_ASSIGN_OR_RAISE(PondRef ref, FindBranch(catalog_->ledger(), branch));
  ARROW_ASSIGN_OR_RAISE(auto table, EndOf(*catalog_, name, ref));
  if (!table) return NotOnBranch(*catalog_, name, branch);
  return *std::move(table);
}

Result<TableVersion> History::At(const TableName& name, const std::string& text) {
  ARROW_ASSIGN_OR_RAISE(RefExpression ref, ParseRef(text));
  if (ref.IsHead()) {
    ARROW_ASSIGN_OR_RAISE(Table table, OnBranch(name, kMainBranch));
    return HeadOf(std::move(table));
  }
  // Snapshot ids and the refs that other engines set are the table's own words.
  auto table = catalog_->Load(name);
  if (auto id = ref.AsSnapshotId(); id && table.ok()) {
    if (const Snapshot* snapshot = table->metadata->SnapshotById(*id)) {
      return AtSnapshot(*std::move(table), *snapshot);
    }
  }
  ARROW_ASSIGN_OR_RAISE(auto branch, AsBranchHead(catalog_->ledger(), ref));
  if (branch) {
    ARROW_ASSIGN_OR_RAISE(auto end, EndOf(*catalog_, name, *branch));
    if (!end) return NotOnBranch(*catalog_, name, branch->name);
    return HeadOf(*std::move(end));
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
  if (ref.name.empty()) ref.name = kMainBranch;
  ARROW_ASSIGN_OR_RAISE(auto branch, AsBranchHead(catalog_->ledger(), ref));
  if (branch) {
    ARROW_ASSIGN_OR_RAISE(auto candidates, CandidatesOf(*catalog_, *branch));
    for (const auto& [name, candidate] : candidates) {
      ARROW_ASSIGN_OR_RAISE(auto view, ViewOf(*catalog_, name, *branch, candidate));
      if (view) versions.push_back(HeadOf(*std::move(view)));
    }
    return versions;
  }
  ARROW_ASSIGN_OR_RAISE(auto commit, Resolve(text));
  ARROW_ASSIGN_OR_RAISE(CommitPath path, PathTo(catalog_->ledger(), PointOf(commit)));
  ARROW_ASSIGN_OR_RAISE(auto changes, LiveTables(catalog_->ledger(), path));
  for (const auto& [name, change] : changes) {
    ARROW_ASSIGN_OR_RAISE(TableVersion version, RecordedVersion(*catalog_, change));
    versions.push_back(std::move(version));
  }
  return versions;
}

Result<std::vector<TableName>> History::Unrecorded(const std::string& branch) {
  ARROW_ASSIGN_OR_RAISE(PondRef ref, FindBranch(catalog_->ledger(), branch));
  ARROW_ASSIGN_OR_RAISE(auto candidates, CandidatesOf(*catalog_, ref));
  std::vector<TableName> names;
  for (const auto& [name, candidate] : candidates) {
    const auto& last = candidate.last;
    // A metadata file says the same of main for ever.
    if (branch == kMainBranch && last && candidate.location == last->metadata_after) continue;
    ARROW_ASSIGN_OR_RAISE(auto view, ViewOf(*catalog_, name, ref, candidate));
    const bool recorded = view ? IsRecorded(last, *view) : !last;
    if (!recorded) names.push_back(name);
  }
  return names;
}

}  // namespace millpond::table
