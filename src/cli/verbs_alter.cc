// create, and alter: add, drop, rename, move, widen, optional, describe, set, unset.
#include "api/alter.h"
#include "api/create.h"
#include "cli/invocation.h"
#include "cli/json_view.h"
#include "cli/options.h"

namespace millpond::cli {
namespace {

using base::Json;

struct Alter {
  std::string table, message, branch;
  std::string column, value, after;
  bool first = false;
  std::vector<std::string> words;
};
using AlterPtr = std::shared_ptr<Alter>;

int ShowColumns(Invocation& run, const Json& report) {
  run.terminal().Document(report);
  std::vector<std::vector<std::string>> rows;
  for (const auto& column : report["columns"]) {
    rows.push_back({TextOf(column["name"]), TextOf(column["type"]),
                    column["required"].get<bool>() ? "required" : ""});
  }
  run.terminal().Table({"column", "type", ""}, rows);
  run.terminal().Line("commit " + TextOf(report["commit"]));
  return 0;
}

Result<int> ChangeColumn(Invocation& run, const Alter& alter, const std::string& action,
                         const std::string& value) {
  std::vector<api::ColumnChange> changes = {{action, alter.column, value}};
  if (action == "add" && (alter.first || !alter.after.empty())) {
    changes.push_back({"move", alter.column, alter.after});
  }
  ARROW_ASSIGN_OR_RAISE(auto pond, run.OpenPond());
  ARROW_ASSIGN_OR_RAISE(const auto report, api::AlterColumns(*pond, alter.table, changes,
                                                             alter.message, alter.branch));
  return ShowColumns(run, report);
}

CLI::App* AddColumnVerb(VerbSet& verbs, CLI::App* parent, const AlterPtr& alter,
                        const std::string& action, const std::string& summary,
                        const std::string& example) {
  auto* verb = verbs.Add(
      action, summary, {example},
      [alter, action](Invocation& run) { return ChangeColumn(run, *alter, action, alter->value); },
      parent);
  verb->add_option("column", alter->column, "A column; inside structs by path: address.city")
      ->required();
  return verb;
}

void AddPlaces(CLI::App* verb, const AlterPtr& alter) {
  auto* first = verb->add_flag("--first", alter->first, "Before all others");
  verb->add_option("--after", alter->after, "Behind this column")->excludes(first);
}

void AddColumnVerbs(VerbSet& verbs, CLI::App* parent, const AlterPtr& alter) {
  auto* add = AddColumnVerb(verbs, parent, alter, "add", "Add a column, null in the rows there are",
                            "millpond alter shop.orders add note VARCHAR --after item");
  add->add_option("type", alter->value, "An SQL type: BIGINT, VARCHAR, FLOAT[]…")->required();
  AddPlaces(add, alter);
  AddColumnVerb(verbs, parent, alter, "drop", "Drop a column; older versions keep it",
                "millpond alter shop.orders drop note");
  AddColumnVerb(verbs, parent, alter, "rename", "Give a column another name",
                "millpond alter shop.orders rename price unit_price")
      ->add_option("name", alter->value, "The new name")
      ->required();
  auto* move = verbs.Add(
      "move", "Put a column in another place", {"millpond alter shop.orders move note --first"},
      [alter](Invocation& run) -> Result<int> {
        if (!alter->first && alter->after.empty()) {
          return base::Invalid("say where to: --first or --after COLUMN");
        }
        return ChangeColumn(run, *alter, "move", alter->after);
      },
      parent);
  move->add_option("column", alter->column, "A column; inside structs by path")->required();
  AddPlaces(move, alter);
  AddColumnVerb(verbs, parent, alter, "widen",
                "Widen a column: INTEGER to BIGINT, FLOAT to DOUBLE, DECIMAL to more digits",
                "millpond alter shop.orders widen quantity BIGINT")
      ->add_option("type", alter->value, "The wider SQL type")
      ->required();
  AddColumnVerb(verbs, parent, alter, "optional", "Let a required column be null",
                "millpond alter shop.orders optional note");
  AddColumnVerb(verbs, parent, alter, "describe", "Say what a column means",
                "millpond alter shop.orders describe price \"in euro, without tax\"")
      ->add_option("text", alter->value, "The description; empty: none")
      ->required();
}

Result<int> ChangeProperties(Invocation& run, const Alter& alter, bool removes) {
  std::map<std::string, std::optional<std::string>> properties;
  for (const std::string& word : alter.words) {
    const auto pair = SplitPair(word);
    if (removes) {
      properties[word] = std::nullopt;
    } else if (!pair) {
      return base::Invalid("expected property=value, not '{}'", word);
    } else {
      properties[pair->first] = pair->second;
    }
  }
  ARROW_ASSIGN_OR_RAISE(auto pond, run.OpenPond());
  ARROW_ASSIGN_OR_RAISE(const auto report, api::SetProperties(*pond, alter.table, properties,
                                                              alter.message, alter.branch));
  run.terminal().Document(report);
  std::vector<std::vector<std::string>> rows;
  for (const auto& [key, value] : report["properties"].items())
    rows.push_back({key, TextOf(value)});
  run.terminal().Table({"property", "value"}, rows);
  run.terminal().Line("commit " + TextOf(report["commit"]));
  return 0;
}

void AddCreate(VerbSet& verbs) {
  struct Options {
    api::CreateRequest request;
    std::vector<std::string> properties;
  };
  auto options = std::make_shared<Options>();
  auto* verb = verbs.Add(
      "create", "Make an empty table with stated columns",
      {"millpond create shop.orders --columns \"order_id BIGINT NOT NULL, at TIMESTAMP, note "
       "VARCHAR\"",
       "millpond create shop.events --columns \"kind VARCHAR, body VARCHAR\" --format 3"},
      [options](Invocation& run) -> Result<int> {
        api::CreateRequest request = options->request;
        ARROW_ASSIGN_OR_RAISE(request.properties, ParsePairs(options->properties, "--property"));
        ARROW_ASSIGN_OR_RAISE(auto pond, run.OpenPond());
        ARROW_ASSIGN_OR_RAISE(const auto report, api::CreateTable(*pond, request));
        return ShowColumns(run, report);
      });
  verb->add_option("table", options->request.table, "namespace.table")->required();
  verb->add_option("--columns", options->request.columns,
                   "Names with SQL types; NOT NULL makes one required; sample_id is added")
      ->required();
  verb->add_option("--key", options->request.keys,
                   "Columns that identify a row, instead of sample_id")
      ->delimiter(',');
  verb->add_option(
          "--format", options->request.format_version,
          "Iceberg format version: 2, or 3 for row lineage and deletion vectors (default 2)")
      ->check(CLI::IsMember({2, 3}));
  verb->add_option("--property", options->properties, "A table property, name=value")->take_all();
  verb->add_option("-m,--message", options->request.message, "Why");
  AddBranchOption(verb, &options->request.branch);
}

}  // namespace

void AddAlterVerbs(VerbSet& verbs) {
  AddCreate(verbs);
  auto alter = std::make_shared<Alter>();
  auto* parent = verbs.Add("alter", "Change a table's columns and properties; no row is rewritten",
                           {"millpond alter shop.orders add note VARCHAR",
                            "millpond alter shop.orders set write.delete.mode=merge-on-read"},
                           nullptr);
  parent->add_option("table", alter->table, "namespace.table")->required();
  parent->add_option("-m,--message", alter->message, "Why");
  AddBranchOption(parent, &alter->branch);
  parent->require_subcommand(1);
  AddColumnVerbs(verbs, parent, alter);
  auto* set = verbs.Add(
      "set", "Set table properties",
      {"millpond alter shop.orders set write.delete.mode=copy-on-write"},
      [alter](Invocation& run) { return ChangeProperties(run, *alter, false); }, parent);
  set->add_option("properties", alter->words, "property=value")->required();
  auto* unset = verbs.Add(
      "unset", "Remove table properties", {"millpond alter shop.orders unset write.delete.mode"},
      [alter](Invocation& run) { return ChangeProperties(run, *alter, true); }, parent);
  unset->add_option("properties", alter->words, "Their names")->required();
}

}  // namespace millpond::cli
