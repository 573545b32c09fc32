// Iceberg's JSON form of a schema, both ways (spec, Appendix C). Called by metadata.cc and the
// manifest header. Hostile input: every key is typed, nesting is bounded, ids and names are unique.
#include <arrow/api.h>
#include <arrow/util/key_value_metadata.h>

#include <charconv>
#include <set>

#include "table/schema.h"

namespace millpond::table {
namespace {

using arrow::Type;
using base::Json;
using TypePtr = std::shared_ptr<arrow::DataType>;
using FieldPtr = std::shared_ptr<arrow::Field>;

constexpr int kDeepest = 100;
constexpr const char* kDocKey = "doc";

/// What one read of a schema shares: where it came from, and the ids seen so far.
struct Reading {
  std::string_view origin;
  std::set<int32_t> ids;
};

Result<int32_t> GetId(const Json& object, const char* key, Reading* reading) {
  ARROW_ASSIGN_OR_RAISE(int64_t id, base::GetInt(object, key, reading->origin));
  if (id < 0 || id > INT32_MAX) {
    return base::Corrupt("{}: \"{}\" is {}, not a field id", reading->origin, key, id);
  }
  if (!reading->ids.insert(static_cast<int32_t>(id)).second) {
    return base::Corrupt("{}: field id {} is used twice in one schema", reading->origin, id);
  }
  return static_cast<int32_t>(id);
}

Result<bool> GetBool(const Json& object, const char* key, std::string_view origin) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_boolean()) {
    return base::Corrupt("{}: \"{}\" is not true or false", origin, key);
  }
  return found->get<bool>();
}

// Types that are held as text: the field says what they are.
bool IsTextInMemory(const Json& type) { return type == "uuid" || type == "variant"; }

using Metadata = std::vector<std::pair<std::string, std::string>>;

FieldPtr MakeField(const std::string& name, TypePtr type, bool required, int32_t id,
                   const Json& type_json, const Metadata& more = {}) {
  std::vector<std::string> keys = {kFieldIdKey};
  std::vector<std::string> values = {std::to_string(id)};
  if (IsTextInMemory(type_json)) {
    keys.emplace_back(kIcebergTypeKey);
    values.push_back(type_json.get<std::string>());
  }
  for (const auto& [key, value] : more) {
    keys.push_back(key);
    values.push_back(value);
  }
  return arrow::field(name, std::move(type), !required, arrow::key_value_metadata(keys, values));
}

// "decimal(9, 2)" -> {9, 2}; "fixed[16]" -> {16}.
std::optional<std::vector<int32_t>> NumbersIn(std::string_view text, char open, char close) {
  const size_t begin = text.find(open);
  if (begin == std::string_view::npos || text.back() != close) return std::nullopt;
  std::vector<int32_t> numbers;
  const char* at = text.data() + begin + 1;
  const char* end = text.data() + text.size() - 1;
  while (at < end) {
    while (at < end && *at == ' ') ++at;
    int32_t number = 0;
    const auto [next, error] = std::from_chars(at, end, number);
    if (error != std::errc()) return std::nullopt;
    numbers.push_back(number);
    at = next;
    while (at < end && *at == ' ') ++at;
    if (at < end && *at++ != ',') return std::nullopt;
  }
  return numbers;
}

Result<TypePtr> ParametricFromText(std::string_view text, std::string_view path,
                                   std::string_view origin) {
  if (text.starts_with("decimal(")) {
    const auto numbers = NumbersIn(text, '(', ')');
    if (numbers && numbers->size() == 2 && (*numbers)[0] >= 1 && (*numbers)[0] <= 38 &&
        (*numbers)[1] >= 0 && (*numbers)[1] <= (*numbers)[0]) {
      return arrow::decimal128((*numbers)[0], (*numbers)[1]);
    }
    return base::Corrupt("{}: column '{}' has the bad type \"{}\"", origin, path, text);
  }
  if (text.starts_with("fixed[")) {
    const auto numbers = NumbersIn(text, '[', ']');
    if (numbers && numbers->size() == 1 && (*numbers)[0] >= 1) {
      return arrow::fixed_size_binary((*numbers)[0]);
    }
    return base::Corrupt("{}: column '{}' has the bad type \"{}\"", origin, path, text);
  }
  return base::Invalid(
      "{}: column '{}' has type \"{}\", which Millpond does not hold; rewrite the column with "
      "another type (string, long, fixed[16]) in the engine that made the table",
      origin, path, text);
}

Result<TypePtr> PrimitiveFromText(std::string_view text, std::string_view path,
                                  std::string_view origin) {
  if (text == "boolean") return arrow::boolean();
  if (text == "int") return arrow::int32();
  if (text == "long") return arrow::int64();
  if (text == "float") return arrow::float32();
  if (text == "double") return arrow::float64();
  if (text == "date") return arrow::date32();
  if (text == "string") return arrow::utf8();
  if (text == "binary") return arrow::binary();
  if (text == "timestamp") return arrow::timestamp(arrow::TimeUnit::MICRO);
  if (text == "timestamptz") return arrow::timestamp(arrow::TimeUnit::MICRO, "UTC");
  if (text == "timestamp_ns") return arrow::timestamp(arrow::TimeUnit::NANO);
  if (text == "timestamptz_ns") return arrow::timestamp(arrow::TimeUnit::NANO, "UTC");
  if (text == "time") return arrow::time64(arrow::TimeUnit::MICRO);
  if (IsTextInMemory(Json(text))) return arrow::utf8();
  return ParametricFromText(text, path, origin);
}

Result<TypePtr> TypeFromJson(const Json& json, const std::string& path, int depth,
                             Reading* reading);

Result<const Json*> Member(const Json& object, const char* key, std::string_view origin) {
  const auto found = object.find(key);
  if (found == object.end()) return base::Corrupt("{}: \"{}\" is missing in a type", origin, key);
  return &*found;
}

Result<FieldPtr> FieldFromJson(const Json& json, const std::string& parent, int depth,
                               Reading* reading) {
  if (!json.is_object()) return base::Corrupt("{}: a field is not an object", reading->origin);
  ARROW_ASSIGN_OR_RAISE(std::string name, base::GetString(json, "name", reading->origin));
  const std::string path = parent.empty() ? name : parent + "." + name;
  ARROW_ASSIGN_OR_RAISE(int32_t id, GetId(json, "id", reading));
  ARROW_ASSIGN_OR_RAISE(bool required, GetBool(json, "required", reading->origin));
  ARROW_ASSIGN_OR_RAISE(auto doc, base::FindString(json, "doc", reading->origin));
  Metadata more;
  if (doc && !doc->empty()) more.emplace_back(kDocKey, *doc);
  for (const auto& [key, in_memory] : {std::pair("initial-default", kInitialDefaultKey),
                                       std::pair("write-default", kWriteDefaultKey)}) {
    const auto found = json.find(key);
    if (found != json.end() && !found->is_null()) more.emplace_back(in_memory, found->dump());
  }
  ARROW_ASSIGN_OR_RAISE(const Json* type_json, Member(json, "type", reading->origin));
  ARROW_ASSIGN_OR_RAISE(TypePtr type, TypeFromJson(*type_json, path, depth + 1, reading));
  return MakeField(name, std::move(type), required, id, *type_json, more);
}

Result<arrow::FieldVector> FieldsFromJson(const Json& json, const std::string& parent, int depth,
                                          Reading* reading) {
  ARROW_ASSIGN_OR_RAISE(const Json* fields, base::GetArray(json, "fields", reading->origin));
  arrow::FieldVector result;
  std::set<std::string> names;
  for (const Json& field_json : *fields) {
    ARROW_ASSIGN_OR_RAISE(FieldPtr field, FieldFromJson(field_json, parent, depth, reading));
    if (!names.insert(field->name()).second) {
      return base::Corrupt("{}: two columns are named '{}'", reading->origin, field->name());
    }
    result.push_back(std::move(field));
  }
  return result;
}

Result<TypePtr> ListFromJson(const Json& json, const std::string& path, int depth,
                             Reading* reading) {
  ARROW_ASSIGN_OR_RAISE(int32_t id, GetId(json, "element-id", reading));
  ARROW_ASSIGN_OR_RAISE(bool required, GetBool(json, "element-required", reading->origin));
  ARROW_ASSIGN_OR_RAISE(const Json* element, Member(json, "element", reading->origin));
  ARROW_ASSIGN_OR_RAISE(TypePtr type,
                        TypeFromJson(*element, path + ".element", depth + 1, reading));
  return arrow::list(MakeField("element", std::move(type), required, id, *element));
}

Result<TypePtr> MapFromJson(const Json& json, const std::string& path, int depth,
                            Reading* reading) {
  ARROW_ASSIGN_OR_RAISE(int32_t key_id, GetId(json, "key-id", reading));
  ARROW_ASSIGN_OR_RAISE(int32_t value_id, GetId(json, "value-id", reading));
  ARROW_ASSIGN_OR_RAISE(bool required, GetBool(json, "value-required", reading->origin));
  ARROW_ASSIGN_OR_RAISE(const Json* key_json, Member(json, "key", reading->origin));
  ARROW_ASSIGN_OR_RAISE(const Json* value_json, Member(json, "value", reading->origin));
  ARROW_ASSIGN_OR_RAISE(TypePtr key, TypeFromJson(*key_json, path + ".key", depth + 1, reading));
  ARROW_ASSIGN_OR_RAISE(TypePtr value,
                        TypeFromJson(*value_json, path + ".value", depth + 1, reading));
  return std::make_shared<arrow::MapType>(
      MakeField("key", std::move(key), true, key_id, *key_json),
      MakeField("value", std::move(value), required, value_id, *value_json));
}

Result<TypePtr> TypeFromJson(const Json& json, const std::string& path, int depth,
                             Reading* reading) {
  if (depth > kDeepest) {
    return base::Corrupt("{}: types nest deeper than {} levels", reading->origin, kDeepest);
  }
  if (json.is_string()) {
    return PrimitiveFromText(json.get_ref<const std::string&>(), path, reading->origin);
  }
  if (!json.is_object()) {
    return base::Corrupt("{}: the type of column '{}' is neither text nor object", reading->origin,
                         path);
  }
  ARROW_ASSIGN_OR_RAISE(std::string kind, base::GetString(json, "type", reading->origin));
  if (kind == "struct") {
    ARROW_ASSIGN_OR_RAISE(auto fields, FieldsFromJson(json, path, depth, reading));
    return arrow::struct_(fields);
  }
  if (kind == "list") return ListFromJson(json, path, depth, reading);
  if (kind == "map") return MapFromJson(json, path, depth, reading);
  return PrimitiveFromText(kind, path, reading->origin);
}

Result<int32_t> RequireId(const arrow::Field& field) {
  const std::optional<int32_t> id = FieldIdOf(field);
  if (!id) return base::Internal("column '{}' has no field id; AssignFieldIds first", field.name());
  return *id;
}

Result<Json> TypeToJson(const arrow::DataType& type);

Result<Json> TypeOfField(const arrow::Field& field) {
  if (auto text = FieldMetadata(field, kIcebergTypeKey)) return Json(*text);
  return TypeToJson(*field.type());
}

Result<Json> FieldsToJson(const arrow::FieldVector& fields) {
  Json result = Json::array();
  for (const FieldPtr& field : fields) {
    ARROW_ASSIGN_OR_RAISE(int32_t id, RequireId(*field));
    ARROW_ASSIGN_OR_RAISE(Json type, TypeOfField(*field));
    Json json = {{"id", id},
                 {"name", field->name()},
                 {"required", !field->nullable()},
                 {"type", std::move(type)}};
    if (auto doc = FieldMetadata(*field, kDocKey)) json["doc"] = *doc;
    for (const auto& [key, in_memory] : {std::pair("initial-default", kInitialDefaultKey),
                                         std::pair("write-default", kWriteDefaultKey)}) {
      const auto value = FieldMetadata(*field, in_memory);
      if (!value) continue;
      ARROW_ASSIGN_OR_RAISE(json[key], base::ParseJson(*value, key));
    }
    result.push_back(std::move(json));
  }
  return result;
}

Result<Json> NestedToJson(const arrow::DataType& type) {
  if (type.id() == Type::STRUCT) {
    ARROW_ASSIGN_OR_RAISE(Json fields, FieldsToJson(type.fields()));
    return Json{{"type", "struct"}, {"fields", std::move(fields)}};
  }
  if (type.id() == Type::LIST) {
    const auto& element = *static_cast<const arrow::ListType&>(type).value_field();
    ARROW_ASSIGN_OR_RAISE(int32_t id, RequireId(element));
    ARROW_ASSIGN_OR_RAISE(Json element_type, TypeOfField(element));
    return Json{{"type", "list"},
                {"element-id", id},
                {"element", std::move(element_type)},
                {"element-required", !element.nullable()}};
  }
  const auto& map = static_cast<const arrow::MapType&>(type);
  ARROW_ASSIGN_OR_RAISE(int32_t key_id, RequireId(*map.key_field()));
  ARROW_ASSIGN_OR_RAISE(int32_t value_id, RequireId(*map.item_field()));
  ARROW_ASSIGN_OR_RAISE(Json key, TypeOfField(*map.key_field()));
  ARROW_ASSIGN_OR_RAISE(Json value, TypeOfField(*map.item_field()));
  return Json{{"type", "map"},
              {"key-id", key_id},
              {"key", std::move(key)},
              {"value-id", value_id},
              {"value", std::move(value)},
              {"value-required", !map.item_field()->nullable()}};
}

Result<Json> TypeToJson(const arrow::DataType& type) {
  switch (type.id()) {
    case Type::BOOL:
      return "boolean";
    case Type::INT32:
      return "int";
    case Type::INT64:
      return "long";
    case Type::FLOAT:
      return "float";
    case Type::DOUBLE:
      return "double";
    case Type::DATE32:
      return "date";
    case Type::STRING:
      return "string";
    case Type::BINARY:
      return "binary";
    case Type::TIMESTAMP: {
      const auto& timestamp = static_cast<const arrow::TimestampType&>(type);
      const bool nanoseconds = timestamp.unit() == arrow::TimeUnit::NANO;
      if (!nanoseconds && timestamp.unit() != arrow::TimeUnit::MICRO) break;
      return fmt::format("timestamp{}{}", timestamp.timezone().empty() ? "" : "tz",
                         nanoseconds ? "_ns" : "");
    }
    case Type::TIME64:
      return "time";
    case Type::DECIMAL128: {
      const auto& decimal = static_cast<const arrow::DecimalType&>(type);
      return fmt::format("decimal({}, {})", decimal.precision(), decimal.scale());
    }
    case Type::FIXED_SIZE_BINARY:
      return fmt::format("fixed[{}]",
                         static_cast<const arrow::FixedSizeBinaryType&>(type).byte_width());
    case Type::STRUCT:
    case Type::LIST:
    case Type::MAP:
      return NestedToJson(type);
    default:
      break;
  }
  return base::Invalid("type {} is not one that a table holds; see CheckAcceptedTypes",
                       type.ToString());
}

}  // namespace

Result<Schema> SchemaFromJson(const Json& json, std::string_view origin) {
  if (!json.is_object()) return base::Corrupt("{}: a schema is not an object", origin);
  Reading reading{origin, {}};
  Schema schema;
  ARROW_ASSIGN_OR_RAISE(auto id, base::FindInt(json, "schema-id", origin));
  if (id.value_or(0) < 0 || id.value_or(0) > INT32_MAX) {
    return base::Corrupt("{}: \"schema-id\" is {}", origin, *id);
  }
  schema.id = static_cast<int32_t>(id.value_or(0));
  ARROW_ASSIGN_OR_RAISE(auto fields, FieldsFromJson(json, "", 0, &reading));
  schema.arrow = arrow::schema(std::move(fields));
  const auto identifiers = json.find("identifier-field-ids");
  if (identifiers == json.end() || identifiers->is_null()) return schema;
  if (!identifiers->is_array()) {
    return base::Corrupt("{}: \"identifier-field-ids\" is not a list", origin);
  }
  for (const Json& identifier : *identifiers) {
    if (!identifier.is_number_integer() || identifier.get<int64_t>() < 0 ||
        identifier.get<int64_t>() > INT32_MAX || !reading.ids.contains(identifier.get<int32_t>())) {
      return base::Corrupt("{}: identifier field {} is not a column", origin, identifier.dump());
    }
    schema.identifier_field_ids.push_back(identifier.get<int32_t>());
  }
  return schema;
}

Result<Json> SchemaToJson(const Schema& schema) {
  ARROW_ASSIGN_OR_RAISE(Json fields, FieldsToJson(schema.arrow->fields()));
  Json json = {{"type", "struct"}, {"schema-id", schema.id}, {"fields", std::move(fields)}};
  if (!schema.identifier_field_ids.empty()) {
    json["identifier-field-ids"] = schema.identifier_field_ids;
  }
  return json;
}

}  // namespace millpond::table
