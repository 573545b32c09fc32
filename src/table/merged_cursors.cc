// Taking over cursors; see the header.
#include "table/merged_cursors.h"

#include <map>
#include <utility>
#include <vector>

#include "base/time.h"
#include "table/commit_path.h"
#include "table/commit_walk.h"
#include "table/history_rows.h"

namespace millpond::table {
namespace {

using ledger::Compare;

// The newest row of each source, stream and table on the part of a path above `floor`.
using Cursors = std::map<std::vector<std::string>, ledger::Row>;

Result<Cursors> CursorsAbove(ledger::Ledger& ledger, const LanePoint& end, int64_t floor) {
  ARROW_ASSIGN_OR_RAISE(CommitPath path, PathTo(ledger, end));
  Cursors cursors;
  for (const LanePoint& run : path) {
    if (run.generation <= floor) break;
    ARROW_ASSIGN_OR_RAISE(
        auto rows, ledger.Select({.table = "source_cursor",
                                  .where = {{"lane", Compare::kEqual, run.lane},
                                            {"generation", Compare::kGreater, floor},
                                            {"generation", Compare::kLessEqual, run.generation}},
                                  .order_by = {{"generation", true}}}));
    for (ledger::Row& row : rows) {
      std::vector<std::string> key;
      for (const char* column : {"source", "stream", "table_namespace", "table_name"}) {
        ARROW_ASSIGN_OR_RAISE(std::string part, ledger::TextOf(row, column));
        key.push_back(std::move(part));
      }
      cursors.try_emplace(std::move(key), std::move(row));
    }
  }
  return cursors;
}

// How long the path is up to the newest commit that both sides have.
Result<int64_t> GenerationOfBase(ledger::Ledger& ledger, const LanePoint& ours,
                                 const LanePoint& theirs) {
  CommitWalk walk(ledger);
  ARROW_RETURN_NOT_OK(walk.Add(ours, 1));
  ARROW_RETURN_NOT_OK(walk.Add(theirs, 2));
  while (true) {
    ARROW_ASSIGN_OR_RAISE(auto step, walk.Next());
    if (!step) return 0;
    if (step->marks == 3) return step->commit.generation;
  }
}

}  // namespace

Status AddMergedCursors(ledger::Ledger& ledger, const std::optional<PondCommit>& head,
                        const PondCommit& merge, ledger::Transaction* transaction) {
  ARROW_ASSIGN_OR_RAISE(PondCommit parent, CommitById(ledger, *merge.merge_parent));
  const LanePoint ours = PointOf(head);
  const LanePoint theirs = PointOf(parent);
  ARROW_ASSIGN_OR_RAISE(const int64_t floor, GenerationOfBase(ledger, ours, theirs));
  ARROW_ASSIGN_OR_RAISE(Cursors read, CursorsAbove(ledger, theirs, floor));
  if (read.empty()) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(const Cursors own, CursorsAbove(ledger, ours, floor));
  for (auto& [key, row] : read) {
    if (own.contains(key)) continue;
    row["lane"] = merge.lane;
    row["generation"] = merge.generation;
    row["updated_ms"] = base::NowMs();
    transaction->Upsert("source_cursor", std::move(row));
  }
  return Status::OK();
}

}  // namespace millpond::table
