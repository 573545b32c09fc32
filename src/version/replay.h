// One step for merge, revert and cherry-pick: what "theirs" is compared with "base" is done to a
// branch, table by table, in one commit. Only the base differs between the three.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/context.h"
#include "base/error.h"
#include "base/json.h"
#include "query/session.h"
#include "table/commit.h"
#include "version/row_merge.h"
#include "version/table_states.h"

namespace millpond::version {

/// One table: what it was, what it is to be made of, and the refs (commit ids) that say so in SQL.
struct TableTask {
  table::TableName table;
  TableState base, theirs;
  std::string base_ref, theirs_ref;
};

struct TableOutcome {
  table::TableName table;
  /// keep (nothing to do), move (to a snapshot that is there), create, drop, rows (joined by key).
  std::string action;
  int64_t rows_before = 0;
  std::optional<int64_t> rows_after;  ///< Of keep, move, create and drop.
  RowMergeReport rows;                ///< Of rows.
  /// What the branch's table gets or loses of columns, by name.
  std::vector<std::string> columns_added, columns_dropped;
  int64_t conflicts = 0;  ///< Rows, or 1 where the table as a whole is one.
};

struct ReplayOutcome {
  std::vector<TableOutcome> tables;
  std::vector<base::Json> conflicts;  ///< The first ones; a whole table's has "reason" and no key.
  int64_t conflict_count = 0;
  std::optional<table::PondCommit> commit;  ///< None: a dry run, refused, or nothing to do.

  bool refused(Prefer prefer) const { return conflict_count > 0 && prefer == Prefer::kNone; }
};

/// Conflicts that an outcome lists.
inline constexpr int64_t kListedConflicts = 100;

/// Lands `info` on its branch with what the tasks say. Nothing lands where a conflict is left
/// unresolved, on a dry run, or where no table changes and the commit merges nothing. kConflict
/// names a table whose columns both changed.
Result<ReplayOutcome> Replay(query::Session& session, table::CommitInfo info,
                             const std::vector<TableTask>& tasks, Prefer prefer, bool dry_run,
                             const base::Context& context);

/// Runs `attempt` (a Result) again where it failed as kConflict and `branch` moved meanwhile.
template <class Attempt>
auto WhileBranchMoves(query::Session& session, const std::string& branch,
                      const base::Context& context, Attempt attempt) -> decltype(attempt()) {
  constexpr int kAttempts = 5;
  table::History history(session.catalog());
  for (int i = 1;; ++i) {
    ARROW_ASSIGN_OR_RAISE(const auto before, history.Resolve(branch));
    auto result = attempt();
    if (result.ok() || base::KindOf(result.status()) != base::ErrorKind::kConflict) return result;
    ARROW_ASSIGN_OR_RAISE(const auto after, history.Resolve(branch));
    const bool moved = after && (!before || before->id != after->id);
    if (!moved || i == kAttempts) return result;
    ARROW_RETURN_NOT_OK(context.CheckStop());
  }
}

}  // namespace millpond::version
