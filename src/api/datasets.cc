// define, list, show, freeze, open: the train room over the pond's session and derived cache.
#include "api/datasets.h"

#include "base/time.h"

namespace millpond::api {

using base::Json;

namespace {

Json InfoToJson(const train::DatasetInfo& info) {
  return {{"name", info.definition.name},
          {"definition", train::DefinitionToJson(info.definition)},
          {"versions", info.versions},
          {"author", info.author},
          {"created", base::FormatUtc(info.created_ms)},
          {"updated", base::FormatUtc(info.updated_ms)}};
}

}  // namespace

Json DatasetToJson(const train::Dataset& dataset) {
  Json inputs = Json::array();
  for (const auto& input : dataset.inputs) {
    inputs.push_back({{"table", input.table.ToString()},
                      {"uuid", input.uuid},
                      {"snapshot", input.snapshot_id ? Json(*input.snapshot_id) : Json(nullptr)}});
  }
  return {
      {"name", dataset.definition.name},
      {"version", dataset.version.empty() ? Json(nullptr) : Json(dataset.version)},
      {"hash", dataset.hash},
      {"definition", train::DefinitionToJson(dataset.definition)},
      {"inputs", std::move(inputs)},
      {"splits", dataset.plan.parts},
      {"schema", dataset.schema},
      {"summary", dataset.summary},
      {"author", dataset.author},
      {"at", dataset.created_ms == 0 ? Json(nullptr) : Json(base::FormatUtc(dataset.created_ms))}};
}

Result<Json> DefineDataset(Pond& pond, const Document& definition, const base::Context& context) {
  ARROW_ASSIGN_OR_RAISE(auto parsed, train::ParseDefinition(definition.text, definition.origin));
  ARROW_ASSIGN_OR_RAISE(auto session, pond.session());
  ARROW_ASSIGN_OR_RAISE(auto info, train::Datasets(session).Define(parsed, pond.author(), context));
  return InfoToJson(info);
}

Result<Json> ListDatasets(Pond& pond) {
  ARROW_ASSIGN_OR_RAISE(auto session, pond.session());
  ARROW_ASSIGN_OR_RAISE(auto infos, train::Datasets(session).List());
  Json listed = Json::array();
  for (const auto& info : infos) listed.push_back(InfoToJson(info));
  return Json{{"datasets", std::move(listed)}};
}

Result<Json> ShowDataset(Pond& pond, const std::string& name, const base::Context& context) {
  ARROW_ASSIGN_OR_RAISE(auto session, pond.session());
  train::Datasets datasets(session);
  if (name.find('@') != std::string::npos) {
    ARROW_ASSIGN_OR_RAISE(auto dataset, datasets.Open(name, context));
    return DatasetToJson(dataset);
  }
  ARROW_ASSIGN_OR_RAISE(auto info, datasets.Show(name));
  ARROW_ASSIGN_OR_RAISE(auto versions, datasets.Versions(name));
  Json shown = InfoToJson(info);
  shown["frozen"] = Json::array();
  for (const auto& version : versions) shown["frozen"].push_back(DatasetToJson(version));
  return shown;
}

Result<Json> Freeze(Pond& pond, const std::string& name, const std::string& version,
                    bool allow_leaks, const std::string& ref, const base::Context& context) {
  ARROW_ASSIGN_OR_RAISE(auto session, pond.session());
  const train::FreezeOptions options{
      .author = pond.author(), .allow_leaks = allow_leaks, .ref = ref};
  ARROW_ASSIGN_OR_RAISE(auto dataset,
                        train::Datasets(session).Freeze(name, version, options, context));
  return DatasetToJson(dataset);
}

Result<train::Dataset> OpenDataset(Pond& pond, const std::string& name,
                                   const base::Context& context) {
  ARROW_ASSIGN_OR_RAISE(auto session, pond.session());
  return train::Datasets(session).Open(name, context);
}

Result<std::shared_ptr<const train::Segment>> OpenSegment(Pond& pond, const train::Dataset& dataset,
                                                          const std::string& part,
                                                          const std::vector<std::string>& columns,
                                                          const base::Context& context) {
  ARROW_ASSIGN_OR_RAISE(auto session, pond.session());
  ARROW_ASSIGN_OR_RAISE(auto cache, pond.cache());
  return train::Segment::Open(*session, *cache, dataset, part, columns, context);
}

}  // namespace millpond::api
