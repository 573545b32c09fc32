// upkeep: keeps tables in order.
#include "api/upkeep.h"
#include "cli/invocation.h"
#include "cli/json_view.h"

namespace millpond::cli {
namespace {

using base::Json;

// What a step did or would do, in words.
std::string WhatOf(const Json& step) {
  if (!step["error"].is_null()) return TextOf(step["error"]);
  if (step["outcome"] == "nothing") return "in order";
  const std::string name = step["step"];
  if (name == "compact") {
    std::string text = fmt::format("{} files ({}) into {} ({})", CountOf(step["files_before"]),
                                   SizeOf(step["bytes_before"]), CountOf(step["files_after"]),
                                   SizeOf(step["bytes_after"]));
    if (step["rows_deleted"].get<int64_t>() > 0) {
      text += fmt::format(", without {} deleted rows", CountOf(step["rows_deleted"]));
    }
    if (step["delete_files_dropped"].get<int64_t>() > 0) {
      text += fmt::format(", {} delete files go", CountOf(step["delete_files_dropped"]));
    }
    return text;
  }
  if (name == "manifests") {
    return fmt::format("{} manifests into {}", CountOf(step["manifests_before"]),
                       CountOf(step["manifests_after"]));
  }
  if (name == "expire") {
    std::string text = fmt::format("{} of {} snapshots expire", CountOf(step["snapshots_expired"]),
                                   CountOf(step["snapshots"]));
    for (const auto& ref : step["refs_expired"]) text += ", ref " + TextOf(ref);
    return text;
  }
  return fmt::format("{} files, {}", CountOf(step["files"]), SizeOf(step["bytes"]));
}

void Print(Terminal& terminal, const Json& report) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& step : report["steps"]) {
    const std::string outcome = step["outcome"];
    const Tone tone = outcome == "failed" ? Tone::kBad : Tone::kGood;
    rows.push_back({TextOf(step["table"]), TextOf(step["step"]),
                    outcome == "nothing" ? "" : terminal.Paint(tone, outcome), WhatOf(step)});
  }
  terminal.Table({"table", "step", "", "what"}, rows);
  if (report["dry_run"].get<bool>()) terminal.Note("dry run: nothing was written");
  const int64_t failed = report["failed"];
  if (failed > 0) {
    terminal.Line(terminal.Paint(Tone::kBad, fmt::format("{} steps failed", failed)));
  }
}

void AddUpkeep(VerbSet& verbs) {
  struct Options {
    api::UpkeepRequest request;
    double grace_hours = 24;
  };
  auto options = std::make_shared<Options>();
  auto* verb = verbs.Add(
      "upkeep", "Compact tables, merge manifests, expire old snapshots, remove orphans",
      {"millpond upkeep --dry-run", "millpond upkeep",
       "millpond upkeep shop.orders --only compact,manifests",
       "millpond alter shop.orders set history.expire.max-snapshot-age-ms=86400000"},
      [options](Invocation& run) -> Result<int> {
        if (options->grace_hours < 0) return base::Invalid("--grace-hours cannot be negative");
        options->request.grace_ms = static_cast<int64_t>(options->grace_hours * 3600e3);
        ARROW_ASSIGN_OR_RAISE(auto pond, run.OpenPond());
        ARROW_ASSIGN_OR_RAISE(auto report, api::Upkeep(*pond, options->request, run.context()));
        run.terminal().Document(report);
        if (!run.terminal().json()) Print(run.terminal(), report);
        return report["failed"].get<int64_t>() > 0 ? kAnswerNo : 0;
      });
  verb->add_option("tables", options->request.tables, "Tables of main (default: all)");
  verb->add_flag("--dry-run", options->request.dry_run, "Say what it would do; write nothing");
  verb->add_option("--only", options->request.only,
                   "Steps: compact, manifests, expire, orphans (default: all; orphans not where "
                   "tables are named)")
      ->delimiter(',');
  verb->add_option("--grace-hours", options->grace_hours,
                   "Keep orphans, and files of snapshots that expired, for so long (default 24)");
}

}  // namespace

void AddUpkeepVerbs(VerbSet& verbs) { AddUpkeep(verbs); }

}  // namespace millpond::cli
