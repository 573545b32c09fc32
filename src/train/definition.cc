// Reads a dataset's document key by key, so that every mistake is named, and writes it back in
// full.
#include "train/definition.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "base/text.h"
#include "base/time.h"
#include "base/yaml.h"
#include "query/repeatable.h"

namespace millpond::train {
namespace {

using base::Json;

constexpr std::array<std::pair<SplitMethod, std::string_view>, 6> kMethods = {{
    {SplitMethod::kNone, "none"},
    {SplitMethod::kHash, "hash"},
    {SplitMethod::kStratified, "stratified"},
    {SplitMethod::kTime, "time"},
    {SplitMethod::kGroup, "group"},
    {SplitMethod::kGiven, "given"},
}};
constexpr double kShareTolerance = 1e-9;

Status CheckKeys(const Json& object, std::initializer_list<std::string_view> known,
                 std::string_view origin, std::string_view where) {
  if (!object.is_object()) {
    return base::Invalid("{}: {} is {}; expected keys and values", origin, where,
                         object.type_name());
  }
  std::vector<std::string> names(known.begin(), known.end());
  for (const auto& [key, value] : object.items()) {
    if (std::ranges::find(names, key) == names.end()) {
      return base::Invalid("{}: {} has no key '{}'.{} Known: {}", origin, where, key,
                           base::DidYouMean(key, names), base::Join(names, ", "));
    }
  }
  return Status::OK();
}

// "" where it is absent.
Result<std::string> Text(const Json& object, const char* key, std::string_view origin) {
  auto found = base::FindString(object, key, origin);
  if (!found.ok()) return base::WithKind(base::ErrorKind::kInvalid, found.status());
  return std::move(*found).value_or("");
}

// A list of names; a single name will do.
Result<std::vector<std::string>> Names(const Json& object, const char* key,
                                       std::string_view origin) {
  std::vector<std::string> names;
  auto found = object.find(key);
  if (found == object.end() || found->is_null()) return names;
  Json list = found->is_array() ? *found : Json::array({*found});
  for (const Json& name : list) {
    if (!name.is_string() || name.get_ref<const std::string&>().empty()) {
      return base::Invalid("{}: '{}' must be a list of column names, found {}", origin, key,
                           name.dump());
    }
    names.push_back(name.get<std::string>());
  }
  if (std::set<std::string>(names.begin(), names.end()).size() != names.size()) {
    return base::Invalid("{}: '{}' names a column twice", origin, key);
  }
  return names;
}

Result<Part> ReadPart(const Json& json, std::string_view origin) {
  ARROW_RETURN_NOT_OK(CheckKeys(json, {"name", "share", "until"}, origin, "a part of the split"));
  Part part;
  ARROW_ASSIGN_OR_RAISE(part.name, Text(json, "name", origin));
  if (auto share = json.find("share"); share != json.end()) {
    if (!share->is_number()) {
      return base::Invalid("{}: share of part '{}' is {}; expected a number between 0 and 1",
                           origin, part.name, share->dump());
    }
    part.share = share->get<double>();
  }
  if (auto until = json.find("until"); until != json.end() && !until->is_null()) {
    part.until = until->is_string() ? until->get<std::string>() : until->dump();
  }
  return part;
}

// A list of {name, share | until}, or the short form {train: 0.8, test: 0.2} where order has no
// meaning.
Result<std::vector<Part>> ReadParts(const Json& json, SplitMethod method, std::string_view origin) {
  std::vector<Part> parts;
  if (json.is_null()) return parts;
  if (json.is_object()) {
    if (method == SplitMethod::kTime) {
      return base::Invalid(
          "{}: parts of a split by time have an order: write a list of "
          "'- {{name: train, share: 0.8}}' or '- {{name: train, until: 2026-01-01}}'",
          origin);
    }
    for (const auto& [name, share] : json.items()) {
      ARROW_ASSIGN_OR_RAISE(Part part, ReadPart(Json{{"name", name}, {"share", share}}, origin));
      parts.push_back(std::move(part));
    }
    return parts;
  }
  if (!json.is_array()) return base::Invalid("{}: 'parts' must be a list", origin);
  for (const Json& item : json) {
    ARROW_ASSIGN_OR_RAISE(Part part,
                          ReadPart(item.is_string() ? Json{{"name", item}} : item, origin));
    parts.push_back(std::move(part));
  }
  return parts;
}

Status CheckShares(const std::vector<Part>& parts, std::string_view origin) {
  double sum = 0;
  for (const Part& part : parts) {
    if (!(part.share > 0 && part.share <= 1)) {
      return base::Invalid("{}: share of part '{}' is {}; expected more than 0 and at most 1",
                           origin, part.name, part.share);
    }
    sum += part.share;
  }
  if (std::abs(sum - 1) > kShareTolerance) {
    return base::Invalid("{}: the shares of the parts sum to {}, not 1", origin, sum);
  }
  return Status::OK();
}

Status CheckCutPoints(const std::vector<Part>& parts, std::string_view origin) {
  for (size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].share != 0) {
      return base::Invalid("{}: part '{}': give shares or 'until' for all parts, not both", origin,
                           parts[i].name);
    }
    if (parts[i].until.has_value() == (i + 1 == parts.size())) {
      return base::Invalid(
          "{}: every part of a split by time but the last needs 'until'; look at '{}'", origin,
          parts[i].name);
    }
  }
  return Status::OK();
}

Status CheckSplit(const SplitDefinition& split, std::string_view origin) {
  std::set<std::string> names;
  for (const Part& part : split.parts) {
    ARROW_RETURN_NOT_OK(base::WithContext(origin, base::CheckName(part.name, "name of a part")));
    if (part.name == "all") {
      return base::Invalid("{}: a part cannot be called 'all', which means every row", origin);
    }
    if (!names.insert(part.name).second) {
      return base::Invalid("{}: part '{}' is there twice", origin, part.name);
    }
  }
  bool needs_column = split.method != SplitMethod::kNone && split.method != SplitMethod::kHash;
  if (needs_column == split.column.empty()) {
    return base::Invalid("{}: a split by {} {} 'column'", origin, NameOf(split.method),
                         needs_column ? "needs" : "takes no");
  }
  if (split.method == SplitMethod::kNone || split.method == SplitMethod::kGiven) {
    bool cut = std::ranges::any_of(
        split.parts, [](const Part& part) { return part.share != 0 || part.until.has_value(); });
    if (cut || (split.method == SplitMethod::kNone && !split.parts.empty())) {
      return base::Invalid("{}: a split by {} takes no shares or cut points", origin,
                           NameOf(split.method));
    }
    return Status::OK();
  }
  if (split.parts.empty()) {
    return base::Invalid("{}: a split by {} needs 'parts'", origin, NameOf(split.method));
  }
  bool cuts = std::ranges::any_of(split.parts, [](const Part& p) { return p.until.has_value(); });
  if (!cuts) return CheckShares(split.parts, origin);
  if (split.method != SplitMethod::kTime) {
    return base::Invalid("{}: 'until' is for splits by time", origin);
  }
  return CheckCutPoints(split.parts, origin);
}

Result<SplitDefinition> ReadSplit(const Json& json, std::string_view origin) {
  SplitDefinition split;
  if (json.is_null()) return split;
  ARROW_RETURN_NOT_OK(CheckKeys(json, {"by", "column", "parts", "seed"}, origin, "split"));
  ARROW_ASSIGN_OR_RAISE(std::string by, Text(json, "by", origin));
  auto method = MethodNamed(by);
  if (!method) {
    std::vector<std::string> names;
    for (const auto& [known, name] : kMethods) names.emplace_back(name);
    return base::Invalid("{}: split by '{}' does not exist.{} There are: {}", origin, by,
                         base::DidYouMean(by, names), base::Join(names, ", "));
  }
  split.method = *method;
  ARROW_ASSIGN_OR_RAISE(split.column, Text(json, "column", origin));
  if (auto seed = json.find("seed"); seed != json.end() && !seed->is_null()) {
    if (!seed->is_number_integer() || (!seed->is_number_unsigned() && seed->get<int64_t>() < 0)) {
      return base::Invalid("{}: the seed of the split is {}; expected a whole number from 0",
                           origin, seed->dump());
    }
    split.seed = seed->get<uint64_t>();
  }
  ARROW_ASSIGN_OR_RAISE(split.parts, ReadParts(json.value("parts", Json()), split.method, origin));
  ARROW_RETURN_NOT_OK(CheckSplit(split, origin));
  return split;
}

}  // namespace

std::string_view NameOf(SplitMethod method) { return kMethods[static_cast<size_t>(method)].second; }

std::optional<SplitMethod> MethodNamed(std::string_view name) {
  for (const auto& [method, known] : kMethods) {
    if (known == name) return method;
  }
  return std::nullopt;
}

Result<DatasetDefinition> DefinitionFromJson(const Json& json, std::string_view origin) {
  ARROW_RETURN_NOT_OK(CheckKeys(
      json, {"name", "description", "query", "key", "split", "labels", "features", "group"}, origin,
      "a dataset"));
  DatasetDefinition definition;
  ARROW_ASSIGN_OR_RAISE(definition.name, Text(json, "name", origin));
  ARROW_RETURN_NOT_OK(
      base::WithContext(origin, base::CheckName(definition.name, "name of the dataset")));
  ARROW_ASSIGN_OR_RAISE(definition.description, Text(json, "description", origin));
  ARROW_ASSIGN_OR_RAISE(std::string query, Text(json, "query", origin));
  std::string_view trimmed = base::Trim(query);
  while (trimmed.ends_with(';')) trimmed = base::Trim(trimmed.substr(0, trimmed.size() - 1));
  if (trimmed.empty()) {
    return base::Invalid("{}: 'query' is missing: one SELECT that gives a row per sample", origin);
  }
  definition.query = trimmed;
  ARROW_ASSIGN_OR_RAISE(std::vector<std::string> key, Names(json, "key", origin));
  if (!key.empty()) definition.key = std::move(key);
  ARROW_ASSIGN_OR_RAISE(definition.labels, Names(json, "labels", origin));
  ARROW_ASSIGN_OR_RAISE(definition.features, Names(json, "features", origin));
  ARROW_ASSIGN_OR_RAISE(definition.group, Text(json, "group", origin));
  for (const std::string& label : definition.labels) {
    if (std::ranges::find(definition.features, label) != definition.features.end()) {
      return base::Invalid("{}: '{}' is both a label and a feature", origin, label);
    }
  }
  ARROW_ASSIGN_OR_RAISE(definition.split, ReadSplit(json.value("split", Json()), origin));
  return definition;
}

Result<DatasetDefinition> ParseDefinition(std::string_view text, std::string_view origin) {
  ARROW_ASSIGN_OR_RAISE(Json json, base::ParseYaml(text, origin));
  ARROW_ASSIGN_OR_RAISE(auto definition, DefinitionFromJson(json, origin));
  ARROW_RETURN_NOT_OK(base::WithContext(origin, query::CheckRepeatable(definition.query)));
  return definition;
}

Json DefinitionToJson(const DatasetDefinition& definition) {
  Json json = {{"name", definition.name},     {"description", definition.description},
               {"query", definition.query},   {"key", definition.key},
               {"labels", definition.labels}, {"features", definition.features},
               {"group", definition.group}};
  if (definition.split.method == SplitMethod::kNone) return json;
  Json parts = Json::array();
  for (const Part& part : definition.split.parts) {
    Json item = {{"name", part.name}};
    if (part.share != 0) item["share"] = part.share;
    if (part.until) item["until"] = *part.until;
    parts.push_back(std::move(item));
  }
  json["split"] = {{"by", NameOf(definition.split.method)},
                   {"seed", definition.split.seed},
                   {"parts", std::move(parts)}};
  if (!definition.split.column.empty()) json["split"]["column"] = definition.split.column;
  return json;
}

}  // namespace millpond::train
