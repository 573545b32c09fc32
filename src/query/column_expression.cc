// Types, literals and nested values as SQL. See the header.
#include "query/column_expression.h"

#include <arrow/api.h>

#include <algorithm>
#include <vector>

#include "base/json.h"
#include "base/text.h"
#include "table/bounds.h"
#include "table/schema.h"

namespace millpond::query {
namespace {

using arrow::Type;
using base::Json;
using base::QuoteIdentifier;
using base::QuoteLiteral;

Result<std::string> StructType(const arrow::DataType& type) {
  std::vector<std::string> fields;
  for (const auto& field : type.fields()) {
    ARROW_ASSIGN_OR_RAISE(const std::string child, SqlTypeOf(*field->type()));
    fields.push_back(QuoteIdentifier(field->name()) + " " + child);
  }
  return "STRUCT(" + base::Join(fields, ", ") + ")";
}

bool IsVariant(const arrow::Field& field) {
  return table::FieldMetadata(field, table::kIcebergTypeKey) == "variant";
}

bool HoldsVariant(const arrow::DataType& type) {
  return std::any_of(type.fields().begin(), type.fields().end(), [](const auto& field) {
    return IsVariant(*field) || HoldsVariant(*field->type());
  });
}

// DuckDB's text of bytes: \xAB for each.
std::string BlobText(std::string_view bytes) {
  std::string text;
  for (const char byte : bytes) text += fmt::format("\\x{:02X}", static_cast<uint8_t>(byte));
  return text;
}

std::optional<std::string> BytesOfHex(const std::string& hex) {
  std::string bytes;
  if (hex.size() % 2 != 0) return std::nullopt;
  for (size_t i = 0; i < hex.size(); i += 2) {
    int value = 0;
    for (const char digit : hex.substr(i, 2)) {
      const size_t at =
          std::string_view("0123456789abcdef")
              .find(digit >= 'A' && digit <= 'F' ? static_cast<char>(digit + 32) : digit);
      if (at == std::string_view::npos) return std::nullopt;
      value = value * 16 + static_cast<int>(at);
    }
    bytes.push_back(static_cast<char>(value));
  }
  return bytes;
}

bool IsBinary(const arrow::DataType& type) {
  return type.id() == Type::BINARY || type.id() == Type::LARGE_BINARY ||
         type.id() == Type::FIXED_SIZE_BINARY;
}

// The text of a scalar that DuckDB casts back to the same value.
std::string ScalarText(const arrow::Scalar& value) {
  switch (value.type->id()) {
    case Type::FLOAT:
      return fmt::format("{}", static_cast<const arrow::FloatScalar&>(value).value);
    case Type::DOUBLE:
      return fmt::format("{}", static_cast<const arrow::DoubleScalar&>(value).value);
    case Type::BINARY:
    case Type::FIXED_SIZE_BINARY:
      return BlobText(static_cast<const arrow::BaseBinaryScalar&>(value).view());
    default:
      return value.ToString();
  }
}

Result<std::string> StructFrom(const arrow::DataType& now, const arrow::DataType& then,
                               const std::string& input, int depth);

/// The value `input` of type `then` as `now`. `depth` names lambda parameters apart.
Result<std::string> ValueFrom(const arrow::Field& now, const arrow::Field& then,
                              const std::string& input, int depth) {
  const arrow::DataType& type = *now.type();
  const arrow::DataType& old = *then.type();
  const bool text = type.id() == Type::STRING;
  if (text && IsBinary(old)) return "decode(" + input + ")";
  ARROW_ASSIGN_OR_RAISE(const std::string sql_type, SqlTypeOf(type));
  const bool same_kind = type.id() == old.id();
  if (!same_kind || table::NestedNamesAgree(type, old)) {
    if (type.num_fields() != 0 && !same_kind) {
      return base::Invalid("column '{}' is {} in the table and {} in a file", now.name(),
                           type.ToString(), old.ToString());
    }
    return "CAST(" + FromStored(now, input) + " AS " + sql_type + ")";
  }
  if (type.id() == Type::STRUCT) return StructFrom(type, old, input, depth);
  const std::string item = fmt::format("e{}", depth);
  if (type.id() == Type::LIST) {
    ARROW_ASSIGN_OR_RAISE(const std::string element,
                          ValueFrom(*type.field(0), *old.field(0), item, depth + 1));
    return fmt::format("list_transform({}, lambda {}: {})", input, item, element);
  }
  if (type.id() != Type::MAP) return base::Internal("nested type {}", type.ToString());
  const auto& map = static_cast<const arrow::MapType&>(type);
  const auto& old_map = static_cast<const arrow::MapType&>(old);
  ARROW_ASSIGN_OR_RAISE(const std::string key, ValueFrom(*map.key_field(), *old_map.key_field(),
                                                         item + ".key", depth + 1));
  ARROW_ASSIGN_OR_RAISE(const std::string value, ValueFrom(*map.item_field(), *old_map.item_field(),
                                                           item + ".value", depth + 1));
  return fmt::format(
      "map_from_entries(list_transform(map_entries({}), lambda {}: struct_pack(key := {}, value := "
      "{})))",
      input, item, key, value);
}

Result<std::string> StructFrom(const arrow::DataType& now, const arrow::DataType& then,
                               const std::string& input, int depth) {
  std::vector<std::string> parts;
  for (const auto& field : now.fields()) {
    const auto id = table::FieldIdOf(*field);
    const auto old = std::find_if(then.fields().begin(), then.fields().end(), [&](const auto& one) {
      return id && table::FieldIdOf(*one) == id;
    });
    std::string value;
    if (old == then.fields().end()) {
      ARROW_ASSIGN_OR_RAISE(value, DefaultSql(*field));
    } else {
      const std::string part =
          fmt::format("struct_extract({}, {})", input, QuoteLiteral((*old)->name()));
      ARROW_ASSIGN_OR_RAISE(value, ValueFrom(*field, **old, part, depth));
    }
    parts.push_back(QuoteIdentifier(field->name()) + " := " + value);
  }
  return fmt::format("CASE WHEN {} IS NULL THEN NULL ELSE struct_pack({}) END", input,
                     base::Join(parts, ", "));
}

}  // namespace

Result<std::string> SqlTypeOf(const arrow::DataType& type) {
  // clang-format off
  switch (type.id()) {
    case Type::BOOL: return "BOOLEAN";
    case Type::INT8: return "TINYINT";
    case Type::INT16: return "SMALLINT";
    case Type::INT32: return "INTEGER";
    case Type::INT64: return "BIGINT";
    case Type::FLOAT: return "FLOAT";
    case Type::DOUBLE: return "DOUBLE";
    case Type::DATE32: return "DATE";
    case Type::TIME64: return "TIME";
    case Type::STRING: case Type::LARGE_STRING: return "VARCHAR";
    case Type::BINARY: case Type::LARGE_BINARY: case Type::FIXED_SIZE_BINARY: return "BLOB";
    default: break;
  }
  // clang-format on
  if (type.id() == Type::TIMESTAMP) {
    const bool zoned = !static_cast<const arrow::TimestampType&>(type).timezone().empty();
    return zoned ? "TIMESTAMP WITH TIME ZONE" : "TIMESTAMP";
  }
  if (type.id() == Type::DECIMAL128) {
    const auto& decimal = static_cast<const arrow::Decimal128Type&>(type);
    return fmt::format("DECIMAL({}, {})", decimal.precision(), decimal.scale());
  }
  if (type.id() == Type::STRUCT) return StructType(type);
  if (type.id() == Type::LIST || type.id() == Type::LARGE_LIST) {
    ARROW_ASSIGN_OR_RAISE(const std::string item, SqlTypeOf(*type.field(0)->type()));
    return item + "[]";
  }
  if (type.id() == Type::MAP) {
    const auto& map = static_cast<const arrow::MapType&>(type);
    ARROW_ASSIGN_OR_RAISE(const std::string key, SqlTypeOf(*map.key_type()));
    ARROW_ASSIGN_OR_RAISE(const std::string item, SqlTypeOf(*map.item_type()));
    return "MAP(" + key + ", " + item + ")";
  }
  return base::Invalid("a table column of type {} cannot be queried", type.ToString());
}

Result<std::string> StoredSqlTypeOf(const arrow::Field& field) {
  if (IsVariant(field)) return "VARIANT";
  if (HoldsVariant(*field.type())) {
    return base::Invalid(
        "column '{}' has a variant inside it, which Millpond does not read; leave the column out "
        "in "
        "the engine that made the table, or move the variant to a column of its own",
        field.name());
  }
  return SqlTypeOf(*field.type());
}

std::string FromStored(const arrow::Field& field, const std::string& input) {
  return IsVariant(field) ? "CAST(CAST(" + input + " AS JSON) AS VARCHAR)" : input;
}

Result<std::optional<std::string>> DefaultText(const arrow::Field& field) {
  const auto text = table::InitialDefaultOf(field);
  if (!text) return std::nullopt;
  ARROW_ASSIGN_OR_RAISE(const Json json, base::ParseJson(*text, "initial-default"));
  const bool nested = field.type()->num_fields() != 0;
  if (nested || json.is_structured()) {
    return base::Invalid(
        "column '{}' has a nested default value ({}), which Millpond does not read; rewrite the "
        "table "
        "in the engine that made it",
        field.name(), *text);
  }
  if (!json.is_string()) return json.dump();
  const auto& value = json.get_ref<const std::string&>();
  if (!IsBinary(*field.type())) return value;
  const auto bytes = BytesOfHex(value);
  if (!bytes) return base::Corrupt("column '{}' has the default {}", field.name(), *text);
  return BlobText(*bytes);
}

Result<std::string> DefaultSql(const arrow::Field& field) {
  ARROW_ASSIGN_OR_RAISE(const std::string type, SqlTypeOf(*field.type()));
  ARROW_ASSIGN_OR_RAISE(const auto text, DefaultText(field));
  return fmt::format("CAST({} AS {})", text ? QuoteLiteral(*text) : "NULL", type);
}

Result<std::string> ValueSql(const arrow::Field& field, const std::optional<std::string>& bytes) {
  ARROW_ASSIGN_OR_RAISE(const std::string type, SqlTypeOf(*field.type()));
  if (!bytes) return "CAST(NULL AS " + type + ")";
  if (table::FieldMetadata(field, table::kIcebergTypeKey)) {
    return base::Invalid("column '{}' is a partition column of type uuid that a file lacks",
                         field.name());
  }
  ARROW_ASSIGN_OR_RAISE(const auto value, table::DecodeBound(*bytes, field.type()));
  return fmt::format("CAST({} AS {})", QuoteLiteral(ScalarText(*value)), type);
}

Result<std::string> ReadAs(const arrow::Field& now, const arrow::Field& then,
                           const std::string& input) {
  return ValueFrom(now, then, input, 0);
}

}  // namespace millpond::query
