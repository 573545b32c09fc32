// Fast-forward or a commit with two parents; see the header.
#include "version/merge.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "table/history_rows.h"

namespace millpond::version {
namespace {

using table::History;
using table::PondCommit;

// What no commit has cannot be merged, and must not be forgotten.
Status CheckRecorded(History& history, const std::string& from) {
  ARROW_ASSIGN_OR_RAISE(const auto refs, history.Refs());
  const bool is_branch = std::any_of(refs.begin(), refs.end(), [&](const table::PondRef& ref) {
    return ref.name == from && ref.kind == table::kBranchKind;
  });
  if (!is_branch) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(const auto names, history.Unrecorded(from));
  if (names.empty()) return Status::OK();
  return base::Conflict(
      "another engine changed {} on branch '{}'; record that first with `millpond commit --branch "
      "{} -m …`",
      names.front().ToString(), from, from);
}

Result<std::vector<TableTask>> TasksOf(query::Session& session,
                                       const std::optional<PondCommit>& base,
                                       const PondCommit& theirs) {
  ARROW_ASSIGN_OR_RAISE(const auto names, DifferingTables(*session.catalog(), base, theirs));
  std::vector<TableTask> tasks;
  for (const auto& name : names) {
    TableTask task{
        .table = name, .base = {}, .theirs = {}, .base_ref = "", .theirs_ref = theirs.id};
    ARROW_ASSIGN_OR_RAISE(task.theirs, StateAt(session.catalog(), name, theirs.id));
    if (base) {
      task.base_ref = base->id;
      ARROW_ASSIGN_OR_RAISE(task.base, StateAt(session.catalog(), name, base->id));
    }
    tasks.push_back(std::move(task));
  }
  return tasks;
}

// A row that the sides settled differently since would be taken for changed on one side only if one
// of several bases were picked for the user.
Result<std::optional<PondCommit>> BaseOf(History& history, const MergeRequest& request,
                                         const std::vector<std::string>& bases) {
  const std::string listed = base::Join(bases, ", ");
  if (request.base.empty()) {
    if (bases.empty()) return std::nullopt;
    if (bases.size() == 1) return history.Resolve(bases[0]);
    return base::Conflict(
        "'{}' and '{}' each merged an earlier commit of the other, so there are several commits to "
        "compare them with: {}; name one with --base",
        request.into, request.from, listed);
  }
  ARROW_ASSIGN_OR_RAISE(auto named, history.Resolve(request.base));
  if (named && std::find(bases.begin(), bases.end(), named->id) != bases.end()) return named;
  return base::Invalid("'{}' is not what '{}' and '{}' are compared with; that is {}", request.base,
                       request.into, request.from, bases.empty() ? "nothing" : listed);
}

Result<MergeOutcome> Forward(History& history, const MergeRequest& request, MergeOutcome outcome) {
  outcome.kind = MergeKind::kFastForward;
  if (request.dry_run) return outcome;
  ARROW_ASSIGN_OR_RAISE(const auto moved, history.FastForward(request.into, outcome.from));
  outcome.head = moved.commit_id;
  return outcome;
}

Result<MergeOutcome> TryOnce(query::Session& session, const MergeRequest& request,
                             const base::Context& context) {
  History history(session.catalog());
  ARROW_ASSIGN_OR_RAISE(const auto theirs, history.Resolve(request.from));
  ARROW_ASSIGN_OR_RAISE(const auto ours, history.Resolve(request.into));
  MergeOutcome outcome;
  if (ours) outcome.head = ours->id;
  if (!theirs) return outcome;  // A branch without commits.
  outcome.from = theirs->id;
  ARROW_RETURN_NOT_OK(CheckRecorded(history, request.from));
  ARROW_ASSIGN_OR_RAISE(const auto stand, history.Compare(request.into, theirs->id));
  if (stand.behind == 0) return outcome;
  ARROW_ASSIGN_OR_RAISE(const auto base, BaseOf(history, request, stand.bases));
  if (base) outcome.base = base->id;
  if (stand.ahead == 0 && request.fast_forward != FastForward::kNever) {
    return Forward(history, request, std::move(outcome));
  }
  if (request.fast_forward == FastForward::kOnly) {
    return base::Conflict(
        "branch '{}' has {} commit{} that '{}' lacks, so it cannot just be moved forward; merge "
        "without --ff-only",
        request.into, stand.ahead, stand.ahead == 1 ? "" : "s", request.from);
  }
  outcome.kind = MergeKind::kMerge;
  ARROW_ASSIGN_OR_RAISE(const auto tasks, TasksOf(session, base, *theirs));
  table::CommitInfo info;
  info.author = request.author;
  info.message = request.message.empty()
                     ? fmt::format("merge {} into {}", request.from, request.into)
                     : request.message;
  info.operation = table::kMergeOperation;
  info.branch = request.into;
  info.merge_parent = theirs->id;
  info.details["merged"] = request.from;
  info.details["base"] = base ? base::Json(base->id) : base::Json(nullptr);
  if (request.prefer != Prefer::kNone) {
    info.details["prefer"] = request.prefer == Prefer::kOurs ? "ours" : "theirs";
  }
  ARROW_ASSIGN_OR_RAISE(outcome.replay, Replay(session, std::move(info), tasks, request.prefer,
                                               request.dry_run, context));
  if (outcome.replay.commit) outcome.head = outcome.replay.commit->id;
  return outcome;
}

}  // namespace

Result<MergeOutcome> Merge(query::Session& session, const MergeRequest& request,
                           const base::Context& context) {
  if (request.from.empty()) return base::Invalid("name the branch to merge");
  // The branch that is moved, not any ref.
  ARROW_ASSIGN_OR_RAISE(const auto into,
                        table::FindBranch(session.catalog()->ledger(), request.into));
  if (request.from == into.name) {
    return base::Invalid("'{}' cannot be merged into itself; name another branch with --into",
                         into.name);
  }
  return WhileBranchMoves(session, into.name, context,
                          [&] { return TryOnce(session, request, context); });
}

}  // namespace millpond::version
