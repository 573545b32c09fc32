// Single commits again or undone, and tables as they were: revert, cherry-pick, restore. Each is
// one new commit; history is never rewritten.
#pragma once

#include <string>

#include "version/replay.h"

namespace millpond::version {

struct ReplayRequest {
  std::string commit;  ///< Any ref; the commit that it names.
  std::string branch = table::kMainBranch;
  std::string author = {};
  std::string message = {};  ///< Empty: the verb and the commit's own message.
  Prefer prefer = Prefer::kNone;
  bool dry_run = false;
};

/// Undoes one commit on a branch that has it: tables that did not change since go back to the
/// version before it, in others the rows that it changed are changed back by key. kInvalid where
/// the branch does not have the commit.
Result<ReplayOutcome> Revert(query::Session& session, const ReplayRequest& request,
                             const base::Context& context);

/// Does to the branch what the commit did to its first parent.
Result<ReplayOutcome> CherryPick(query::Session& session, const ReplayRequest& request,
                                 const base::Context& context);

struct RestoreRequest {
  std::string to;                             ///< A ref.
  std::vector<table::TableName> tables = {};  ///< Empty: all of the pond.
  std::string branch = table::kMainBranch;
  std::string author = {};
  std::string message = {};  ///< Empty: "restore … to REF".
  bool dry_run = false;
};

/// Makes tables what they were at a ref; of the whole pond those made since are dropped. No data is
/// read or copied. kNotFound where a table named was not there.
Result<ReplayOutcome> Restore(query::Session& session, const RestoreRequest& request,
                              const base::Context& context);

}  // namespace millpond::version
