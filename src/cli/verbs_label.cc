// label: add labels from a file or an expression, or sum up those there are.
#include "api/quality.h"
#include "cli/invocation.h"
#include "cli/json_view.h"
#include "cli/options.h"

namespace millpond::cli {
namespace {

using base::Json;

struct LabelFlags {
  label::LabelRequest request;
  SourceFlags source;
};

void PrintSummaries(Terminal& terminal, const Json& report) {
  if (report["label_sets"].empty()) terminal.Line("no labels yet");
  for (const auto& set : report["label_sets"]) {
    terminal.Line(fmt::format("{}: {} of {} samples labelled, {} conflicts",
                              TextOf(set["label_set"]), CountOf(set["labelled"]),
                              CountOf(set["samples"]), CountOf(set["conflicts"])));
    std::vector<std::vector<std::string>> rows;
    for (const auto& [name, count] : set["classes"].items()) rows.push_back({name, CountOf(count)});
    terminal.Table({"label", "samples"}, rows);
  }
}

Result<int> RunLabel(Invocation& run, LabelFlags flags) {
  ARROW_ASSIGN_OR_RAISE(auto pond, run.OpenPond());
  auto& terminal = run.terminal();
  if (flags.request.url.empty() && flags.request.expression.empty()) {
    ARROW_ASSIGN_OR_RAISE(auto report,
                          api::LabelSummaries(*pond, flags.request.table, run.context()));
    terminal.Document(report);
    if (!terminal.json()) PrintSummaries(terminal, report);
    return 0;
  }
  ARROW_ASSIGN_OR_RAISE(flags.request.source, flags.source.ToOptions());
  flags.request.strict = flags.source.strict;
  ARROW_ASSIGN_OR_RAISE(auto report, api::Label(*pond, flags.request, run.context()));
  terminal.Document(report);
  terminal.Line(fmt::format("{} labels added to {}, {} unchanged, {} rejected",
                            CountOf(report["labels"]), TextOf(report["labels_table"]),
                            CountOf(report["unchanged"]), CountOf(report["rejected"])));
  for (const auto& [reason, count] : report["reasons"].items()) {
    terminal.Line(
        terminal.Paint(Tone::kWarning, fmt::format("  {} rejected: {}", CountOf(count), reason)));
  }
  terminal.Line(report["commit"].is_null() ? std::string("nothing new")
                                           : "commit " + TextOf(report["commit"]));
  return 0;
}

}  // namespace

void AddLabelVerbs(VerbSet& verbs) {
  auto flags = std::make_shared<LabelFlags>();
  auto* verb = verbs.Add(
      "label", "Label a table's samples from a file or a column; without either, sum up the labels",
      {"millpond label shop.reviews --from labels.csv --key review_id --annotator ana",
       "millpond label media.digits --expression class --set digit", "millpond label shop.reviews"},
      [flags](Invocation& run) { return RunLabel(run, *flags); });
  auto& request = flags->request;
  verb->add_option("table", request.table, "The table whose samples are labelled")->required();
  verb->add_option("--from", request.url, "A file of labels");
  verb->add_option("--expression", request.expression,
                   "SQL over the table's columns that gives the label");
  verb->add_option("--set", request.label_set, "The label set (default: default)");
  verb->add_option("--key", request.key,
                   "Columns, of the same name in file and table, that name a sample")
      ->delimiter(',');
  verb->add_option("--sample-column", request.sample_column,
                   "The file's column of sample ids (default: sample_id)");
  verb->add_option("--label-column", request.label_column,
                   "The file's column of labels (default: label)");
  verb->add_option("--annotator-column", request.annotator_column,
                   "The file's column of annotators");
  verb->add_option("--confidence-column", request.confidence_column,
                   "The file's column of confidences");
  verb->add_option("--time-column", request.time_column, "The file's column of times");
  verb->add_option("--annotator", request.annotator,
                   "Who labelled, where no column says so (default: the author)");
  verb->add_option("--classes", request.classes, "The labels allowed; others are rejected")
      ->delimiter(',');
  AddBranchOption(verb, &request.branch);
  verb->add_option("-m,--message", request.message, "Why");
  flags->source.AddTo(verb);
}

}  // namespace millpond::cli
