// sync and its dry look, describe.
#include "api/ingest.h"
#include "cli/invocation.h"
#include "cli/json_view.h"
#include "cli/options.h"

namespace millpond::cli {
namespace {

using base::Json;

struct SyncFlags {
  ingest::SyncRequest request;
  SourceFlags source;
  std::string idempotency_key;
  bool replace = false, no_evolve = false;
};

void PrintSync(Terminal& terminal, const Json& report) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& table : report["tables"]) {
    rows.push_back({TextOf(table["table"]), CountOf(table["rows"]), CountOf(table["rejects"]),
                    CountOf(table["files_read"]), CountOf(table["files_skipped"]),
                    SizeOf(table["bytes"]), fmt::format("{:.2f}", table["seconds"].get<double>())});
  }
  terminal.Table({"table", "rows", "rejected", "files read", "unchanged", "read", "seconds"}, rows);
  for (const auto& table : report["tables"]) {
    if (table["rejects"].get<int64_t>() > 0) {
      terminal.Line(terminal.Paint(
          Tone::kWarning, fmt::format("{} rows did not fit; see {}", CountOf(table["rejects"]),
                                      TextOf(table["rejects_table"]))));
    }
    for (const auto& change : table["columns_changed"]) {
      terminal.Line(
          fmt::format("column of {} changed: {}", TextOf(table["table"]), TextOf(change)));
    }
  }
  if (report["commit"].is_null())
    terminal.Line("nothing new");
  else
    terminal.Line("commit " + TextOf(report["commit"]));
}

Result<int> RunSync(Invocation& run, SyncFlags flags) {
  ARROW_ASSIGN_OR_RAISE(flags.request.source, flags.source.ToOptions());
  flags.request.disposition =
      flags.replace ? ingest::Disposition::kReplace : ingest::Disposition::kAppend;
  flags.request.evolve = !flags.no_evolve;
  if (!flags.idempotency_key.empty()) flags.request.idempotency_key = flags.idempotency_key;
  ARROW_ASSIGN_OR_RAISE(auto pond, run.OpenPond());
  ARROW_ASSIGN_OR_RAISE(auto report, api::Sync(*pond, flags.request, run.context()));
  run.terminal().Document(report);
  if (!run.terminal().json()) PrintSync(run.terminal(), report);
  return 0;
}

void AddSync(VerbSet& verbs) {
  auto flags = std::make_shared<SyncFlags>();
  auto* verb = verbs.Add(
      "sync", "Bring what is new in files into a table, in one commit",
      {"millpond sync reviews.csv --table shop.reviews", "millpond sync 'logs/*.jsonl.gz'",
       "millpond sync photographs/ --table media.photographs --format images",
       "millpond sync export.csv --option delimiter=';' --type price='decimal(10,2)' --strict"},
      [flags](Invocation& run) { return RunSync(run, *flags); });
  verb->add_option("source", flags->request.url, "A file, a glob or a folder")->required();
  verb->add_option("-t,--table", flags->request.table,
                   "namespace.table (default: after the source's name)");
  verb->add_option("--key", flags->request.key, "Columns that name a row at the source")
      ->delimiter(',');
  verb->add_flag("--replace", flags->replace, "Replace the table's rows where anything is new");
  verb->add_flag("--no-evolve", flags->no_evolve, "Refuse new columns and wider types");
  AddBranchOption(verb, &flags->request.branch);
  verb->add_option("-m,--message", flags->request.message, "Why");
  verb->add_option("--idempotency-key", flags->idempotency_key,
                   "A sync with a key that landed before lands once");
  flags->source.AddTo(verb);
}

void AddDescribe(VerbSet& verbs) {
  struct Options {
    std::string url;
    SourceFlags source;
  };
  auto options = std::make_shared<Options>();
  auto* verb = verbs.Add(
      "describe", "Show how files would be read: format, dialect, columns and why",
      {"millpond describe reviews.csv"}, [options](Invocation& run) -> Result<int> {
        ARROW_ASSIGN_OR_RAISE(auto source, options->source.ToOptions());
        ARROW_ASSIGN_OR_RAISE(auto report,
                              api::DescribeSource(options->url, source, run.context()));
        auto& terminal = run.terminal();
        terminal.Document(report);
        for (const auto& stream : report["streams"]) {
          terminal.Line(fmt::format("{}  {}", terminal.Paint(Tone::kBold, TextOf(stream["name"])),
                                    SizeOf(stream["size"])));
          std::vector<std::vector<std::string>> columns;
          for (const auto& column : stream["columns"])
            columns.push_back({TextOf(column["name"]), TextOf(column["type"])});
          terminal.Table({"column", "type"}, columns);
          for (const auto& [key, value] : stream["report"].items()) {
            if (key != "columns") terminal.Line(key + ": " + TextOf(value));
          }
        }
        return 0;
      });
  verb->add_option("source", options->url, "A file, a glob or a folder")->required();
  options->source.AddTo(verb);
}

}  // namespace

void AddSyncVerbs(VerbSet& verbs) {
  AddSync(verbs);
  AddDescribe(verbs);
}

}  // namespace millpond::cli
