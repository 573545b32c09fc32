// dataset, freeze, loader.
#include "api/datasets.h"
#include "base/config.h"
#include "cli/invocation.h"
#include "cli/json_view.h"

namespace millpond::cli {
namespace {

using base::Json;

std::string Words(const Json& list) {
  std::string text;
  for (const auto& word : list) text += (text.empty() ? "" : ", ") + TextOf(word);
  return text;
}

void PrintFrozen(Terminal& terminal, const Json& dataset) {
  terminal.Line(fmt::format("{}@{}  sha256 {}", TextOf(dataset["name"]), TextOf(dataset["version"]),
                            TextOf(dataset["hash"])));
  std::vector<std::vector<std::string>> inputs;
  for (const auto& input : dataset["inputs"])
    inputs.push_back({TextOf(input["table"]), TextOf(input["snapshot"])});
  terminal.Table({"input", "snapshot"}, inputs);
  if (!dataset["summary"].is_object() || !dataset["summary"].contains("rows")) return;
  std::vector<std::vector<std::string>> parts;
  for (const auto& [part, rows] : dataset["summary"]["rows"].items())
    parts.push_back({part, CountOf(rows)});
  terminal.Table({"part", "rows"}, parts);
}

void AddDefine(VerbSet& verbs, CLI::App* parent) {
  auto path = std::make_shared<std::string>();
  auto* verb = verbs.Add(
      "define", "Store a dataset's definition", {"millpond dataset define reviews.yaml"},
      [path](Invocation& run) -> Result<int> {
        ARROW_ASSIGN_OR_RAISE(auto definition, api::ReadDocument(*path));
        ARROW_ASSIGN_OR_RAISE(auto pond, run.OpenPond());
        ARROW_ASSIGN_OR_RAISE(auto report, api::DefineDataset(*pond, definition, run.context()));
        run.terminal().Document(report);
        run.terminal().Line("defined dataset " + TextOf(report["name"]));
        return 0;
      },
      parent);
  verb->add_option("file", *path, "The definition, YAML or JSON")->required();
}

void AddList(VerbSet& verbs, CLI::App* parent) {
  verbs.Add(
      "ls", "List datasets and their frozen versions", {"millpond dataset ls"},
      [](Invocation& run) -> Result<int> {
        ARROW_ASSIGN_OR_RAISE(auto pond, run.OpenPond());
        ARROW_ASSIGN_OR_RAISE(auto report, api::ListDatasets(*pond));
        run.terminal().Document(report);
        std::vector<std::vector<std::string>> rows;
        for (const auto& dataset : report["datasets"]) {
          rows.push_back({TextOf(dataset["name"]), Words(dataset["versions"]),
                          TextOf(dataset["author"]), TextOf(dataset["updated"])});
        }
        if (rows.empty())
          run.terminal().Line("no datasets yet; 'millpond dataset define FILE' stores one");
        else
          run.terminal().Table({"dataset", "versions", "author", "updated"}, rows);
        return 0;
      },
      parent);
}

void AddShow(VerbSet& verbs, CLI::App* parent) {
  auto name = std::make_shared<std::string>();
  auto* verb = verbs.Add(
      "show", "Show a dataset, or one frozen version", {"millpond dataset show reviews@v1"},
      [name](Invocation& run) -> Result<int> {
        ARROW_ASSIGN_OR_RAISE(auto pond, run.OpenPond());
        ARROW_ASSIGN_OR_RAISE(auto report, api::ShowDataset(*pond, *name, run.context()));
        auto& terminal = run.terminal();
        terminal.Document(report);
        terminal.Line(TextOf(report["definition"]["query"]));
        if (report.contains("frozen")) {
          for (const auto& version : report["frozen"]) PrintFrozen(terminal, version);
        } else {
          PrintFrozen(terminal, report);
        }
        return 0;
      },
      parent);
  verb->add_option("dataset", *name, "name or name@version")->required();
}

void AddFreeze(VerbSet& verbs) {
  struct Options {
    std::string name, version, ref;
    bool allow_leaks = false;
  };
  auto options = std::make_shared<Options>();
  auto* verb =
      verbs.Add("freeze", "Pin a dataset to the tables as they are now, immutable and hashed",
                {"millpond freeze reviews --as v1", "millpond freeze reviews --as v2-try --at exp"},
                [options](Invocation& run) -> Result<int> {
                  ARROW_ASSIGN_OR_RAISE(auto pond, run.OpenPond());
                  ARROW_ASSIGN_OR_RAISE(
                      auto report, api::Freeze(*pond, options->name, options->version,
                                               options->allow_leaks, options->ref, run.context()));
                  run.terminal().Document(report);
                  if (!run.terminal().json()) PrintFrozen(run.terminal(), report);
                  return 0;
                });
  verb->add_option("dataset", options->name, "The dataset's name")->required();
  verb->add_option("--as", options->version, "The version's name")->required();
  verb->add_option("--at", options->ref,
                   "Version of the tables: a branch, tag, commit, ~N or time (default: main)");
  verb->add_flag("--allow-leaks", options->allow_leaks,
                 "Freeze although a group is on two sides of the split");
}

void AddLoaderBench(VerbSet& verbs, CLI::App* parent) {
  auto request = std::make_shared<api::LoaderBenchRequest>();
  auto no_shuffle = std::make_shared<bool>(false);
  request->epochs = 2;
  auto* verb = verbs.Add(
      "bench", "Run epochs through the loader: speed, and one hash over all batches",
      {"millpond loader bench reviews@v1 --part train --batch-size 256 --epochs 3"},
      [request, no_shuffle](Invocation& run) -> Result<int> {
        request->loader.shuffle = !*no_shuffle;
        ARROW_ASSIGN_OR_RAISE(auto pond, run.OpenPond());
        ARROW_ASSIGN_OR_RAISE(auto report, api::BenchLoader(*pond, *request, run.context()));
        auto& terminal = run.terminal();
        terminal.Document(report);
        terminal.Line(fmt::format("{} {}: {} rows, {} batches in {} epochs",
                                  TextOf(report["dataset"]), TextOf(report["part"]),
                                  CountOf(report["rows"]), CountOf(report["batches"]),
                                  CountOf(report["epochs"])));
        terminal.Line(fmt::format(
            "{} samples/s, {}/s; segment ready after {:.2f} s, first batch {:.4f} s, waited {:.2f} "
            "s",
            GroupDigits(static_cast<int64_t>(report["samples_per_second"].get<double>())),
            base::FormatBytes(static_cast<int64_t>(report["bytes_per_second"].get<double>())),
            report["build_seconds"].get<double>(), report["first_batch_seconds"].get<double>(),
            report["wait_seconds"].get<double>()));
        terminal.Line("hash of the first epoch's batches: " + TextOf(report["hash"]));
        return 0;
      },
      parent);
  verb->add_option("dataset", request->dataset, "name@version, or name at the head")->required();
  verb->add_option("--part", request->part, "A part of the split (default: all rows)");
  verb->add_option("--columns", request->columns, "Only these")->delimiter(',');
  verb->add_option("--batch-size", request->loader.batch_size, "Samples per batch (default 256)")
      ->check(CLI::PositiveNumber);
  verb->add_option("--seed", request->loader.seed, "Of the shuffle (default 0)");
  verb->add_option("--epochs", request->epochs, "How many (default 2; the first warms up)")
      ->check(CLI::PositiveNumber);
  verb->add_option("--threads", request->loader.threads, "That gather batches (default 2)")
      ->check(CLI::PositiveNumber);
  verb->add_flag("--no-shuffle", *no_shuffle, "In the order of the key");
}

}  // namespace

void AddDatasetVerbs(VerbSet& verbs) {
  auto* dataset = verbs.Add("dataset", "Datasets: named SQL with splits", {}, nullptr);
  dataset->require_subcommand(1);
  AddDefine(verbs, dataset);
  AddList(verbs, dataset);
  AddShow(verbs, dataset);
  AddFreeze(verbs);
  auto* loader = verbs.Add("loader", "The training loader", {}, nullptr);
  loader->require_subcommand(1);
  AddLoaderBench(verbs, loader);
}

}  // namespace millpond::cli
