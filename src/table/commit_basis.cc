// Reads the pond's state that an attempt at a commit builds on; see the header.
#include "table/commit_basis.h"

#include <utility>

#include "table/branch_view.h"
#include "table/commit_path.h"
#include "table/history_rows.h"

namespace millpond::table {

using ledger::Compare;

namespace {

// The branch's head, and whether it is the last commit of its lane.
Status ReadHead(ledger::Ledger& ledger, const std::vector<ledger::Row>& newest,
                CommitBasis* basis) {
  std::optional<PondCommit> last;
  if (!newest.empty()) {
    ARROW_ASSIGN_OR_RAISE(last, CommitFromRow(newest[0]));
    basis->newest_sequence = last->sequence;
  }
  if (last && last->id == basis->branch.commit_id) {
    basis->head = std::move(last);
    return Status::OK();
  }
  if (basis->branch.commit_id) {
    ARROW_ASSIGN_OR_RAISE(basis->head, CommitById(ledger, *basis->branch.commit_id));
  }
  const LanePoint end = PointOf(basis->head);
  ARROW_ASSIGN_OR_RAISE(auto later,
                        ledger.Select({.table = "pond_commit",
                                       .where = {{"lane", Compare::kEqual, end.lane},
                                                 {"generation", Compare::kGreater, end.generation}},
                                       .limit = 1}));
  basis->head_ends_lane = later.empty();
  return Status::OK();
}

}  // namespace

Result<CommitBasis> CommitBasis::Read(Catalog& catalog, const std::string& branch,
                                      const std::vector<TableName>& names) {
  ledger::Ledger& ledger = catalog.ledger();
  std::vector<ledger::Query> queries = {RefQuery(branch), NewestCommitQuery()};
  for (const TableName& name : names) {
    queries.push_back({.table = "iceberg_tables", .where = CatalogKey(name)});
    queries.push_back(BranchesQuery(name));
  }
  ARROW_ASSIGN_OR_RAISE(auto found, ledger.SelectAll(queries));
  if (found[0].empty()) return NoSuchBranch(ledger, branch);
  CommitBasis basis;
  ARROW_ASSIGN_OR_RAISE(basis.branch, RefFromRow(found[0][0]));
  if (basis.branch.kind != kBranchKind) {
    return base::Invalid("'{}' is a {}, not a branch; a tag never moves", branch,
                         basis.branch.kind);
  }
  ARROW_RETURN_NOT_OK(ReadHead(ledger, found[1], &basis));
  ARROW_ASSIGN_OR_RAISE(CommitPath path, PathTo(ledger, PointOf(basis.head)));
  ARROW_ASSIGN_OR_RAISE(auto changes, LastChanges(ledger, path, names));
  for (size_t i = 0; i < names.size(); ++i) {
    TableBasis& table = basis.tables[names[i]];
    if (const auto& rows = found[2 + 2 * i]; !rows.empty()) {
      ARROW_ASSIGN_OR_RAISE(std::string location, ledger::TextOf(rows[0], "metadata_location"));
      ARROW_ASSIGN_OR_RAISE(table.stored, catalog.LoadAt(names[i], location));
    }
    for (const ledger::Row& row : found[3 + 2 * i]) {
      ARROW_ASSIGN_OR_RAISE(std::string other, ledger::TextOf(row, "branch"));
      table.branches.insert(std::move(other));
    }
    if (auto change = changes.find(names[i]); change != changes.end()) table.last = change->second;
    ARROW_ASSIGN_OR_RAISE(table.current,
                          ViewOn(catalog, names[i], branch, table.stored, table.last));
  }
  return basis;
}

bool CommitBasis::MovedIn(const CommitBasis& later) const {
  if (newest_sequence != later.newest_sequence) return true;
  if (branch.commit_id != later.branch.commit_id) return true;
  for (const auto& [name, table] : tables) {
    auto location = [](const TableBasis& basis) {
      return basis.stored ? basis.stored->metadata_location : std::string();
    };
    if (location(table) != location(later.tables.at(name))) return true;
  }
  return false;
}

}  // namespace millpond::table
