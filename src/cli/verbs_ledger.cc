// ledger: show, move, backup, restore.
#include "api/ledgers.h"
#include "cli/invocation.h"
#include "cli/json_view.h"
#include "cli/repair_view.h"

namespace millpond::cli {
namespace {

using base::Json;

void PrintRows(Terminal& terminal, const Json& rows, const std::string& what) {
  terminal.Line(fmt::format("{}: {} rows, every one compared", what, CountOf(rows["total"])));
}

void AddShow(VerbSet& verbs, CLI::App* group) {
  verbs.Add(
      "show", "Where the ledger is, and at which version", {"millpond ledger show"},
      [](Invocation& run) -> Result<int> {
        ARROW_ASSIGN_OR_RAISE(auto report, api::ShowLedger(run.open_options()));
        auto& terminal = run.terminal();
        terminal.Document(report);
        terminal.Line(
            fmt::format("{} (version {})", TextOf(report["ledger"]), TextOf(report["version"])));
        if (!report["moving_to"].is_null()) {
          terminal.Line(
              terminal.Paint(Tone::kWarning, "is moving to " + TextOf(report["moving_to"]) +
                                                 " and takes no writes until that is done"));
          terminal.Note(
              "'millpond ledger move' again finishes it, 'millpond ledger move "
              "--abort' gives it up");
        }
        return 0;
      },
      group);
}

void AddMove(VerbSet& verbs, CLI::App* group) {
  struct Options {
    std::string target;
    bool abort = false;
  };
  auto options = std::make_shared<Options>();
  auto* verb = verbs.Add(
      "move", "Move the ledger between SQLite and PostgreSQL",
      {"millpond ledger move 'postgresql://me@db.example.com/ponds?schema=reviews'",
       "millpond ledger move sqlite", "millpond ledger move --abort"},
      [options](Invocation& run) -> Result<int> {
        auto& terminal = run.terminal();
        if (options->abort) {
          if (!options->target.empty()) {
            return base::Invalid("give either a place to move to, or --abort");
          }
          ARROW_RETURN_NOT_OK(api::AbandonLedgerMove(run.open_options()));
          terminal.Document({{"moving_to", nullptr}});
          terminal.Line("the move is given up; the ledger takes writes again");
          return 0;
        }
        if (options->target.empty()) {
          return base::Invalid("say where to: a postgresql:// URL, or sqlite");
        }
        ARROW_ASSIGN_OR_RAISE(auto report,
                              api::MoveLedger(run.open_options(), options->target, run.context()));
        terminal.Document(report);
        PrintRows(terminal, report["rows"], "moved to " + TextOf(report["to"]));
        terminal.Note(TextOf(report["from"]) + " takes no more writes; it may be deleted");
        return 0;
      },
      group);
  verb->add_option("target", options->target,
                   "postgresql://user@host:port/database?schema=NAME, or sqlite");
  verb->add_flag("--abort", options->abort, "Give an interrupted move up");
}

void AddBackup(VerbSet& verbs, CLI::App* group) {
  auto file = std::make_shared<std::string>();
  auto* verb = verbs.Add(
      "backup", "Write the ledger to a new file while it is in use",
      {"millpond ledger backup ledger-2026-11-25.db"},
      [file](Invocation& run) -> Result<int> {
        ARROW_ASSIGN_OR_RAISE(auto report,
                              api::BackUpLedger(run.open_options(), *file, run.context()));
        run.terminal().Document(report);
        PrintRows(run.terminal(), report["rows"], "backed up to " + *file);
        return 0;
      },
      group);
  verb->add_option("file", *file, "The new file, a SQLite database")->required();
}

void AddRestore(VerbSet& verbs, CLI::App* group) {
  struct Options {
    std::string file;
    bool yes = false;
  };
  auto options = std::make_shared<Options>();
  auto* verb = verbs.Add(
      "restore", "Replace the ledger's content by that of a backup",
      {"millpond ledger restore ledger-2026-11-25.db --yes"},
      [options](Invocation& run) -> Result<int> {
        if (!options->yes) {
          return base::Invalid(
              "this replaces what the ledger holds, newer commits included; add --yes");
        }
        ARROW_ASSIGN_OR_RAISE(auto report,
                              api::RestoreLedger(run.open_options(), options->file, run.context()));
        run.terminal().Document(report);
        PrintRows(run.terminal(), report["rows"], "restored from " + options->file);
        PrintRepair(run.terminal(), report);
        run.terminal().Note("'millpond doctor' tells whether all that it names is still there");
        return report["lost"].empty() ? 0 : kAnswerNo;
      },
      group);
  verb->add_option("file", options->file, "A file that 'millpond ledger backup' wrote")->required();
  verb->add_flag("--yes", options->yes, "Yes, replace it");
}

}  // namespace

void AddLedgerVerbs(VerbSet& verbs) {
  auto* group = verbs.Add("ledger", "Where the ledger is; move it, back it up, restore it", {}, {});
  group->require_subcommand(1);
  AddShow(verbs, group);
  AddMove(verbs, group);
  AddBackup(verbs, group);
  AddRestore(verbs, group);
}

}  // namespace millpond::cli
