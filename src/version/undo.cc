// revert, cherry-pick and restore as replays with other bases; see the header.
#include "version/undo.h"

#include <set>
#include <utility>

#include "base/text.h"
#include "table/history_rows.h"

namespace millpond::version {
namespace {

using table::History;
using table::PondCommit;
using table::TableName;

struct Step {
  const char* operation;
  bool backwards;  ///< From what the commit made to what was before.
};

Result<PondCommit> CommitAt(History& history, const std::string& ref) {
  if (ref.empty()) return base::Invalid("name the commit");
  ARROW_ASSIGN_OR_RAISE(auto commit, history.Resolve(ref));
  if (!commit) return base::Invalid("'{}' has no commit yet", ref);
  return *std::move(commit);
}

// What the commit did to its first parent, or the other way round.
Result<std::vector<TableTask>> TasksOf(query::Session& session, const PondCommit& commit,
                                       bool backwards) {
  ARROW_ASSIGN_OR_RAISE(const auto full, table::FindCommit(session.catalog()->ledger(), commit.id));
  if (!full) return base::NotFound("no commit {}", commit.id);
  std::vector<TableTask> tasks;
  for (const auto& change : full->changes) {
    TableTask task{.table = change.table,
                   .base = {},
                   .theirs = {},
                   .base_ref = commit.parent.value_or(""),
                   .theirs_ref = commit.id};
    if (commit.parent) {
      ARROW_ASSIGN_OR_RAISE(task.base, StateAt(session.catalog(), change.table, *commit.parent));
    }
    ARROW_ASSIGN_OR_RAISE(task.theirs, StateAt(session.catalog(), change.table, commit.id));
    if (backwards) {
      std::swap(task.base, task.theirs);
      std::swap(task.base_ref, task.theirs_ref);
    }
    tasks.push_back(std::move(task));
  }
  return tasks;
}

Status CheckHas(History& history, const std::string& branch, const PondCommit& commit) {
  ARROW_ASSIGN_OR_RAISE(const auto stand, history.Compare(commit.id, branch));
  if (stand.ahead == 0) return Status::OK();
  return base::Invalid("branch '{}' does not have the commit {}, so there is nothing to undo there",
                       branch, commit.id);
}

Result<ReplayOutcome> TryOnce(query::Session& session, const ReplayRequest& request,
                              const Step& step, const base::Context& context) {
  History history(session.catalog());
  ARROW_ASSIGN_OR_RAISE(const PondCommit commit, CommitAt(history, request.commit));
  if (step.backwards) ARROW_RETURN_NOT_OK(CheckHas(history, request.branch, commit));
  ARROW_ASSIGN_OR_RAISE(const auto tasks, TasksOf(session, commit, step.backwards));
  table::CommitInfo info;
  info.author = request.author;
  info.message = request.message.empty()
                     ? fmt::format("{} {}: {}", step.operation, commit.id, commit.message)
                     : request.message;
  info.operation = step.operation;
  info.branch = request.branch;
  info.details["commit"] = commit.id;
  return Replay(session, std::move(info), tasks, request.prefer, request.dry_run, context);
}

Result<ReplayOutcome> Run(query::Session& session, const ReplayRequest& request, const Step& step,
                          const base::Context& context) {
  ARROW_RETURN_NOT_OK(table::FindBranch(session.catalog()->ledger(), request.branch).status());
  return WhileBranchMoves(session, request.branch, context,
                          [&] { return TryOnce(session, request, step, context); });
}

// The states that tables are to have, and those that they have.
Result<std::vector<TableTask>> RestoreTasks(query::Session& session,
                                            const RestoreRequest& request) {
  History history(session.catalog());
  std::vector<TableTask> tasks;
  for (const TableName& name : request.tables) {
    TableTask task{.table = name, .base = {}, .theirs = {}, .base_ref = "", .theirs_ref = ""};
    ARROW_ASSIGN_OR_RAISE(task.theirs, history.At(name, request.to));
    ARROW_ASSIGN_OR_RAISE(task.base, StateAt(session.catalog(), name, request.branch));
    tasks.push_back(std::move(task));
  }
  if (!request.tables.empty()) return tasks;
  ARROW_ASSIGN_OR_RAISE(auto then, StatesAt(history, request.to));
  ARROW_ASSIGN_OR_RAISE(auto now, StatesAt(history, request.branch));
  std::set<TableName> names;
  for (const auto& [name, state] : then) names.insert(name);
  for (const auto& [name, state] : now) names.insert(name);
  for (const TableName& name : names) {
    tasks.push_back(
        {.table = name, .base = now[name], .theirs = then[name], .base_ref = "", .theirs_ref = ""});
  }
  return tasks;
}

}  // namespace

Result<ReplayOutcome> Revert(query::Session& session, const ReplayRequest& request,
                             const base::Context& context) {
  return Run(session, request, {"revert", true}, context);
}

Result<ReplayOutcome> CherryPick(query::Session& session, const ReplayRequest& request,
                                 const base::Context& context) {
  return Run(session, request, {"cherry-pick", false}, context);
}

Result<ReplayOutcome> Restore(query::Session& session, const RestoreRequest& request,
                              const base::Context& context) {
  if (request.to.empty()) return base::Invalid("say with --to which version to restore");
  ARROW_RETURN_NOT_OK(table::FindBranch(session.catalog()->ledger(), request.branch).status());
  return WhileBranchMoves(session, request.branch, context, [&]() -> Result<ReplayOutcome> {
    ARROW_ASSIGN_OR_RAISE(const auto tasks, RestoreTasks(session, request));
    std::vector<std::string> names;
    for (const TableName& name : request.tables) names.push_back(name.ToString());
    table::CommitInfo info;
    info.author = request.author;
    info.message =
        !request.message.empty()
            ? request.message
            : fmt::format("restore {} to {}",
                          names.empty() ? "all tables" : base::Join(names, ", "), request.to);
    info.operation = "restore";
    info.branch = request.branch;
    info.details["to"] = request.to;
    // Nothing stands in between: what is there now is the base.
    return Replay(session, std::move(info), tasks, Prefer::kNone, request.dry_run, context);
  });
}

}  // namespace millpond::version
