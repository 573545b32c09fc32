// Paths over lanes; see the header.
#include "table/commit_path.h"

#include <algorithm>

#include "table/history_rows.h"

namespace millpond::table {
namespace {

using ledger::Compare;

// Look-ups sent to the ledger at once: bounds the memory of a pond with very many tables.
constexpr size_t kLookups = 256;

Result<std::optional<PondCommit>> OneCommit(ledger::Ledger& ledger, const ledger::Query& query) {
  ARROW_ASSIGN_OR_RAISE(auto rows, ledger.Select(query));
  if (rows.empty()) return std::nullopt;
  ARROW_ASSIGN_OR_RAISE(PondCommit commit, CommitFromRow(rows[0]));
  return commit;
}

// Moves what `run` knows of `names` into `found` and leaves the others in `names`.
Status LookUpOnRun(ledger::Ledger& ledger, const LanePoint& run, std::vector<TableName>* names,
                   std::map<TableName, TableChange>* found) {
  std::vector<TableName> unknown;
  for (size_t begin = 0; begin < names->size(); begin += kLookups) {
    const size_t end = std::min(names->size(), begin + kLookups);
    std::vector<ledger::Query> queries;
    for (size_t i = begin; i < end; ++i) {
      queries.push_back(LastChangeQuery((*names)[i], run.lane, run.generation));
    }
    ARROW_ASSIGN_OR_RAISE(auto results, ledger.SelectAll(queries));
    for (size_t i = begin; i < end; ++i) {
      const auto& rows = results[i - begin];
      if (rows.empty()) {
        unknown.push_back((*names)[i]);
        continue;
      }
      ARROW_ASSIGN_OR_RAISE((*found)[(*names)[i]], ChangeFromRow(rows[0]));
    }
  }
  *names = std::move(unknown);
  return Status::OK();
}

}  // namespace

LanePoint PointOf(const std::optional<PondCommit>& commit) {
  if (!commit) return {kMainBranch, 0};
  return {commit->lane, commit->generation};
}

Result<CommitPath> PathTo(ledger::Ledger& ledger, const LanePoint& end) {
  CommitPath path = {end};
  while (path.back().lane != kMainBranch) {
    ARROW_ASSIGN_OR_RAISE(auto rows,
                          ledger.Select({.table = "pond_lane",
                                         .where = {{"lane", Compare::kEqual, path.back().lane}}}));
    if (rows.empty()) {
      return base::Corrupt("the ledger lacks the lane {}; restore it from a backup",
                           path.back().lane);
    }
    LanePoint parent;
    ARROW_ASSIGN_OR_RAISE(parent.lane, ledger::TextOf(rows[0], "parent_lane"));
    ARROW_ASSIGN_OR_RAISE(parent.generation, ledger::IntOf(rows[0], "fork_generation"));
    if (parent.generation >= path.back().generation) {
      return base::Corrupt("the ledger's lane {} begins after it ends; restore it from a backup",
                           path.back().lane);
    }
    path.push_back(std::move(parent));
  }
  return path;
}

Result<std::map<TableName, TableChange>> LastChanges(ledger::Ledger& ledger, const CommitPath& path,
                                                     const std::vector<TableName>& names) {
  std::map<TableName, TableChange> found;
  std::vector<TableName> unknown = names;
  for (const LanePoint& run : path) {
    if (unknown.empty()) break;
    ARROW_RETURN_NOT_OK(LookUpOnRun(ledger, run, &unknown, &found));
  }
  return found;
}

Result<std::map<TableName, TableChange>> LiveTables(ledger::Ledger& ledger,
                                                    const CommitPath& path) {
  ARROW_ASSIGN_OR_RAISE(auto rows, ledger.Select({.table = "pond_table"}));
  std::vector<TableName> names;
  for (const ledger::Row& row : rows) {
    ARROW_ASSIGN_OR_RAISE(TableName name, NameFromRow(row));
    names.push_back(std::move(name));
  }
  ARROW_ASSIGN_OR_RAISE(auto changes, LastChanges(ledger, path, names));
  std::erase_if(changes,
                [](const auto& entry) { return entry.second.operation == kDropOperation; });
  return changes;
}

Result<std::optional<PondCommit>> CommitOn(ledger::Ledger& ledger, const CommitPath& path,
                                           int64_t generation) {
  if (generation < 1 || generation > path.front().generation) return std::nullopt;
  size_t run = 0;
  while (run + 1 < path.size() && path[run + 1].generation >= generation) ++run;
  return OneCommit(ledger, {.table = "pond_commit",
                            .where = {{"lane", Compare::kEqual, path[run].lane},
                                      {"generation", Compare::kEqual, generation}}});
}

Result<std::optional<PondCommit>> CommitBy(ledger::Ledger& ledger, const CommitPath& path,
                                           int64_t ms) {
  ARROW_ASSIGN_OR_RAISE(auto end, CommitOn(ledger, path, path.front().generation));
  if (end && end->created_ms <= ms) return end;
  for (size_t run = 0; run < path.size(); ++run) {
    // Where the run's own end is later than `ms`, what is earlier lies before that end.
    ARROW_ASSIGN_OR_RAISE(
        auto newest,
        OneCommit(ledger, {.table = "pond_commit",
                           .where = {{"lane", Compare::kEqual, path[run].lane},
                                     {"created_ms", Compare::kLessEqual, ms},
                                     {"generation", Compare::kLessEqual, path[run].generation}},
                           .order_by = {{"created_ms", true}, {"generation", true}},
                           .limit = 1}));
    if (newest) return newest;
  }
  return std::nullopt;
}

}  // namespace millpond::table
