// A new table of a CreateTableRequest, told as the updates that make it; see metadata_update.h.
#include <map>
#include <string>

#include "table/metadata_update.h"

namespace millpond::table {
namespace {

using base::Json;

constexpr int kFormatVersion = 2;
constexpr const char* kFormatProperty = "format-version";

/// Old field id -> new one.
using FieldIds = std::map<int64_t, int64_t>;

void Renumber(Json* type, int64_t* last, FieldIds* ids);

void RenumberChild(Json* type, const char* id_key, int64_t* last, FieldIds* ids) {
  const int64_t old = type->value(id_key, int64_t{-1});
  (*type)[id_key] = ++*last;
  (*ids)[old] = *last;
}

// All fields of one level get their ids before those inside them.
void Renumber(Json* type, int64_t* last, FieldIds* ids) {
  if (!type->is_object()) return;
  if (type->contains("fields")) {
    for (Json& field : (*type)["fields"]) RenumberChild(&field, "id", last, ids);
    for (Json& field : (*type)["fields"]) Renumber(&field["type"], last, ids);
    return;
  }
  const bool is_map = type->contains("key");
  if (is_map) RenumberChild(type, "key-id", last, ids);
  RenumberChild(type, is_map ? "value-id" : "element-id", last, ids);
  if (is_map) Renumber(&(*type)["key"], last, ids);
  Renumber(&(*type)[is_map ? "value" : "element"], last, ids);
}

Status FollowSources(Json* fields, const FieldIds& ids, const char* what) {
  for (Json& field : *fields) {
    const int64_t old = field.value("source-id", int64_t{-1});
    const auto found = ids.find(old);
    if (found == ids.end()) {
      return base::Invalid("Cannot find source column for {} field: id {}", what, old);
    }
    field["source-id"] = found->second;
  }
  return Status::OK();
}

Result<int64_t> TakeFormat(Json* properties) {
  int64_t version = kFormatVersion;
  if (const auto found = properties->find(kFormatProperty); found != properties->end()) {
    const std::string text = found->is_string() ? found->get<std::string>() : found->dump();
    if (text.size() != 1 || text[0] < '1' || text[0] > '3') {
      return base::Invalid("format-version '{}' is not one that Millpond writes (1, 2, 3)", text);
    }
    version = text[0] - '0';
    properties->erase(kFormatProperty);
  }
  return version;
}

Result<Json> Updates(const Json& request, const std::string& uuid, const std::string& location) {
  Json schema = request.value("schema", Json());
  if (!schema.is_object() || !schema.value("fields", Json()).is_array()) {
    return base::Invalid("the request has no \"schema\" with \"fields\"");
  }
  int64_t last = 0;
  FieldIds ids;
  Renumber(&schema, &last, &ids);
  if (!schema.value("identifier-field-ids", Json()).is_array()) {
    schema["identifier-field-ids"] = Json::array();
  }
  for (Json& id : schema["identifier-field-ids"]) {
    const auto found = ids.find(id.get<int64_t>());
    if (found == ids.end()) {
      return base::Invalid("identifier field {} is not in the schema", id.dump());
    }
    id = found->second;
  }
  Json spec = request.value("partition-spec", Json());
  if (!spec.is_object()) spec = Json::object();
  Json fields = spec.value("fields", Json::array());
  for (Json& field : fields) field.erase("field-id");
  ARROW_RETURN_NOT_OK(FollowSources(&fields, ids, "partition"));
  Json order = request.value("write-order", Json());
  if (!order.is_object()) order = Json::object();
  Json order_fields = order.value("fields", Json::array());
  ARROW_RETURN_NOT_OK(FollowSources(&order_fields, ids, "sort"));
  Json properties = request.value("properties", Json());
  if (!properties.is_object()) properties = Json::object();
  ARROW_ASSIGN_OR_RAISE(const int64_t version, TakeFormat(&properties));
  return Json::array({
      {{"action", "assign-uuid"}, {"uuid", uuid}},
      {{"action", "upgrade-format-version"}, {"format-version", version}},
      {{"action", "set-location"}, {"location", location}},
      {{"action", "add-schema"}, {"schema", schema}, {"last-column-id", last}},
      {{"action", "set-current-schema"}, {"schema-id", -1}},
      {{"action", "add-spec"}, {"spec", {{"fields", fields}}}},
      {{"action", "set-default-spec"}, {"spec-id", -1}},
      {{"action", "add-sort-order"}, {"sort-order", {{"fields", order_fields}}}},
      {{"action", "set-default-sort-order"}, {"sort-order-id", -1}},
      {{"action", "set-properties"}, {"updates", properties}},
  });
}

}  // namespace

Result<Json> CreationUpdates(const Json& request, const std::string& uuid,
                             const std::string& location) {
  try {
    return Updates(request, uuid, location);
  } catch (const Json::exception& error) {
    return base::Invalid("malformed request to create a table: {}", error.what());
  }
}

}  // namespace millpond::table
