// The version room's verbs as reports.
#include "api/merge.h"

#include "api/versions.h"
#include "version/undo.h"

namespace millpond::api {
namespace {

using base::Json;
using version::Prefer;

Result<Prefer> PreferOf(bool ours, bool theirs) {
  if (ours && theirs) return base::Invalid("give one of --ours and --theirs");
  return ours ? Prefer::kOurs : theirs ? Prefer::kTheirs : Prefer::kNone;
}

Json TableToJson(const version::TableOutcome& table) {
  Json entry = {{"table", table.table.ToString()},
                {"action", table.action},
                {"rows_before", table.rows_before},
                {"rows_after", table.rows_after ? Json(*table.rows_after) : Json(nullptr)},
                {"columns_added", table.columns_added},
                {"columns_dropped", table.columns_dropped},
                {"conflicts", table.conflicts}};
  if (table.action == "rows") {
    entry["added"] = table.rows.added;
    entry["removed"] = table.rows.removed;
    entry["changed"] = table.rows.changed;
  }
  return entry;
}

Json ReplayToJson(const version::ReplayOutcome& outcome, Prefer prefer, bool dry_run) {
  Json tables = Json::array();
  for (const auto& table : outcome.tables) tables.push_back(TableToJson(table));
  return {{"commit", outcome.commit ? CommitToJson(*outcome.commit) : Json(nullptr)},
          {"tables", std::move(tables)},
          {"conflicts", outcome.conflicts},
          {"conflict_count", outcome.conflict_count},
          {"refused", outcome.refused(prefer)},
          {"dry_run", dry_run}};
}

Json StepToJson(const version::ReplayOutcome& outcome, const std::string& branch, Prefer prefer,
                bool dry_run) {
  Json report = ReplayToJson(outcome, prefer, dry_run);
  report["branch"] = branch;
  report["result"] = outcome.refused(prefer) ? "refused"
                     : dry_run               ? "dry-run"
                     : outcome.commit        ? "committed"
                                             : "nothing";
  return report;
}

template <class Verb>
Result<Json> Replayed(Pond& pond, const ReplayRequest& request, const base::Context& context,
                      Verb verb) {
  ARROW_ASSIGN_OR_RAISE(const Prefer prefer, PreferOf(request.ours, request.theirs));
  ARROW_ASSIGN_OR_RAISE(auto session, pond.session());
  ARROW_ASSIGN_OR_RAISE(const auto outcome, verb(*session,
                                                 {.commit = request.commit,
                                                  .branch = request.branch,
                                                  .author = pond.author(),
                                                  .message = request.message,
                                                  .prefer = prefer,
                                                  .dry_run = request.dry_run},
                                                 context));
  return StepToJson(outcome, request.branch, prefer, request.dry_run);
}

const char* WordOf(version::MergeKind kind) {
  switch (kind) {
    case version::MergeKind::kUpToDate:
      return "up-to-date";
    case version::MergeKind::kFastForward:
      return "fast-forward";
    case version::MergeKind::kMerge:
      break;
  }
  return "merge";
}

}  // namespace

Result<Json> Merge(Pond& pond, const MergeRequest& request, const base::Context& context) {
  using version::FastForward;
  ARROW_ASSIGN_OR_RAISE(const Prefer prefer, PreferOf(request.ours, request.theirs));
  if (request.no_fast_forward && request.only_fast_forward) {
    return base::Invalid("give one of --no-ff and --ff-only");
  }
  ARROW_ASSIGN_OR_RAISE(auto session, pond.session());
  const version::MergeRequest merge{.from = request.from,
                                    .into = request.into,
                                    .author = pond.author(),
                                    .message = request.message,
                                    .base = request.base,
                                    .fast_forward = request.no_fast_forward ? FastForward::kNever
                                                    : request.only_fast_forward
                                                        ? FastForward::kOnly
                                                        : FastForward::kAllow,
                                    .prefer = prefer,
                                    .dry_run = request.dry_run};
  ARROW_ASSIGN_OR_RAISE(const auto outcome, version::Merge(*session, merge, context));
  Json report = ReplayToJson(outcome.replay, prefer, request.dry_run);
  report["result"] = WordOf(outcome.kind);
  report["from"] = request.from;
  report["into"] = request.into;
  report["base"] = outcome.base ? Json(*outcome.base) : Json(nullptr);
  report["head"] = outcome.head ? Json(*outcome.head) : Json(nullptr);
  return report;
}

Result<Json> Revert(Pond& pond, const ReplayRequest& request, const base::Context& context) {
  return Replayed(pond, request, context, version::Revert);
}

Result<Json> CherryPick(Pond& pond, const ReplayRequest& request, const base::Context& context) {
  return Replayed(pond, request, context, version::CherryPick);
}

Result<Json> Restore(Pond& pond, const RestoreRequest& request, const base::Context& context) {
  version::RestoreRequest restore{.to = request.to,
                                  .tables = {},
                                  .branch = request.branch,
                                  .author = pond.author(),
                                  .message = request.message,
                                  .dry_run = request.dry_run};
  for (const auto& text : request.tables) {
    ARROW_ASSIGN_OR_RAISE(auto name, table::TableName::Parse(text));
    restore.tables.push_back(std::move(name));
  }
  ARROW_ASSIGN_OR_RAISE(auto session, pond.session());
  ARROW_ASSIGN_OR_RAISE(const auto outcome, version::Restore(*session, restore, context));
  return StepToJson(outcome, request.branch, Prefer::kNone, request.dry_run);
}

Status RefusalOf(const Json& report) {
  if (!report["refused"].get<bool>()) return Status::OK();
  const Json& first = report["conflicts"].front();
  const std::string example = first.contains("reason") ? first["reason"].get<std::string>()
                                                       : base::CanonicalJson(first["key"]);
  const auto count = report["conflict_count"].get<int64_t>();
  return base::Conflict(
      "{} conflict{}: both sides changed the same things differently, first {} ({}). Take one side "
      "with --ours or --theirs, or change one of them and try again; --dry-run lists them",
      count, count == 1 ? "" : "s", first["table"].get<std::string>(), example);
}

}  // namespace millpond::api
