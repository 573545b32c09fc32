// Verbs that join versions: merge, revert, cherry-pick, restore. Each gives a report; conflicts are
// part of it, and RefusalOf makes the error of them.
#pragma once

#include <string>
#include <vector>

#include "api/pond.h"
#include "base/context.h"
#include "base/json.h"
#include "version/merge.h"

namespace millpond::api {

struct MergeRequest {
  std::string from;
  std::string into = table::kMainBranch;
  std::string message;
  std::string base;  ///< One of several common ancestors; empty: there is only one.
  bool no_fast_forward = false, only_fast_forward = false;
  bool ours = false, theirs = false;
  bool dry_run = false;
};

/// {"result": up-to-date|fast-forward|merge, "from", "into", "base", "head", "dry_run", "commit":
/// CommitToJson | null, "tables": [{"table", "action": keep|move|create|drop|rows, "rows_before",
/// "rows_after" | null, "columns_added", "columns_dropped" (names), "added", "removed", "changed"
/// (of rows), "conflicts"}], "conflict_count", "conflicts": [{"table", "key", "base", "ours",
/// "theirs"} | {"table", "reason"}] (the first 100), "refused"}.
Result<base::Json> Merge(Pond& pond, const MergeRequest& request, const base::Context& context);

struct ReplayRequest {
  std::string commit;
  std::string branch = table::kMainBranch;
  std::string message;
  bool ours = false, theirs = false;
  bool dry_run = false;
};

/// {"result": committed|nothing|refused|dry-run, "branch", and "commit", "tables", "conflicts",
/// "conflict_count", "refused", "dry_run" as in Merge}.
Result<base::Json> Revert(Pond& pond, const ReplayRequest& request, const base::Context& context);
Result<base::Json> CherryPick(Pond& pond, const ReplayRequest& request,
                              const base::Context& context);

struct RestoreRequest {
  std::vector<std::string> tables;  ///< Empty: the whole pond.
  std::string to;
  std::string branch = table::kMainBranch;
  std::string message;
  bool dry_run = false;
};

Result<base::Json> Restore(Pond& pond, const RestoreRequest& request, const base::Context& context);

/// kConflict that says what stands in the way, where a report is of something refused; else OK.
Status RefusalOf(const base::Json& report);

}  // namespace millpond::api
