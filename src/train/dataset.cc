// Datasets as rows of the ledger's tables `dataset` and `dataset_version`.
#include "train/dataset.h"

#include <arrow/api.h>

#include <algorithm>
#include <utility>

#include "base/hash.h"
#include "base/text.h"
#include "base/time.h"
#include "query/repeatable.h"
#include "table/pins.h"
#include "train/dataset_checks.h"

namespace millpond::train {
namespace {

using base::ErrorKind;
using base::Json;
using ledger::Row;

constexpr int kHashFormat = 1;

Json SchemaToJson(const arrow::Schema& schema) {
  Json fields = Json::array();
  for (const auto& field : schema.fields()) {
    fields.push_back({{"name", field->name()},
                      {"type", field->type()->ToString()},
                      {"nullable", field->nullable()}});
  }
  return fields;
}

// Without the places of metadata, which say nothing of the rows.
Json InputsToJson(const std::vector<DatasetInput>& inputs) {
  Json json = Json::array();
  for (const DatasetInput& input : inputs) {
    json.push_back({{"table", input.table.ToString()},
                    {"uuid", input.uuid},
                    {"snapshot", input.snapshot_id ? Json(*input.snapshot_id) : Json()}});
  }
  return json;
}

Result<std::vector<DatasetInput>> InputsFromJson(const Json& json, std::string_view origin) {
  ARROW_ASSIGN_OR_RAISE(auto pins, table::PinsFromJson(json, origin));
  std::vector<DatasetInput> inputs;
  for (auto& [name, pin] : pins) {
    inputs.push_back(
        {name, std::move(pin.uuid), pin.snapshot_id, std::move(pin.metadata_location)});
  }
  return inputs;
}

// Everything that decides what a loader yields; not the name, so that a renamed dataset is the
// same.
std::string HashOf(const Dataset& dataset) {
  const DatasetDefinition& definition = dataset.definition;
  Json content = {{"format", kHashFormat},
                  {"query", definition.query},
                  {"key", definition.key},
                  {"labels", definition.labels},
                  {"features", definition.features},
                  {"group", definition.group},
                  {"plan", PlanToJson(dataset.plan)},
                  {"inputs", InputsToJson(dataset.inputs)},
                  {"schema", dataset.schema}};
  return base::Sha256Hex(base::CanonicalJson(content));
}

// The table versions that the query reads at `ref`, each table once, in order of name.
Result<std::vector<DatasetInput>> PinInputs(query::Session& session, const std::string& query,
                                            const std::string& ref) {
  ARROW_ASSIGN_OR_RAISE(std::vector<query::TableRead> reads,
                        session.InputsOf(query, {.ref = ref, .pins = {}, .parameters = {}}));
  std::map<table::TableName, DatasetInput> inputs;
  for (const query::TableRead& read : reads) {
    auto [entry, added] =
        inputs.try_emplace(read.table, DatasetInput{read.table, {}, read.snapshot_id, {}});
    if (!added && entry->second.snapshot_id != read.snapshot_id) {
      return base::Invalid(
          "the query reads {} at two versions; a dataset takes each table at one version only",
          read.table.ToString());
    }
  }
  std::vector<DatasetInput> list;
  for (auto& [name, input] : inputs) {
    ARROW_ASSIGN_OR_RAISE(table::Table table, session.catalog()->Load(name));
    input.uuid = table.metadata->uuid;
    input.metadata_location = table.metadata_location;
    list.push_back(std::move(input));
  }
  return list;
}

// Pins the definition to the tables as they are at `ref` now and learns its plan.
Result<Dataset> Pin(query::Session& session, const DatasetDefinition& definition,
                    const std::string& ref, const base::Context& context) {
  Dataset dataset;
  dataset.definition = definition;
  ARROW_ASSIGN_OR_RAISE(dataset.inputs, PinInputs(session, definition.query, ref));
  ARROW_ASSIGN_OR_RAISE(auto schema, session.SchemaOf(definition.query, PinsOf(dataset)));
  ARROW_RETURN_NOT_OK(CheckColumns(definition, *schema));
  dataset.schema = SchemaToJson(*schema);
  SelectFrom select = [&](const std::string& columns, const std::string& tail) {
    return SelectPinned(session, dataset, columns, tail, context);
  };
  ARROW_ASSIGN_OR_RAISE(dataset.plan, MakePlan(definition, select, context));
  dataset.hash = HashOf(dataset);
  return dataset;
}

Row RowOf(const Dataset& dataset) {
  Json definition = {{"definition", DefinitionToJson(dataset.definition)},
                     {"plan", PlanToJson(dataset.plan)},
                     {"schema", dataset.schema}};
  return {{"name", dataset.definition.name},
          {"version", dataset.version},
          {"hash", dataset.hash},
          {"definition", base::CanonicalJson(definition)},
          {"inputs", base::CanonicalJson(table::PinsToJson(PinsOf(dataset).pins))},
          {"summary", base::CanonicalJson(dataset.summary)},
          {"author", dataset.author},
          {"created_ms", dataset.created_ms}};
}

Result<Json> StoredJson(const Row& row, const std::string& column, const std::string& origin) {
  ARROW_ASSIGN_OR_RAISE(std::string text, ledger::TextOf(row, column));
  auto json = base::ParseJson(text, origin);
  if (!json.ok()) return base::WithKind(ErrorKind::kCorrupt, json.status());
  return json;
}

Result<Dataset> DatasetOf(const Row& row) {
  Dataset dataset;
  ARROW_ASSIGN_OR_RAISE(std::string name, ledger::TextOf(row, "name"));
  ARROW_ASSIGN_OR_RAISE(dataset.version, ledger::TextOf(row, "version"));
  ARROW_ASSIGN_OR_RAISE(dataset.hash, ledger::TextOf(row, "hash"));
  std::string origin = "dataset " + name + "@" + dataset.version + " in the ledger";
  ARROW_ASSIGN_OR_RAISE(Json stored, StoredJson(row, "definition", origin));
  ARROW_ASSIGN_OR_RAISE(const Json* definition, base::GetObject(stored, "definition", origin));
  auto read = DefinitionFromJson(*definition, origin);
  if (!read.ok()) return base::WithKind(ErrorKind::kCorrupt, read.status());
  dataset.definition = std::move(*read);
  ARROW_ASSIGN_OR_RAISE(const Json* plan, base::GetObject(stored, "plan", origin));
  ARROW_ASSIGN_OR_RAISE(dataset.plan, PlanFromJson(*plan, origin));
  ARROW_ASSIGN_OR_RAISE(const Json* schema, base::GetArray(stored, "schema", origin));
  dataset.schema = *schema;
  ARROW_ASSIGN_OR_RAISE(Json inputs, StoredJson(row, "inputs", origin));
  ARROW_ASSIGN_OR_RAISE(dataset.inputs, InputsFromJson(inputs, origin));
  ARROW_ASSIGN_OR_RAISE(dataset.summary, StoredJson(row, "summary", origin));
  ARROW_ASSIGN_OR_RAISE(dataset.author, ledger::TextOf(row, "author"));
  ARROW_ASSIGN_OR_RAISE(dataset.created_ms, ledger::IntOf(row, "created_ms"));
  if (HashOf(dataset) != dataset.hash) {
    return base::Corrupt("{}: its content does not have the hash it was stored with", origin);
  }
  return dataset;
}

Result<DatasetDefinition> DefinitionOf(const Row& row) {
  ARROW_ASSIGN_OR_RAISE(std::string name, ledger::TextOf(row, "name"));
  std::string origin = "dataset " + name + " in the ledger";
  ARROW_ASSIGN_OR_RAISE(Json json, StoredJson(row, "definition", origin));
  auto definition = DefinitionFromJson(json, origin);
  if (!definition.ok()) return base::WithKind(ErrorKind::kCorrupt, definition.status());
  return definition;
}

Result<DatasetInfo> InfoOf(const Row& row) {
  DatasetInfo info;
  ARROW_ASSIGN_OR_RAISE(info.definition, DefinitionOf(row));
  ARROW_ASSIGN_OR_RAISE(info.author, ledger::TextOf(row, "author"));
  ARROW_ASSIGN_OR_RAISE(info.created_ms, ledger::IntOf(row, "created_ms"));
  ARROW_ASSIGN_OR_RAISE(info.updated_ms, ledger::IntOf(row, "updated_ms"));
  return info;
}

ledger::Query VersionsQuery(const std::string& name) {
  ledger::Query query{"dataset_version"};
  if (!name.empty()) query.where = {{"name", ledger::Compare::kEqual, name}};
  query.order_by = {{"created_ms"}, {"version"}};
  return query;
}

Result<std::optional<Dataset>> FindVersion(ledger::Ledger& ledger, const std::string& name,
                                           const std::string& version) {
  ledger::Query query{"dataset_version"};
  query.where = {{"name", ledger::Compare::kEqual, name},
                 {"version", ledger::Compare::kEqual, version}};
  ARROW_ASSIGN_OR_RAISE(std::vector<Row> rows, ledger.Select(query));
  if (rows.empty()) return std::nullopt;
  ARROW_ASSIGN_OR_RAISE(Dataset dataset, DatasetOf(rows.front()));
  return dataset;
}

// The stored version where it is the same; kAlreadyExists where it is not.
Result<Dataset> SameOrTaken(Dataset stored, const std::string& hash) {
  if (stored.hash == hash) return stored;
  return base::AlreadyExists(
      "{} is frozen already with other content (hash {}…, now {}…); choose another version",
      stored.FullName(), stored.hash.substr(0, 12), hash.substr(0, 12));
}

Result<Json> Summarise(query::Session& session, const Dataset& dataset,
                       const FreezeOptions& options, const base::Context& context) {
  ARROW_ASSIGN_OR_RAISE(PartCounts counts, CountParts(session, dataset, context));
  std::vector<std::string> names = PartNames(dataset);
  Json rows = Json::object();
  int64_t total = counts.unassigned;
  for (size_t i = 0; i < names.size(); ++i) {
    if (counts.rows[i] == 0) {
      return base::Invalid("part '{}' of dataset {} has no rows; look at its split and query",
                           names[i], dataset.definition.name);
    }
    rows[names[i]] = counts.rows[i];
    total += counts.rows[i];
  }
  if (names.empty()) {
    return base::Invalid("column '{}' of dataset {} names no part", dataset.plan.column,
                         dataset.definition.name);
  }
  ARROW_ASSIGN_OR_RAISE(Json leaks, FindLeaks(session, dataset, context));
  if (!leaks.is_null() && leaks["groups"] != 0 && !options.allow_leaks) {
    return base::Invalid(
        "{} values of group column '{}' have rows in more than one part (for example {}): a model "
        "would be tested on what it has seen. Split by group, or allow leaks to freeze it so",
        leaks["groups"].get<int64_t>(), dataset.definition.group, leaks["examples"][0].dump());
  }
  return Json{{"rows", std::move(rows)},
              {"unassigned", counts.unassigned},
              {"total", total},
              {"leaks", std::move(leaks)}};
}

}  // namespace

query::SqlOptions PinsOf(const Dataset& dataset) {
  query::SqlOptions options;
  for (const DatasetInput& input : dataset.inputs) {
    options.pins[input.table] = {input.uuid, input.snapshot_id, input.metadata_location};
  }
  return options;
}

Result<std::shared_ptr<arrow::RecordBatchReader>> SelectPinned(query::Session& session,
                                                               const Dataset& dataset,
                                                               const std::string& columns,
                                                               const std::string& tail,
                                                               const base::Context& context) {
  // The line ends keep a comment at the query's end from swallowing the rest.
  std::string sql =
      "SELECT " + columns + " FROM (\n" + dataset.definition.query + "\n) AS dataset " + tail;
  ARROW_ASSIGN_OR_RAISE(query::QueryResult result, session.Sql(sql, PinsOf(dataset), context));
  for (const query::TableRead& read : result.inputs) {
    // A renamed table is read under its present name; no two tables share a snapshot's id.
    const bool pinned = std::ranges::any_of(dataset.inputs, [&](const DatasetInput& input) {
      return input.snapshot_id == read.snapshot_id &&
             (input.snapshot_id || input.table == read.table);
    });
    if (!pinned) {
      return base::Invalid(
          "dataset {} would read {} at another version than it is pinned to; write the table's "
          "name "
          "in the query as `millpond ls` shows it, without a ref, and freeze again",
          dataset.FullName(), read.table.ToString());
    }
  }
  return result.reader;
}

Datasets::Datasets(std::shared_ptr<query::Session> session) : session_(std::move(session)) {}

Result<DatasetInfo> Datasets::Define(const DatasetDefinition& definition, const std::string& author,
                                     const base::Context& context) {
  ARROW_RETURN_NOT_OK(context.CheckStop());
  auto schema = session_->SchemaOf(definition.query, {});
  if (!schema.ok()) return base::WithContext("dataset " + definition.name, schema.status());
  ARROW_RETURN_NOT_OK(
      base::WithContext("dataset " + definition.name, CheckColumns(definition, **schema)));
  std::string text = base::CanonicalJson(DefinitionToJson(definition));
  int64_t now = base::NowMs();
  ledger::Ledger& ledger = session_->catalog()->ledger();
  ledger::Conditions same = {{"name", ledger::Compare::kEqual, definition.name}};
  ARROW_ASSIGN_OR_RAISE(std::vector<Row> rows, ledger.Select({"dataset", same}));
  ledger::Transaction change;
  if (rows.empty()) {
    change.Insert("dataset",
                  {{"name", definition.name},
                   {"definition", text},
                   {"author", author},
                   {"created_ms", now},
                   {"updated_ms", now}},
                  "dataset " + definition.name + " was defined by somebody else just now");
  } else {
    change.Update("dataset", {{"definition", text}, {"author", author}, {"updated_ms", now}}, same);
  }
  ARROW_RETURN_NOT_OK(ledger.Apply(change));
  return Show(definition.name);
}

Result<std::vector<DatasetInfo>> Datasets::List() {
  ledger::Query datasets{"dataset"};
  datasets.order_by = {{"name"}};
  ARROW_ASSIGN_OR_RAISE(auto results,
                        session_->catalog()->ledger().SelectAll({datasets, VersionsQuery("")}));
  std::vector<DatasetInfo> infos;
  for (const Row& row : results[0]) {
    ARROW_ASSIGN_OR_RAISE(DatasetInfo info, InfoOf(row));
    infos.push_back(std::move(info));
  }
  for (const Row& row : results[1]) {
    ARROW_ASSIGN_OR_RAISE(std::string name, ledger::TextOf(row, "name"));
    ARROW_ASSIGN_OR_RAISE(std::string version, ledger::TextOf(row, "version"));
    for (DatasetInfo& info : infos) {
      if (info.definition.name == name) info.versions.push_back(version);
    }
  }
  return infos;
}

Result<DatasetInfo> Datasets::Show(const std::string& name) {
  ARROW_ASSIGN_OR_RAISE(std::vector<DatasetInfo> infos, List());
  std::vector<std::string> names;
  for (DatasetInfo& info : infos) {
    if (info.definition.name == name) return std::move(info);
    names.push_back(info.definition.name);
  }
  return base::NotFound("there is no dataset '{}'.{}", name,
                        names.empty() ? " None is defined yet." : base::DidYouMean(name, names));
}

Result<std::vector<Dataset>> Datasets::Versions(const std::string& name) {
  ARROW_RETURN_NOT_OK(Show(name).status());
  ARROW_ASSIGN_OR_RAISE(std::vector<Row> rows,
                        session_->catalog()->ledger().Select(VersionsQuery(name)));
  std::vector<Dataset> versions;
  for (const Row& row : rows) {
    ARROW_ASSIGN_OR_RAISE(Dataset dataset, DatasetOf(row));
    versions.push_back(std::move(dataset));
  }
  return versions;
}

Result<Dataset> Datasets::Freeze(const std::string& name, const std::string& version,
                                 const FreezeOptions& options, const base::Context& context) {
  ARROW_RETURN_NOT_OK(base::CheckName(version, "version of a dataset"));
  ARROW_ASSIGN_OR_RAISE(DatasetInfo info, Show(name));
  ARROW_RETURN_NOT_OK(
      base::WithContext("dataset " + name, query::CheckRepeatable(info.definition.query)));
  ARROW_ASSIGN_OR_RAISE(Dataset dataset, Pin(*session_, info.definition, options.ref, context));
  dataset.version = version;
  dataset.author = options.author;
  dataset.created_ms = base::NowMs();
  ledger::Ledger& ledger = session_->catalog()->ledger();
  ARROW_ASSIGN_OR_RAISE(std::optional<Dataset> stored, FindVersion(ledger, name, version));
  if (stored) return SameOrTaken(std::move(*stored), dataset.hash);
  ARROW_ASSIGN_OR_RAISE(dataset.summary, Summarise(*session_, dataset, options, context));
  const auto insert = [&]() -> Result<ledger::Transaction> {
    ARROW_ASSIGN_OR_RAISE(stored, FindVersion(ledger, name, version));
    const std::string taken = dataset.FullName() + " is frozen already";
    if (stored) return base::AlreadyExists("{}", taken);
    ledger::Transaction change;
    change.Insert("dataset_version", RowOf(dataset), taken);
    return change;
  };
  Status landed =
      table::LandPins(*session_->catalog(), dataset.TagName(), PinsOf(dataset).pins, insert);
  if (stored) return SameOrTaken(std::move(*stored), dataset.hash);
  ARROW_RETURN_NOT_OK(landed);
  return dataset;
}

Result<Dataset> Datasets::Open(const std::string& name_at_version, const base::Context& context) {
  size_t at = name_at_version.find('@');
  std::string name = name_at_version.substr(0, at);
  ARROW_ASSIGN_OR_RAISE(DatasetInfo info, Show(name));
  if (at == name_at_version.npos) return Pin(*session_, info.definition, "", context);
  std::string version = name_at_version.substr(at + 1);
  ARROW_ASSIGN_OR_RAISE(std::optional<Dataset> stored,
                        FindVersion(session_->catalog()->ledger(), name, version));
  if (stored) return std::move(*stored);
  return base::NotFound("dataset {} has no version '{}'.{} It has: {}", name, version,
                        base::DidYouMean(version, info.versions),
                        info.versions.empty() ? "none" : base::Join(info.versions, ", "));
}

}  // namespace millpond::train
