// profile, check, clean.
#include "api/quality.h"
#include "cli/invocation.h"
#include "cli/json_view.h"
#include "cli/options.h"

namespace millpond::cli {
namespace {

using base::Json;

void AddProfile(VerbSet& verbs) {
  struct Options {
    std::string table;
    std::vector<std::string> columns;
  };
  auto options = std::make_shared<Options>();
  auto* verb = verbs.Add(
      "profile", "Describe a table's columns: nulls, distinct values, range, quantiles",
      {"millpond profile shop.orders", "millpond profile shop.orders@v1 --columns price,paid"},
      [options](Invocation& run) -> Result<int> {
        ARROW_ASSIGN_OR_RAISE(auto pond, run.OpenPond());
        ARROW_ASSIGN_OR_RAISE(auto report,
                              api::Profile(*pond, options->table, options->columns, run.context()));
        run.terminal().Document(report);
        std::vector<std::vector<std::string>> rows;
        for (const auto& column : report["columns"]) {
          rows.push_back({TextOf(column["name"]), TextOf(column["type"]), CountOf(column["nulls"]),
                          column["distinct"].is_null() ? "" : CountOf(column["distinct"]),
                          TextOf(column["min"]), TextOf(column["max"]), TextOf(column["mean"]),
                          TextOf(column["stddev"])});
        }
        run.terminal().Line(
            fmt::format("{}  {} rows", TextOf(report["table"]), CountOf(report["rows"])));
        run.terminal().Table({"column", "type", "nulls", "distinct", "min", "max", "mean", "std"},
                             rows);
        return 0;
      });
  verb->add_option("table", options->table, "namespace.table, with @ref for another version")
      ->required();
  verb->add_option("--columns", options->columns, "Only these")->delimiter(',');
}

std::string SamplesOf(const Json& result) {
  std::string shown;
  for (const auto* key : {"partial_unexpected_list", "unexpected_list"}) {
    if (!result.contains(key) || !result[key].is_array()) continue;
    for (const auto& value : result[key]) {
      if (shown.size() > 60) return shown + ", …";
      shown += (shown.empty() ? "" : ", ") + TextOf(value);
    }
    break;
  }
  return shown;
}

void PrintCheck(Terminal& terminal, const Json& report) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& entry : report["results"]) {
    const Json& config = entry["expectation_config"];
    const Json& result = entry["result"];
    const std::string type =
        config.contains("type") ? TextOf(config["type"]) : TextOf(config["expectation_type"]);
    const Json& kwargs = config["kwargs"];
    std::string detail =
        result.contains("observed_value") ? "observed " + TextOf(result["observed_value"]) : "";
    if (result.contains("unexpected_count") && result["unexpected_count"].is_number()) {
      detail =
          fmt::format("{} unexpected {}", CountOf(result["unexpected_count"]), SamplesOf(result));
    }
    const bool success = entry["success"].get<bool>();
    if (entry.contains("exception_info") &&
        entry["exception_info"].value("raised_exception", false)) {
      detail = entry["exception_info"].value("exception_message", "");
    }
    rows.push_back({success ? "holds" : "FAILS", type,
                    kwargs.contains("column") ? TextOf(kwargs["column"]) : "", detail});
  }
  terminal.Table({"", "expectation", "column", "found"}, rows);
  const bool success = report["success"].get<bool>();
  terminal.Line(success ? terminal.Paint(Tone::kGood, "all expectations hold")
                        : terminal.Paint(Tone::kBad, "some expectations fail"));
}

void AddCheck(VerbSet& verbs) {
  struct Options {
    std::string table, suite;
    int samples = 20;
    bool suggest = false;
  };
  auto options = std::make_shared<Options>();
  auto* verb = verbs.Add(
      "check", "Check a table against a suite of expectations; exit code 1 where one fails",
      {"millpond check shop.orders --suite orders.yaml",
       "millpond check shop.orders --suggest > orders.json"},
      [options](Invocation& run) -> Result<int> {
        ARROW_ASSIGN_OR_RAISE(auto pond, run.OpenPond());
        if (options->suggest) {
          ARROW_ASSIGN_OR_RAISE(auto suite,
                                api::SuggestSuite(*pond, options->table, run.context()));
          run.terminal().Document(suite);
          run.terminal().Line(suite.dump(2));
          return 0;
        }
        if (options->suite.empty())
          return base::Invalid("name a suite with --suite FILE, or get a first one with --suggest");
        ARROW_ASSIGN_OR_RAISE(auto suite, api::ReadDocument(options->suite));
        ARROW_ASSIGN_OR_RAISE(
            auto report, api::Check(*pond, options->table, suite, options->samples, run.context()));
        run.terminal().Document(report);
        if (!run.terminal().json()) PrintCheck(run.terminal(), report);
        return report["success"].get<bool>() ? 0 : kAnswerNo;
      });
  verb->add_option("table", options->table, "namespace.table, with @ref for another version")
      ->required();
  verb->add_option("--suite", options->suite, "A suite in YAML or JSON, Great Expectations' names");
  verb->add_option("--samples", options->samples,
                   "Unexpected values to show per expectation (default 20)");
  verb->add_flag("--suggest", options->suggest, "Print a suite that the table meets now, to edit");
}

void PrintClean(Terminal& terminal, const Json& report) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& step : report["steps"]) {
    rows.push_back({TextOf(step["step"]), CountOf(step["rows_in"]), CountOf(step["rows_out"]),
                    CountOf(step["rejected"]), CountOf(step["cells_changed"]),
                    step["values"].empty() ? "" : TextOf(step["values"])});
  }
  terminal.Table({"step", "rows in", "rows out", "rejected", "cells changed", "learnt"}, rows);
  if (report["commit"].is_null())
    terminal.Line("nothing written");
  else
    terminal.Line("commit " + TextOf(report["commit"]));
}

void AddClean(VerbSet& verbs) {
  struct Options {
    std::string recipe;
    curate::CleanRequest request;
  };
  auto options = std::make_shared<Options>();
  auto* verb =
      verbs.Add("clean", "Apply a recipe of cleaning steps as one commit",
                {"millpond clean shop.orders --recipe orders-clean.yaml --dry-run",
                 "millpond clean shop.orders --recipe orders-clean.yaml"},
                [options](Invocation& run) -> Result<int> {
                  ARROW_ASSIGN_OR_RAISE(auto recipe, api::ReadDocument(options->recipe));
                  ARROW_ASSIGN_OR_RAISE(auto pond, run.OpenPond());
                  ARROW_ASSIGN_OR_RAISE(auto report,
                                        api::Clean(*pond, recipe, options->request, run.context()));
                  run.terminal().Document(report);
                  if (!run.terminal().json()) PrintClean(run.terminal(), report);
                  return 0;
                });
  verb->add_option("table", options->request.table, "namespace.table")->required();
  verb->add_option("--recipe", options->recipe, "A recipe in YAML or JSON")->required();
  AddBranchOption(verb, &options->request.branch);
  verb->add_flag("--dry-run", options->request.dry_run,
                 "Count what each step would do; write nothing");
  verb->add_flag("--strict", options->request.strict,
                 "Fail where a value cannot be cast, instead of keeping its row as a reject");
  verb->add_option("-m,--message", options->request.message, "Why");
}

}  // namespace

void AddQualityVerbs(VerbSet& verbs) {
  AddProfile(verbs);
  AddCheck(verbs);
  AddClean(verbs);
}

}  // namespace millpond::cli
