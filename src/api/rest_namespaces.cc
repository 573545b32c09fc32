// Names and namespaces of the REST catalog.
#include <algorithm>
#include <set>

#include "api/rest_names.h"
#include "base/text.h"
#include "table/namespaces.h"

namespace millpond::api {
namespace {

using base::Json;

table::Namespaces NamespacesOf(CatalogCaller& caller) {
  return table::Namespaces(caller.pond.catalog());
}

Result<table::Properties> PropertiesOf(const Json& request, const char* key) {
  table::Properties properties;
  const auto found = request.find(key);
  if (found == request.end() || found->is_null()) return properties;
  if (!found->is_object()) return base::Invalid("\"{}\" is not an object", key);
  for (const auto& [name, value] : found->items()) {
    if (!value.is_string()) return base::Invalid("property '{}' is not text", name);
    properties[name] = value.get<std::string>();
  }
  return properties;
}

Result<Levels> LevelsIn(const Json& json) {
  const auto found = json.is_object() ? json.find("namespace") : json.end();
  if (found == json.end() || !found->is_array()) {
    return base::Invalid("the request has no list \"namespace\"");
  }
  Levels levels;
  for (const Json& level : *found) {
    if (!level.is_string()) return base::Invalid("a level of \"namespace\" is not text");
    levels.push_back(level.get<std::string>());
  }
  return levels;
}

}  // namespace

Result<std::string> TextIn(const Json& request, const char* key) {
  const auto found = request.find(key);
  if (found == request.end() || !found->is_string()) {
    return base::Invalid("the request has no text \"{}\"", key);
  }
  return found->get<std::string>();
}

Result<Json> ObjectIn(const Json& request, const char* key) {
  const auto found = request.find(key);
  if (found == request.end() || !found->is_object()) {
    return base::Invalid("the request has no object \"{}\"", key);
  }
  return *found;
}

Result<std::string> SpaceOf(const Levels& space) {
  const std::string joined = base::Join(space, ".");
  const bool holdable = !space.empty() && std::none_of(space.begin(), space.end(), [](auto& level) {
    return level.find('.') != std::string::npos || !base::CheckName(level, "namespace").ok();
  });
  if (!holdable) return base::NotFound("Namespace does not exist: {}", joined);
  return joined;
}

Levels LevelsOf(const std::string& space) { return base::Split(space, '.'); }

Result<table::TableName> TableNameOf(const CatalogName& name, const char* what) {
  const std::string full = base::Join(name.space, ".") + "." + name.name;
  auto parsed = table::TableName::Parse(full);
  // A dot inside a level or a name would be read as another level.
  const bool same =
      parsed.ok() && parsed->name == name.name && LevelsOf(parsed->space) == name.space;
  if (!same) return base::NotFound("{} does not exist: {}", what, full);
  return *parsed;
}

Json NameJson(const table::TableName& name) {
  return {{"namespace", LevelsOf(name.space)}, {"name", name.name}};
}

Result<CatalogName> CatalogNameOf(const Json& json) {
  CatalogName name;
  ARROW_ASSIGN_OR_RAISE(name.space, LevelsIn(json));
  ARROW_ASSIGN_OR_RAISE(name.name, TextIn(json, "name"));
  return name;
}

Status CheckNamespace(Pond& pond, const std::string& space) {
  ARROW_ASSIGN_OR_RAISE(const bool exists, table::Namespaces(pond.catalog()).Exists(space));
  return exists ? Status::OK() : base::NotFound("Namespace does not exist: {}", space);
}

Result<Json> ListNamespaces(CatalogCaller& caller, const Levels& parent) {
  std::string below;
  if (!parent.empty()) {
    ARROW_ASSIGN_OR_RAISE(below, SpaceOf(parent));
    ARROW_RETURN_NOT_OK(CheckNamespace(caller.pond, below));
    below += '.';
  }
  ARROW_ASSIGN_OR_RAISE(const auto names, NamespacesOf(caller).List());
  std::set<std::string> direct;
  for (const std::string& name : names) {
    if (!name.starts_with(below)) continue;
    direct.insert(name.substr(0, name.find('.', below.size())));
  }
  Json listed = Json::array();
  for (const std::string& name : direct) listed.push_back(LevelsOf(name));
  return Json{{"namespaces", std::move(listed)}};
}

Result<Json> CreateNamespace(CatalogCaller& caller, const Json& request) {
  ARROW_ASSIGN_OR_RAISE(const Levels levels, LevelsIn(request));
  const auto space = SpaceOf(levels);
  if (!space.ok()) {
    return base::Invalid(
        "no namespace can be called '{}': levels have 1-255 bytes and none of @./\\\"'",
        base::Join(levels, "."));
  }
  ARROW_ASSIGN_OR_RAISE(const auto properties, PropertiesOf(request, "properties"));
  ARROW_RETURN_NOT_OK(NamespacesOf(caller).Create(*space, properties));
  return Json{{"namespace", levels}, {"properties", properties}};
}

Result<Json> LoadNamespace(CatalogCaller& caller, const Levels& space) {
  ARROW_ASSIGN_OR_RAISE(const std::string name, SpaceOf(space));
  ARROW_ASSIGN_OR_RAISE(const auto properties, NamespacesOf(caller).Load(name));
  return Json{{"namespace", space}, {"properties", properties}};
}

Result<Json> UpdateNamespace(CatalogCaller& caller, const Levels& space, const Json& request) {
  ARROW_ASSIGN_OR_RAISE(const std::string name, SpaceOf(space));
  ARROW_ASSIGN_OR_RAISE(const auto updates, PropertiesOf(request, "updates"));
  std::vector<std::string> removals, updated;
  for (const Json& key : request.value("removals", Json::array())) {
    if (!key.is_string()) return base::Invalid("\"removals\" holds what is no text");
    removals.push_back(key.get<std::string>());
  }
  ARROW_ASSIGN_OR_RAISE(const auto missing, NamespacesOf(caller).Update(name, updates, removals));
  for (const auto& [key, value] : updates) updated.push_back(key);
  std::erase_if(removals, [&](const std::string& key) {
    return std::find(missing.begin(), missing.end(), key) != missing.end();
  });
  return Json{{"updated", updated}, {"removed", removals}, {"missing", missing}};
}

Status DropNamespace(CatalogCaller& caller, const Levels& space) {
  ARROW_ASSIGN_OR_RAISE(const std::string name, SpaceOf(space));
  return NamespacesOf(caller).Drop(name);
}

}  // namespace millpond::api
