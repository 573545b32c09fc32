// Merging one line of history into a branch: fast-forward where that is all it takes, else one
// commit with two parents.
#pragma once

#include <string>

#include "version/replay.h"

namespace millpond::version {

enum class FastForward { kAllow, kNever, kOnly };

struct MergeRequest {
  std::string from = {};  ///< A branch, tag or commit.
  std::string into = table::kMainBranch;
  std::string author = {};
  std::string message = {};  ///< Empty: "merge FROM into INTO".
  std::string base = {};     ///< One of several Divergence::bases; empty: there is only one.
  FastForward fast_forward = FastForward::kAllow;
  Prefer prefer = Prefer::kNone;
  bool dry_run = false;
};

enum class MergeKind { kUpToDate, kFastForward, kMerge };

struct MergeOutcome {
  MergeKind kind = MergeKind::kUpToDate;
  std::optional<std::string> base;  ///< The common ancestor that both are compared with.
  std::string from;                 ///< The commit that is merged.
  std::optional<std::string> head;  ///< Of the branch afterwards; of a dry run, as it is.
  ReplayOutcome replay;             ///< Of kMerge.
};

/// What both sides changed, by key, differently, refuses the merge: see ReplayOutcome::refused.
/// kConflict also where another engine wrote to `from` and no commit has it, where
/// FastForward::kOnly is not possible, where both changed the columns of a table, or where there
/// are several common ancestors to compare with and `base` names none.
Result<MergeOutcome> Merge(query::Session& session, const MergeRequest& request,
                           const base::Context& context);

}  // namespace millpond::version
