// merge, revert, cherry-pick, restore.
#include "api/merge.h"
#include "cli/invocation.h"
#include "cli/json_view.h"
#include "cli/options.h"

namespace millpond::cli {
namespace {

using base::Json;

bool IsUntouched(const Json& table) {
  if (table["conflicts"] != 0 || !table["columns_added"].empty() ||
      !table["columns_dropped"].empty()) {
    return false;
  }
  return table["action"] == "keep" || (table["action"] == "rows" && table["added"] == 0 &&
                                       table["removed"] == 0 && table["changed"] == 0);
}

void PrintTables(Terminal& terminal, const Json& report) {
  for (const auto& table : report["tables"]) {
    const std::string action = TextOf(table["action"]);
    if (IsUntouched(table)) continue;
    std::string line = fmt::format("{} {}", action, TextOf(table["table"]));
    if (action == "rows") {
      line += fmt::format("  {} added, {} removed, {} changed", CountOf(table["added"]),
                          CountOf(table["removed"]), CountOf(table["changed"]));
    } else if (action != "keep") {
      line += fmt::format("  {} -> {} rows", CountOf(table["rows_before"]),
                          CountOf(table["rows_after"]));
    }
    for (const auto& name : table["columns_added"]) line += "  + column " + TextOf(name);
    for (const auto& name : table["columns_dropped"]) line += "  - column " + TextOf(name);
    if (table["conflicts"] != 0)
      line += fmt::format("  {} in conflict", CountOf(table["conflicts"]));
    terminal.Line(line);
  }
}

std::string SideText(const Json& side) {
  return side.is_null() ? "(no row)" : base::CanonicalJson(side);
}

void PrintConflicts(Terminal& terminal, const Json& report) {
  if (report["conflicts"].empty()) return;
  std::vector<std::vector<std::string>> rows;
  for (const auto& conflict : report["conflicts"]) {
    if (conflict.contains("reason")) {
      rows.push_back({TextOf(conflict["table"]), TextOf(conflict["reason"]), "", "", ""});
      continue;
    }
    rows.push_back({TextOf(conflict["table"]), base::CanonicalJson(conflict["key"]),
                    SideText(conflict["base"]), SideText(conflict["ours"]),
                    SideText(conflict["theirs"])});
  }
  terminal.Table({"conflict in", "key", "base", "ours", "theirs"}, rows);
  const auto count = report["conflict_count"].get<int64_t>();
  const auto listed = static_cast<int64_t>(report["conflicts"].size());
  if (count > listed) terminal.Line(fmt::format("… and {} more", CountOf(count - listed)));
}

Result<int> Show(Invocation& run, const Json& report, const std::string& said) {
  auto& terminal = run.terminal();
  terminal.Document(report);
  if (!terminal.json()) {
    PrintTables(terminal, report);
    PrintConflicts(terminal, report);
  }
  // A dry run answers the question; it does not fail.
  if (report["dry_run"].get<bool>() && report["refused"].get<bool>()) {
    terminal.Line("would be refused; nothing was written");
    return kAnswerNo;
  }
  ARROW_RETURN_NOT_OK(api::RefusalOf(report));
  terminal.Line(said);
  return 0;
}

std::string MergeSaid(const Json& report) {
  const std::string result = TextOf(report["result"]), into = TextOf(report["into"]);
  const std::string from = TextOf(report["from"]);
  const bool dry_run = report["dry_run"].get<bool>();
  if (report["refused"].get<bool>()) return "";  // Said as an error.
  if (result == "up-to-date") return fmt::format("{} has all of {} already", into, from);
  if (dry_run) {
    return fmt::format("would {}; nothing was written",
                       result == "merge" ? "merge " + from + " into " + into
                                         : "move " + into + " forward to " + from);
  }
  if (result == "fast-forward") {
    return fmt::format("{} moved forward to {}", into, TextOf(report["head"]));
  }
  return fmt::format("commit {}", TextOf(report["commit"]["commit"]));
}

std::string StepSaid(const Json& report) {
  const std::string result = TextOf(report["result"]);
  if (result == "refused") return "";  // Said as an error.
  if (result == "dry-run") return "nothing was written";
  if (result == "nothing") return "nothing to do";
  return fmt::format("commit {}  {}", TextOf(report["commit"]["commit"]),
                     TablesOf(report["commit"]));
}

template <class Options>
void AddConflictOptions(CLI::App* verb, Options* options) {
  verb->add_flag("--ours", options->ours,
                 "Where both sides changed the same row, keep the branch's");
  verb->add_flag("--theirs", options->theirs,
                 "Where both sides changed the same row, take the other's");
  verb->add_flag("--dry-run", options->dry_run, "Say what would happen, conflicts included");
}

void AddMerge(VerbSet& verbs) {
  auto options = std::make_shared<api::MergeRequest>();
  auto* verb = verbs.Add(
      "merge", "Bring what a branch did into another: moved forward, or joined row by row by key",
      {"millpond merge exp", "millpond merge exp --dry-run", "millpond merge main --into exp",
       "millpond merge exp --theirs -m 'the corrected prices win'"},
      [options](Invocation& run) -> Result<int> {
        ARROW_ASSIGN_OR_RAISE(auto pond, run.OpenPond());
        ARROW_ASSIGN_OR_RAISE(auto report, api::Merge(*pond, *options, run.context()));
        return Show(run, report, MergeSaid(report));
      });
  verb->add_option("branch", options->from, "The branch (or tag, or commit) to merge")->required();
  verb->add_option("--into", options->into, "The branch that gets it (default: main)");
  verb->add_option("-m,--message", options->message, "Why");
  verb->add_option(
      "--base", options->base,
      "The common commit to compare with, where the branches merged each other before");
  verb->add_flag("--no-ff", options->no_fast_forward,
                 "Make a merge commit even where the branch could just be moved forward");
  verb->add_flag("--ff-only", options->only_fast_forward, "Move the branch forward or refuse");
  AddConflictOptions(verb, options.get());
}

using ReplayVerb = Result<Json> (*)(api::Pond&, const api::ReplayRequest&, const base::Context&);

CLI::App* AddReplay(VerbSet& verbs, const std::string& name, const std::string& summary,
                    const std::vector<std::string>& examples, const char* branch_option,
                    ReplayVerb function) {
  auto options = std::make_shared<api::ReplayRequest>();
  auto* verb =
      verbs.Add(name, summary, examples, [options, function](Invocation& run) -> Result<int> {
        ARROW_ASSIGN_OR_RAISE(auto pond, run.OpenPond());
        ARROW_ASSIGN_OR_RAISE(auto report, function(*pond, *options, run.context()));
        return Show(run, report, StepSaid(report));
      });
  verb->add_option("commit", options->commit, "The commit: its id, a tag, ~N, BRANCH~N")
      ->required();
  verb->add_option(branch_option, options->branch,
                   "The branch that gets the new commit (default: main)");
  verb->add_option("-m,--message", options->message, "Why");
  AddConflictOptions(verb, options.get());
  return verb;
}

void AddRestore(VerbSet& verbs) {
  auto options = std::make_shared<api::RestoreRequest>();
  auto* verb =
      verbs.Add("restore", "Make tables, or the whole pond, what they were, as a new commit",
                {"millpond restore shop.orders --to v1", "millpond restore --to 2026-11-01T00:00",
                 "millpond restore shop.orders --to main --branch exp"},
                [options](Invocation& run) -> Result<int> {
                  ARROW_ASSIGN_OR_RAISE(auto pond, run.OpenPond());
                  ARROW_ASSIGN_OR_RAISE(auto report, api::Restore(*pond, *options, run.context()));
                  return Show(run, report, StepSaid(report));
                });
  verb->add_option("tables", options->tables,
                   "The tables; without them all of the pond, tables made since are dropped");
  verb->add_option("--to", options->to, "A branch, tag, commit, ~N or time")->required();
  AddBranchOption(verb, &options->branch);
  verb->add_option("-m,--message", options->message, "Why");
  verb->add_flag("--dry-run", options->dry_run, "Say what would happen");
}

}  // namespace

void AddMergeVerbs(VerbSet& verbs) {
  AddMerge(verbs);
  AddReplay(verbs, "revert", "Undo one commit with a new one",
            {"millpond revert main", "millpond revert 01a21096-02f5 --dry-run"}, "--branch",
            api::Revert);
  AddReplay(verbs, "cherry-pick", "Do on a branch what one commit did elsewhere",
            {"millpond cherry-pick exp --onto main", "millpond cherry-pick exp~2 --onto fix"},
            "--onto,--branch", api::CherryPick);
  AddRestore(verbs);
}

}  // namespace millpond::cli
