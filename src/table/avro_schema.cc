// Parses Avro schema JSON (Avro 1.11, "Schema Declaration"). Named types may be referred to once
// they are complete, which rules out recursion.
#include "table/avro_schema.h"

#include <array>
#include <map>

namespace millpond::table {
namespace {

using base::Json;
using Kind = AvroType::Kind;

constexpr int kDeepest = 64;
constexpr int64_t kMostNodes = 4096;

struct KindName {
  Kind kind;
  std::string_view name;
  int64_t smallest;  // Of the primitive types and what is not computed from parts.
};

constexpr std::array<KindName, 14> kKinds = {{{Kind::kNull, "null", 0},
                                              {Kind::kBoolean, "boolean", 1},
                                              {Kind::kInt, "int", 1},
                                              {Kind::kLong, "long", 1},
                                              {Kind::kFloat, "float", 4},
                                              {Kind::kDouble, "double", 8},
                                              {Kind::kBytes, "bytes", 1},
                                              {Kind::kString, "string", 1},
                                              {Kind::kFixed, "fixed", 0},
                                              {Kind::kEnum, "enum", 1},
                                              {Kind::kArray, "array", 1},
                                              {Kind::kMap, "map", 1},
                                              {Kind::kRecord, "record", 0},
                                              {Kind::kUnion, "union", 1}}};

class SchemaParser {
 public:
  explicit SchemaParser(std::string_view origin) : origin_(origin) {}

  Result<AvroTypePtr> Parse(const Json& json, int depth) {
    if (depth > kDeepest) {
      return base::Corrupt("{}: the Avro schema nests deeper than {} levels", origin_, kDeepest);
    }
    AvroTypePtr type;
    if (json.is_string()) {
      ARROW_ASSIGN_OR_RAISE(type, ByName(json.get_ref<const std::string&>()));
    } else if (json.is_array()) {
      ARROW_ASSIGN_OR_RAISE(type, ParseUnion(json, depth));
    } else if (json.is_object()) {
      ARROW_ASSIGN_OR_RAISE(type, ParseObject(json, depth));
    } else {
      return base::Corrupt("{}: an Avro type is {}, not text, list or object", origin_,
                           json.type_name());
    }
    if (type->nodes > kMostNodes) {
      return base::Corrupt("{}: the Avro schema has more than {} types", origin_, kMostNodes);
    }
    return type;
  }

 private:
  Result<AvroTypePtr> ByName(const std::string& name) {
    if (const auto named = named_.find(name); named != named_.end()) return named->second;
    for (const KindName& row : kKinds) {
      if (row.name == name && row.kind < Kind::kFixed) {
        auto type = std::make_shared<AvroType>();
        type->kind = row.kind;
        type->smallest = row.smallest;
        return type;
      }
    }
    return base::Corrupt("{}: the Avro schema uses type '{}' before it is complete", origin_, name);
  }

  Result<AvroTypePtr> ParseUnion(const Json& json, int depth) {
    auto type = std::make_shared<AvroType>();
    type->kind = Kind::kUnion;
    type->smallest = 1;
    for (const Json& branch_json : json) {
      ARROW_ASSIGN_OR_RAISE(AvroTypePtr branch, Parse(branch_json, depth + 1));
      if (branch->kind == Kind::kUnion) {
        return base::Corrupt("{}: an Avro union holds a union", origin_);
      }
      ARROW_RETURN_NOT_OK(AddNodes(*branch, type.get()));
      type->parts.push_back(std::move(branch));
    }
    if (type->parts.empty()) return base::Corrupt("{}: an Avro union is empty", origin_);
    return type;
  }

  Result<AvroTypePtr> ParseObject(const Json& json, int depth) {
    const auto inner = json.find("type");
    if (inner == json.end()) return base::Corrupt("{}: an Avro type has no \"type\"", origin_);
    if (!inner->is_string()) return Parse(*inner, depth + 1);
    const std::string& kind = inner->get_ref<const std::string&>();
    if (kind == "record" || kind == "error") return ParseRecord(json, depth);
    if (kind == "array") return ParseContainer(json, Kind::kArray, "items", depth);
    if (kind == "map") return ParseContainer(json, Kind::kMap, "values", depth);
    if (kind != "fixed" && kind != "enum") return ByName(kind);
    auto type = std::make_shared<AvroType>();
    type->kind = kind == "fixed" ? Kind::kFixed : Kind::kEnum;
    type->smallest = 1;
    if (type->kind == Kind::kFixed) {
      ARROW_ASSIGN_OR_RAISE(type->fixed_size, base::GetInt(json, "size", origin_));
      if (type->fixed_size < 0 || type->fixed_size > INT32_MAX) {
        return base::Corrupt("{}: an Avro fixed type has size {}", origin_, type->fixed_size);
      }
      type->smallest = type->fixed_size;
    }
    return Name(json, std::move(type));
  }

  Result<AvroTypePtr> ParseRecord(const Json& json, int depth) {
    auto type = std::make_shared<AvroType>();
    type->kind = Kind::kRecord;
    ARROW_ASSIGN_OR_RAISE(const Json* fields, base::GetArray(json, "fields", origin_));
    for (const Json& field_json : *fields) {
      AvroField field;
      ARROW_ASSIGN_OR_RAISE(field.name, base::GetString(field_json, "name", origin_));
      ARROW_ASSIGN_OR_RAISE(auto id, base::FindInt(field_json, "field-id", origin_));
      if (id && (*id < INT32_MIN || *id > INT32_MAX)) {
        return base::Corrupt("{}: Avro field '{}' has field-id {}", origin_, field.name, *id);
      }
      field.id = static_cast<int32_t>(id.value_or(-1));
      const auto field_type = field_json.find("type");
      if (field_type == field_json.end()) {
        return base::Corrupt("{}: Avro field '{}' has no type", origin_, field.name);
      }
      ARROW_ASSIGN_OR_RAISE(field.type, Parse(*field_type, depth + 1));
      type->smallest += field.type->smallest;
      ARROW_RETURN_NOT_OK(AddNodes(*field.type, type.get()));
      type->fields.push_back(std::move(field));
    }
    return Name(json, std::move(type));
  }

  Result<AvroTypePtr> ParseContainer(const Json& json, Kind kind, const char* key, int depth) {
    const auto part_json = json.find(key);
    if (part_json == json.end()) {
      return base::Corrupt("{}: an Avro {} has no \"{}\"", origin_, NameOf(kind), key);
    }
    auto type = std::make_shared<AvroType>();
    type->kind = kind;
    type->smallest = 1;
    ARROW_ASSIGN_OR_RAISE(AvroTypePtr part, Parse(*part_json, depth + 1));
    if (kind == Kind::kArray && part->smallest == 0) {
      // A few bytes could then claim any number of items.
      return base::Corrupt("{}: an Avro array holds items that take no bytes", origin_);
    }
    ARROW_RETURN_NOT_OK(AddNodes(*part, type.get()));
    type->parts.push_back(std::move(part));
    return type;
  }

  Status AddNodes(const AvroType& part, AvroType* whole) {
    whole->nodes += part.nodes;
    if (whole->nodes <= kMostNodes) return Status::OK();
    return base::Corrupt("{}: the Avro schema has more than {} types", origin_, kMostNodes);
  }

  Result<AvroTypePtr> Name(const Json& json, std::shared_ptr<AvroType> type) {
    ARROW_ASSIGN_OR_RAISE(auto name, base::FindString(json, "name", origin_));
    ARROW_ASSIGN_OR_RAISE(auto space, base::FindString(json, "namespace", origin_));
    if (name) named_[*name] = type;
    if (name && space) named_[*space + "." + *name] = type;
    return AvroTypePtr(std::move(type));
  }

  std::string_view origin_;
  std::map<std::string, AvroTypePtr> named_;
};

}  // namespace

std::string_view NameOf(AvroType::Kind kind) { return kKinds[static_cast<size_t>(kind)].name; }

Result<AvroTypePtr> ParseAvroSchema(const Json& json, std::string_view origin) {
  return SchemaParser(origin).Parse(json, 0);
}

}  // namespace millpond::table
