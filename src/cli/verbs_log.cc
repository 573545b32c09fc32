// log, as a table or as a graph.
#include "api/versions.h"
#include "cli/commit_graph.h"
#include "cli/invocation.h"
#include "cli/json_view.h"

namespace millpond::cli {
namespace {

using base::Json;

std::string Joined(const Json& names) {
  std::string text;
  for (const auto& name : names) text += (text.empty() ? "" : ", ") + TextOf(name);
  return text;
}

std::string RefsOf(const Json& commit) {
  const std::string branches = Joined(commit["branches"]);
  const std::string tags = Joined(commit["tags"]);
  return branches + (branches.empty() || tags.empty() ? "" : ", ") + tags;
}

void PrintTable(Terminal& terminal, const Json& report) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& commit : report["commits"]) {
    rows.push_back({TextOf(commit["commit"]), TextOf(commit["at"]), TextOf(commit["author"]),
                    TextOf(commit["operation"]), TextOf(commit["message"]), RefsOf(commit),
                    TablesOf(commit)});
  }
  terminal.Table({"commit", "at", "author", "verb", "message", "refs", "tables"}, rows);
}

void PrintGraph(Terminal& terminal, const Json& report) {
  CommitGraph graph;
  for (const auto& commit : report["commits"]) {
    std::vector<std::string> above;
    const std::string row = graph.Place(commit, &above);
    for (const std::string& line : above) terminal.Line(line);
    const std::string refs = RefsOf(commit);
    terminal.Line(fmt::format("{} {} {}{}  {}  {}", row, TextOf(commit["commit"]),
                              refs.empty() ? "" : terminal.Paint(Tone::kGood, "(" + refs + ") "),
                              TextOf(commit["message"]), TextOf(commit["at"]), TablesOf(commit)));
  }
}

}  // namespace

void AddLogVerbs(VerbSet& verbs) {
  struct Options {
    api::LogQuery query;
    bool graph = false;
  };
  auto options = std::make_shared<Options>();
  options->query.limit = 20;
  auto* verb = verbs.Add("log", "List commits, newest first",
                         {"millpond log", "millpond log shop.orders --limit 5",
                          "millpond log --at exp", "millpond log --graph --all"},
                         [options](Invocation& run) -> Result<int> {
                           ARROW_ASSIGN_OR_RAISE(auto pond, run.OpenPond());
                           ARROW_ASSIGN_OR_RAISE(auto report, api::Log(*pond, options->query));
                           auto& terminal = run.terminal();
                           terminal.Document(report);
                           if (terminal.json()) return 0;
                           if (report["commits"].empty()) {
                             terminal.Line("no commits yet");
                           } else if (options->graph) {
                             PrintGraph(terminal, report);
                           } else {
                             PrintTable(terminal, report);
                           }
                           return 0;
                         });
  verb->add_option("table", options->query.table, "Only commits that touched this table");
  verb->add_option("--limit", options->query.limit, "How many (default 20; -1: all)");
  verb->add_option("--at,--branch", options->query.ref,
                   "Begin at this branch, tag, commit, ~N or time (default: main)");
  verb->add_flag("--all", options->query.all, "Begin at every branch and tag");
  verb->add_flag("--graph", options->graph, "Draw which commit is whose parent");
}

}  // namespace millpond::cli
