// commit, diff, tag. log is in verbs_log.cc, branch in verbs_branch.cc.
#include "api/commit.h"
#include "api/versions.h"
#include "cli/invocation.h"
#include "cli/json_view.h"
#include "cli/options.h"

namespace millpond::cli {
namespace {

using base::Json;

void AddCommit(VerbSet& verbs) {
  auto options = std::make_shared<api::CommitRequest>();
  auto* verb = verbs.Add(
      "commit", "Write one or several tables in one commit, or record what other engines wrote",
      {"millpond commit -m 'March delivery' shop.orders=orders.csv shop.items=items.parquet",
       "millpond commit -m 'daily totals' --query \"shop.totals=SELECT day, sum(paid) AS paid FROM "
       "shop.orders GROUP BY day\" --replace",
       "millpond commit -m 'rows from Spark'"},
      [options](Invocation& run) -> Result<int> {
        ARROW_ASSIGN_OR_RAISE(auto pond, run.OpenPond());
        ARROW_ASSIGN_OR_RAISE(auto report, api::Commit(*pond, *options, run.context()));
        run.terminal().Document(report);
        run.terminal().Line(
            fmt::format("commit {}  {}", TextOf(report["commit"]), TablesOf(report)));
        return 0;
      });
  verb->add_option("-m,--message", options->message, "Why")->required();
  verb->add_option("tables", options->files,
                   "TABLE=FILE, appended to the table (made where it is not there)");
  verb->add_option("--query", options->queries, "TABLE=SELECT …; may be repeated")->take_all();
  verb->add_flag("--replace", options->replace, "Replace the tables' rows instead of appending");
  verb->add_option("--drop", options->drops, "Drop this table; may be repeated")->take_all();
  AddBranchOption(verb, &options->branch);
  verb->add_option("--idempotency-key", options->idempotency_key,
                   "A commit with a key that landed before lands once");
}

void PrintDiff(Terminal& terminal, const Json& report) {
  if (report["tables"].empty()) terminal.Line("no difference");
  for (const auto& entry : report["tables"]) {
    const std::string change = TextOf(entry["change"]);
    const Tone tone = change == "added"     ? Tone::kGood
                      : change == "removed" ? Tone::kBad
                                            : Tone::kWarning;
    terminal.Line(fmt::format("{} {}  {} -> {} rows", terminal.Paint(tone, change),
                              TextOf(entry["table"]), CountOf(entry["rows_before"]),
                              CountOf(entry["rows_after"])));
    if (entry["rows"].is_object()) {
      terminal.Line(fmt::format("  rows: {} added, {} removed, {} changed",
                                CountOf(entry["rows"]["added"]), CountOf(entry["rows"]["removed"]),
                                CountOf(entry["rows"]["changed"])));
    }
    if (change == "replaced") terminal.Line("  another table, made under the same name");
    if (!entry.contains("columns")) continue;
    for (const auto* kind : {"added", "removed", "changed"}) {
      for (const auto& column : entry["columns"][kind])
        terminal.Line(fmt::format("  column {}: {}", kind, TextOf(column)));
    }
  }
}

void AddDiff(VerbSet& verbs) {
  struct Options {
    api::DiffRequest request;
    bool no_rows = false;
  };
  auto options = std::make_shared<Options>();
  auto* verb = verbs.Add(
      "diff", "Compare two versions: columns, totals, rows by key",
      {"millpond diff v1", "millpond diff v1 v2 --table shop.orders", "millpond diff ~1"},
      [options](Invocation& run) -> Result<int> {
        options->request.rows = !options->no_rows;
        ARROW_ASSIGN_OR_RAISE(auto pond, run.OpenPond());
        ARROW_ASSIGN_OR_RAISE(auto report, api::Diff(*pond, options->request, run.context()));
        run.terminal().Document(report);
        PrintDiff(run.terminal(), report);
        return 0;
      });
  verb->add_option("from", options->request.from, "A branch, tag, commit, ~N or time")->required();
  verb->add_option("to", options->request.to, "The same (default: the head of main)");
  verb->add_option("--table", options->request.table, "Only this table");
  verb->add_flag("--no-rows", options->no_rows, "Totals only; do not read the tables");
}

void AddTag(VerbSet& verbs) {
  struct Options {
    std::string name, ref, message;
    bool remove = false, force = false;
  };
  auto options = std::make_shared<Options>();
  auto* verb = verbs.Add(
      "tag", "Name a version of the whole pond, or list or delete the names",
      {"millpond tag v1", "millpond tag v0 ~2 -m 'before cleaning'", "millpond tag",
       "millpond tag latest exp --force", "millpond tag v0 --delete"},
      [options](Invocation& run) -> Result<int> {
        ARROW_ASSIGN_OR_RAISE(auto pond, run.OpenPond());
        auto& terminal = run.terminal();
        if (options->name.empty()) {
          ARROW_ASSIGN_OR_RAISE(auto report, api::ListTags(*pond));
          terminal.Document(report);
          std::vector<std::vector<std::string>> rows;
          for (const auto& tag : report["tags"]) {
            rows.push_back({TextOf(tag["name"]), TextOf(tag["commit"]), TextOf(tag["at"]),
                            TextOf(tag["author"]), TextOf(tag["message"])});
          }
          if (rows.empty())
            terminal.Line("no tags yet");
          else
            terminal.Table({"tag", "commit", "at", "author", "message"}, rows);
          return 0;
        }
        if (options->remove) {
          ARROW_RETURN_NOT_OK(api::DeleteTag(*pond, options->name));
          terminal.Document({{"deleted", options->name}});
          terminal.Line("deleted tag " + options->name);
          return 0;
        }
        ARROW_ASSIGN_OR_RAISE(auto report, api::CreateTag(*pond, options->name, options->ref,
                                                          options->message, options->force));
        terminal.Document(report);
        terminal.Line(
            fmt::format("tag {} -> {}", TextOf(report["name"]), TextOf(report["commit"])));
        return 0;
      });
  verb->add_option("name", options->name, "The tag; without it, tags are listed");
  verb->add_option("ref", options->ref, "What to tag (default: the head of main)");
  verb->add_option("-m,--message", options->message, "Why");
  verb->add_flag("--delete", options->remove, "Delete the tag; data stays");
  verb->add_flag("--force", options->force, "Move a tag that exists");
}

}  // namespace

void AddHistoryVerbs(VerbSet& verbs) {
  AddCommit(verbs);
  AddDiff(verbs);
  AddTag(verbs);
}

}  // namespace millpond::cli
