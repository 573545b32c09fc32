// init, ls, show, status, config, doctor.
#include "api/doctor.h"
#include "api/tables.h"
#include "api/versions.h"
#include "base/text.h"
#include "cli/invocation.h"
#include "cli/json_view.h"
#include "cli/repair_view.h"

namespace millpond::cli {
namespace {

using base::Json;

void AddInit(VerbSet& verbs) {
  struct Options {
    std::string path = ".", ledger;
  };
  auto options = std::make_shared<Options>();
  auto* verb = verbs.Add(
      "init", "Make a pond in a new or empty folder",
      {"millpond init ./pond",
       "millpond init ./pond --ledger 'postgresql://me@db.example.com/ponds?schema=reviews'"},
      [options](Invocation& run) -> Result<int> {
        auto open = run.open_options();
        open.path = options->path;
        if (!options->ledger.empty()) open.flags["ledger.url"] = options->ledger;
        ARROW_ASSIGN_OR_RAISE(auto pond, api::Pond::Init(open));
        run.terminal().Document({{"pond", pond->folder()}});
        run.terminal().Line("made a pond at " + pond->folder());
        run.terminal().Note("next: millpond --pond " + options->path + " sync FILE.csv");
        return 0;
      });
  verb->add_option("path", options->path, "The folder (default: the current one)");
  verb->add_option(
      "--ledger", options->ledger,
      "PostgreSQL that holds the ledger, kept in millpond.toml (default: a SQLite file "
      "in the pond)");
}

void PrintTables(Terminal& terminal, const Json& report) {
  if (report["tables"].empty()) {
    terminal.Line("no tables yet; 'millpond sync FILE' makes one");
    return;
  }
  std::vector<std::vector<std::string>> rows;
  for (const auto& entry : report["tables"]) {
    rows.push_back({TextOf(entry["table"]), CountOf(entry["rows"]), CountOf(entry["columns"]),
                    CountOf(entry["files"]), SizeOf(entry["bytes"]), TextOf(entry["updated"]),
                    entry["recorded"].get<bool>() ? "" : "changed by another engine"});
  }
  terminal.Table({"table", "rows", "columns", "files", "size", "updated", ""}, rows);
}

void AddLs(VerbSet& verbs) {
  auto ref = std::make_shared<std::string>();
  auto* verb =
      verbs.Add("ls", "List tables, at the head or at a ref",
                {"millpond ls", "millpond ls --at v1"}, [ref](Invocation& run) -> Result<int> {
                  ARROW_ASSIGN_OR_RAISE(auto pond, run.OpenPond());
                  ARROW_ASSIGN_OR_RAISE(auto report, api::ListTables(*pond, *ref));
                  run.terminal().Document(report);
                  PrintTables(run.terminal(), report);
                  return 0;
                });
  verb->add_option("--at", *ref, "A branch, tag, commit, ~N or time");
}

void PrintTable(Terminal& terminal, const Json& report) {
  terminal.Line(
      fmt::format("{}{}  {} rows in {} files, {}", TextOf(report["table"]),
                  report["ref"].get<std::string>().empty() ? "" : "@" + TextOf(report["ref"]),
                  CountOf(report["rows"]), CountOf(report["files"]), SizeOf(report["bytes"])));
  terminal.Line(fmt::format("Iceberg v{} at {}", TextOf(report["format_version"]),
                            TextOf(report["location"])));
  std::vector<std::vector<std::string>> columns;
  for (const auto& column : report["columns"]) {
    std::string notes = column["identifier"].get<bool>() ? "identifier" : "";
    if (column["required"].get<bool>()) notes += notes.empty() ? "required" : ", required";
    columns.push_back(
        {TextOf(column["id"]), TextOf(column["name"]), TextOf(column["type"]), notes});
  }
  terminal.Line("");
  terminal.Table({"id", "column", "type", ""}, columns);
  std::vector<std::vector<std::string>> snapshots;
  for (const auto& snapshot : report["snapshots"]) {
    snapshots.push_back({TextOf(snapshot["id"]), TextOf(snapshot["at"]),
                         TextOf(snapshot["operation"]), CountOf(snapshot["rows"])});
  }
  if (snapshots.empty()) return;
  terminal.Line("");
  terminal.Table({"snapshot", "at", "operation", "rows"}, snapshots);
}

void AddShow(VerbSet& verbs) {
  auto table = std::make_shared<std::string>();
  auto* verb = verbs.Add("show", "Show one table: columns, size, snapshots",
                         {"millpond show shop.orders", "millpond show shop.orders@v1"},
                         [table](Invocation& run) -> Result<int> {
                           ARROW_ASSIGN_OR_RAISE(auto pond, run.OpenPond());
                           ARROW_ASSIGN_OR_RAISE(auto report, api::ShowTable(*pond, *table));
                           run.terminal().Document(report);
                           PrintTable(run.terminal(), report);
                           return 0;
                         });
  verb->add_option("table", *table, "namespace.table, with @ref for another version")->required();
}

void AddStatus(VerbSet& verbs) {
  auto branch = std::make_shared<std::string>(table::kMainBranch);
  auto* verb = verbs.Add(
      "status", "Show a branch's head commit, and tables that other engines changed since",
      {"millpond status", "millpond status --branch exp"},
      [branch](Invocation& run) -> Result<int> {
        ARROW_ASSIGN_OR_RAISE(auto pond, run.OpenPond());
        ARROW_ASSIGN_OR_RAISE(auto report, api::PondStatus(*pond, *branch));
        auto& terminal = run.terminal();
        terminal.Document(report);
        terminal.Line(fmt::format("pond {} with {} tables", TextOf(report["pond"]),
                                  CountOf(report["tables"])));
        if (*branch != table::kMainBranch) {
          terminal.Line(fmt::format("branch {}: {} ahead of main, {} behind{}", *branch,
                                    CountOf(report["ahead"]), CountOf(report["behind"]),
                                    report["protected"].get<bool>() ? ", protected" : ""));
        } else if (report["protected"].get<bool>()) {
          terminal.Line("main is protected: only merges move it");
        }
        const Json& head = report["head"];
        terminal.Line(head.is_null() ? "no commits yet"
                                     : fmt::format("head {} {}: {}", TextOf(head["commit"]),
                                                   TextOf(head["at"]), TextOf(head["message"])));
        for (const auto& name : report["unrecorded"]) {
          terminal.Line(
              terminal.Paint(Tone::kWarning, TextOf(name) + " was changed by another engine"));
        }
        if (!report["unrecorded"].empty()) {
          terminal.Note("'millpond commit -m MESSAGE' takes these changes into the pond's history");
        }
        return 0;
      });
  verb->add_option("--branch", *branch, "The branch (default: main)");
}

void AddConfig(VerbSet& verbs) {
  verbs.Add(
      "config", "Show every setting, its value and where it comes from",
      {"millpond config", "MILLPOND_THREADS=2 millpond config", "millpond --set threads=2 config"},
      [](Invocation& run) -> Result<int> {
        const auto pond = run.OpenPond();
        base::Config config;
        if (pond.ok()) {
          config = (*pond)->config();
        } else if (base::KindOf(pond.status()) == base::ErrorKind::kNotFound) {
          ARROW_ASSIGN_OR_RAISE(
              config, base::Config::Load("", base::MillpondEnvironment(), run.globals().flags));
          run.terminal().Note("not in a pond: settings without a millpond.toml");
        } else {
          return pond.status();
        }
        const Json report = api::ConfigReport(config);
        run.terminal().Document(report);
        std::vector<std::vector<std::string>> rows;
        for (const auto& entry : report["settings"]) {
          rows.push_back({TextOf(entry["name"]), TextOf(entry["value"]), TextOf(entry["origin"]),
                          TextOf(entry["help"])});
        }
        run.terminal().Table({"setting", "value", "from", "what it does"}, rows);
        return 0;
      });
}

void AddDoctor(VerbSet& verbs) {
  struct Options {
    api::DoctorRequest request;
    double grace_hours = 24;
  };
  auto options = std::make_shared<Options>();
  auto* verb = verbs.Add(
      "doctor", "Verify the ledger and every pointer; find and remove what nothing reaches",
      {"millpond doctor", "millpond doctor --deep", "millpond doctor --remove-orphans",
       "millpond doctor --repair"},
      [options](Invocation& run) -> Result<int> {
        if (options->grace_hours < 0) return base::Invalid("--grace-hours cannot be negative");
        options->request.grace_ms = static_cast<int64_t>(options->grace_hours * 3600e3);
        ARROW_ASSIGN_OR_RAISE(auto pond, run.OpenPond());
        ARROW_ASSIGN_OR_RAISE(auto report, api::Doctor(*pond, options->request, run.context()));
        auto& terminal = run.terminal();
        terminal.Document(report);
        PrintRepair(terminal, report);
        for (const auto& finding : report["findings"]) {
          terminal.Line(terminal.Paint(Tone::kBad, TextOf(finding["subject"])) + ": " +
                        TextOf(finding["problem"]));
        }
        const Json& orphans = report["orphans"];
        if (orphans["files"].get<int64_t>() > 0) {
          terminal.Line(fmt::format(
              "{} orphan files ({}) {}", CountOf(orphans["files"]), SizeOf(orphans["bytes"]),
              orphans["removed"].get<bool>() ? "removed" : "can go: --remove-orphans"));
        }
        const bool healthy = report["healthy"].get<bool>();
        terminal.Line(healthy ? terminal.Paint(Tone::kGood, "healthy")
                              : terminal.Paint(Tone::kBad, "not healthy"));
        return healthy ? 0 : kAnswerNo;
      });
  verb->add_flag("--deep", options->request.deep,
                 "Also read every data file and verify its checksums");
  verb->add_flag("--remove-orphans", options->request.remove_orphans,
                 "Delete files that nothing reaches");
  verb->add_flag("--repair", options->request.repair,
                 "Set tables whose metadata file is missing back to what the ledger recorded");
  verb->add_option("--grace-hours", options->grace_hours,
                   "Keep orphans younger than this (default 24)");
}

}  // namespace

void AddPondVerbs(VerbSet& verbs) {
  AddInit(verbs);
  AddLs(verbs);
  AddShow(verbs);
  AddStatus(verbs);
  AddConfig(verbs);
  AddDoctor(verbs);
}

}  // namespace millpond::cli
