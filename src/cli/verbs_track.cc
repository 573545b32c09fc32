// run ls, run show, run compare.
#include "api/runs.h"
#include "cli/invocation.h"
#include "cli/json_view.h"

namespace millpond::cli {
namespace {

using base::Json;

void AddList(VerbSet& verbs, CLI::App* parent) {
  struct Options {
    track::RunFilter filter;
    int64_t limit = 20;
  };
  auto options = std::make_shared<Options>();
  auto* verb = verbs.Add(
      "ls", "List runs, newest first", {"millpond run ls", "millpond run ls --experiment tumours"},
      [options](Invocation& run) -> Result<int> {
        if (options->limit >= 0) options->filter.limit = options->limit;
        ARROW_ASSIGN_OR_RAISE(auto pond, run.OpenPond());
        ARROW_ASSIGN_OR_RAISE(auto report, api::ListRuns(*pond, options->filter));
        run.terminal().Document(report);
        std::vector<std::vector<std::string>> rows;
        for (const auto& entry : report["runs"]) {
          rows.push_back({TextOf(entry["id"]), TextOf(entry["experiment"]), TextOf(entry["name"]),
                          TextOf(entry["status"]), TextOf(entry["dataset"]),
                          TextOf(entry["started"])});
        }
        if (rows.empty())
          run.terminal().Line("no runs yet");
        else
          run.terminal().Table({"run", "experiment", "name", "status", "dataset", "started"}, rows);
        return 0;
      },
      parent);
  verb->add_option("--experiment", options->filter.experiment, "Only of this experiment");
  verb->add_option("--status", options->filter.status, "running, finished, failed or killed");
  verb->add_option("--dataset", options->filter.dataset, "Only on this dataset version");
  verb->add_option("--limit", options->limit, "How many (default 20; -1: all)");
}

void PrintRun(Terminal& terminal, const Json& report) {
  for (const auto& [key, value] : report.items()) {
    if (value.is_primitive() && !TextOf(value).empty())
      terminal.Line(fmt::format("{:<14} {}", key, TextOf(value)));
  }
  std::vector<std::vector<std::string>> rows;
  for (const auto& [key, value] : report["params"].items()) rows.push_back({key, TextOf(value)});
  if (!rows.empty()) terminal.Table({"param", "value"}, rows);
  rows.clear();
  for (const auto& [key, metric] : report["metrics"].items()) {
    rows.push_back({key, CountOf(metric["points"]), TextOf(metric["last"]), TextOf(metric["min"]),
                    TextOf(metric["max"])});
  }
  if (!rows.empty()) terminal.Table({"metric", "points", "last", "min", "max"}, rows);
  rows.clear();
  for (const auto& artifact : report["artifacts"]) {
    rows.push_back(
        {TextOf(artifact["path"]), SizeOf(artifact["size"]), TextOf(artifact["sha256"])});
  }
  if (!rows.empty()) terminal.Table({"artifact", "size", "sha256"}, rows);
}

void AddShow(VerbSet& verbs, CLI::App* parent) {
  auto id = std::make_shared<std::string>();
  auto* verb = verbs.Add(
      "show", "Show one run: data, code, params, metrics, artifacts", {"millpond run show 0198c1"},
      [id](Invocation& run) -> Result<int> {
        ARROW_ASSIGN_OR_RAISE(auto pond, run.OpenPond());
        ARROW_ASSIGN_OR_RAISE(auto report, api::ShowRun(*pond, *id));
        run.terminal().Document(report);
        if (!run.terminal().json()) PrintRun(run.terminal(), report);
        return 0;
      },
      parent);
  verb->add_option("run", *id, "A run's id, its beginning, or its name")->required();
}

void AddCompare(VerbSet& verbs, CLI::App* parent) {
  auto ids = std::make_shared<std::vector<std::string>>();
  auto* verb = verbs.Add(
      "compare", "Put runs side by side", {"millpond run compare tumours-1 tumours-2"},
      [ids](Invocation& run) -> Result<int> {
        ARROW_ASSIGN_OR_RAISE(auto pond, run.OpenPond());
        ARROW_ASSIGN_OR_RAISE(auto report, api::TrackerOf(*pond).Compare(*ids));
        run.terminal().Document(report);
        std::vector<std::string> headers = {""};
        for (const auto& entry : report["runs"]) headers.push_back(TextOf(entry["name"]));
        std::vector<std::vector<std::string>> rows;
        for (const auto* section : {"params", "metrics"}) {
          for (const auto& [key, values] : report[section].items()) {
            auto& row = rows.emplace_back(std::vector<std::string>{key});
            for (const auto& value : values) row.push_back(TextOf(value));
          }
        }
        run.terminal().Table(headers, rows);
        return 0;
      },
      parent);
  verb->add_option("runs", *ids, "Ids, their beginnings, or names")->required()->expected(2, 20);
}

void AddArtifact(VerbSet& verbs, CLI::App* parent) {
  struct Options {
    std::string id, path, file;
  };
  auto options = std::make_shared<Options>();
  auto* verb = verbs.Add(
      "artifact", "Save a run's artifact to a file, checked against its hash",
      {"millpond run artifact tumours-1 model.json --output model.json"},
      [options](Invocation& run) -> Result<int> {
        ARROW_ASSIGN_OR_RAISE(auto pond, run.OpenPond());
        auto tracker = api::TrackerOf(*pond);
        ARROW_ASSIGN_OR_RAISE(auto found, tracker.Find(options->id));
        const std::string file = options->file.empty() ? options->path : options->file;
        ARROW_RETURN_NOT_OK(tracker.SaveArtifact(found.id, options->path, file));
        run.terminal().Document({{"file", file}});
        run.terminal().Line("saved " + file);
        return 0;
      },
      parent);
  verb->add_option("run", options->id, "A run's id, its beginning, or its name")->required();
  verb->add_option("path", options->path, "The artifact's path within the run")->required();
  verb->add_option("-o,--output", options->file, "The file to make (default: the path)");
}

}  // namespace

void AddTrackVerbs(VerbSet& verbs) {
  auto* run = verbs.Add("run", "Runs of experiments", {}, nullptr);
  run->require_subcommand(1);
  AddList(verbs, run);
  AddShow(verbs, run);
  AddCompare(verbs, run);
  AddArtifact(verbs, run);
}

}  // namespace millpond::cli
