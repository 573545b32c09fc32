// delete, update, upsert: verbs that change single rows.
#include "api/row_changes.h"
#include "cli/change_view.h"
#include "cli/invocation.h"
#include "cli/json_view.h"
#include "cli/options.h"

namespace millpond::cli {
namespace {

using base::Json;

void AddSettings(CLI::App* verb, api::ChangeSettings* settings) {
  verb->add_flag("--dry-run", settings->dry_run, "Count the rows; write nothing");
  verb->add_option("-m,--message", settings->message, "Why");
  AddBranchOption(verb, &settings->branch);
  verb->add_option("--idempotency-key", settings->idempotency_key,
                   "The same change sent twice with one key lands once");
}

int Show(Invocation& run, const Json& report, bool dry_run) {
  run.terminal().Document(report);
  if (!run.terminal().json()) PrintChange(run.terminal(), report, dry_run);
  return 0;
}

void AddDelete(VerbSet& verbs) {
  struct Options {
    std::string table, where;
    api::ChangeSettings settings;
  };
  auto options = std::make_shared<Options>();
  auto* verb = verbs.Add("delete", "Delete the rows that a condition holds for, as one commit",
                         {"millpond delete shop.orders --where \"price < 0\" --dry-run",
                          "millpond delete shop.orders --where \"price < 0\" -m \"refunds\""},
                         [options](Invocation& run) -> Result<int> {
                           ARROW_ASSIGN_OR_RAISE(auto pond, run.OpenPond());
                           ARROW_ASSIGN_OR_RAISE(
                               auto report, api::DeleteRows(*pond, options->table, options->where,
                                                            options->settings, run.context()));
                           return Show(run, report, options->settings.dry_run);
                         });
  verb->add_option("table", options->table, "namespace.table")->required();
  verb->add_option("--where", options->where, "An SQL condition; 'true' deletes all rows")
      ->required();
  AddSettings(verb, &options->settings);
}

Result<std::vector<std::pair<std::string, std::string>>> SetsOf(
    const std::vector<std::string>& words) {
  std::vector<std::pair<std::string, std::string>> set;
  for (const std::string& word : words) {
    auto pair = SplitPair(word);
    if (!pair || pair->second.empty()) {
      return base::Invalid("--set takes column=expression, not '{}'", word);
    }
    set.push_back(*std::move(pair));
  }
  return set;
}

void AddUpdate(VerbSet& verbs) {
  struct Options {
    std::string table, where;
    std::vector<std::string> set;
    api::ChangeSettings settings;
  };
  auto options = std::make_shared<Options>();
  auto* verb = verbs.Add(
      "update", "Set columns of the rows that a condition holds for, as one commit",
      {"millpond update shop.orders --set \"price=price / 100\" --where \"unit = 'cent'\"",
       "millpond update shop.orders --set \"note='checked'\" --set \"price=round(price, 2)\""},
      [options](Invocation& run) -> Result<int> {
        ARROW_ASSIGN_OR_RAISE(const auto set, SetsOf(options->set));
        ARROW_ASSIGN_OR_RAISE(auto pond, run.OpenPond());
        ARROW_ASSIGN_OR_RAISE(auto report,
                              api::UpdateRows(*pond, options->table, set, options->where,
                                              options->settings, run.context()));
        return Show(run, report, options->settings.dry_run);
      });
  verb->add_option("table", options->table, "namespace.table")->required();
  verb->add_option("--set", options->set,
                   "column=expression over the row's old values; may be repeated")
      ->required()
      ->take_all();
  verb->add_option("--where", options->where, "An SQL condition; left out: all rows");
  AddSettings(verb, &options->settings);
}

void AddUpsert(VerbSet& verbs) {
  struct Options {
    std::string table, file, query, mode = "upsert";
    std::vector<std::string> keys;
    api::ChangeSettings settings;
  };
  auto options = std::make_shared<Options>();
  auto* verb = verbs.Add(
      "upsert", "Bring rows into a table by key: known ones are updated, new ones inserted",
      {"millpond upsert shop.orders corrections.csv --on order_id",
       "millpond upsert shop.orders --query \"SELECT order_id FROM shop.cancelled\" --on order_id "
       "--mode delete",
       "millpond upsert shop.customers customers.parquet --on id --mode scd2"},
      [options](Invocation& run) -> Result<int> {
        ARROW_ASSIGN_OR_RAISE(auto pond, run.OpenPond());
        ARROW_ASSIGN_OR_RAISE(
            auto report,
            api::UpsertRows(*pond, options->table,
                            {.file = options->file, .query = options->query, .reader = nullptr},
                            options->keys, options->mode, options->settings, run.context()));
        return Show(run, report, options->settings.dry_run);
      });
  verb->add_option("table", options->table, "namespace.table")->required();
  verb->add_option("file", options->file, "A file with the new rows");
  verb->add_option("--query", options->query, "The new rows as a SELECT, instead of a file");
  verb->add_option("--on", options->keys, "The key columns; may be repeated or separated by commas")
      ->required()
      ->delimiter(',');
  verb->add_option("--mode", options->mode,
                   "upsert; delete: the rows with these keys; insert-only: new keys alone; scd2: "
                   "keep every version, in valid_from, valid_to and is_current (default upsert)")
      ->check(CLI::IsMember({"upsert", "delete", "insert-only", "scd2"}));
  AddSettings(verb, &options->settings);
}

}  // namespace

void PrintChange(Terminal& terminal, const Json& report, bool dry_run) {
  std::vector<std::string> parts;
  for (const auto& [key, word] :
       {std::pair{"rows_deleted", "deleted"}, std::pair{"rows_updated", "updated"},
        std::pair{"rows_inserted", "inserted"}}) {
    if (report[key].get<int64_t>() > 0) parts.push_back(CountOf(report[key]) + " " + word);
  }
  std::string line = TextOf(report["table"]) + ": ";
  if (parts.empty()) {
    terminal.Line(line + "no row to change");
    return;
  }
  for (size_t i = 0; i < parts.size(); ++i) line += (i > 0 ? ", " : "") + parts[i];
  terminal.Line(line + (dry_run ? " (dry run, nothing written)" : ""));
  if (report["commit"].is_null()) return;
  const int64_t copied = report["files_rewritten"].get<int64_t>();
  const int64_t removed = report["files_removed"].get<int64_t>();
  const int64_t marked = report["files_marked"].get<int64_t>();
  if (copied + removed + marked > 0) {
    terminal.Line(fmt::format("files: {} rewritten, {} removed, {} with deletes beside them",
                              copied, removed, marked));
  }
  terminal.Line("commit " + TextOf(report["commit"]));
}

void AddChangeVerbs(VerbSet& verbs) {
  AddDelete(verbs);
  AddUpdate(verbs);
  AddUpsert(verbs);
}

}  // namespace millpond::cli
