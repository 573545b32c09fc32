// StorableSchema: from any Arrow schema to the nearest one that an Iceberg v2 table holds without
// losing a value. Called wherever foreign batches become a table (ingest, Python append). Pure.
#include <arrow/api.h>
#include <arrow/extension_type.h>

#include "table/schema.h"

namespace millpond::table {
namespace {

using arrow::Type;
using TypePtr = std::shared_ptr<arrow::DataType>;

Result<TypePtr> StorableType(const TypePtr& type, const std::string& path);

Result<std::shared_ptr<arrow::Field>> StorableField(const std::shared_ptr<arrow::Field>& field,
                                                    const std::string& path) {
  ARROW_ASSIGN_OR_RAISE(TypePtr type, StorableType(field->type(), path));
  return field->WithType(type);
}

Result<TypePtr> StorableList(const TypePtr& type, const std::string& path) {
  const auto& list = static_cast<const arrow::BaseListType&>(*type);
  ARROW_ASSIGN_OR_RAISE(auto element, StorableField(list.value_field(), path + ".element"));
  return arrow::list(element->WithName("element"));
}

Result<TypePtr> StorableMap(const TypePtr& type, const std::string& path) {
  const auto& map = static_cast<const arrow::MapType&>(*type);
  ARROW_ASSIGN_OR_RAISE(auto key, StorableField(map.key_field(), path + ".key"));
  ARROW_ASSIGN_OR_RAISE(auto value, StorableField(map.item_field(), path + ".value"));
  return std::make_shared<arrow::MapType>(key->WithName("key"), value->WithName("value"));
}

Result<TypePtr> StorableStruct(const TypePtr& type, const std::string& path) {
  arrow::FieldVector children;
  for (const auto& child : type->fields()) {
    ARROW_ASSIGN_OR_RAISE(auto field, StorableField(child, path + "." + child->name()));
    children.push_back(std::move(field));
  }
  return arrow::struct_(children);
}

Result<TypePtr> StorableDecimal(const TypePtr& type, const std::string& path) {
  const auto& decimal = static_cast<const arrow::DecimalType&>(*type);
  if (decimal.precision() > 38) {
    return base::Invalid(
        "column '{}' is {}; tables hold decimals of up to 38 digits, cast it first", path,
        type->ToString());
  }
  return arrow::decimal128(decimal.precision(), decimal.scale());
}

Result<TypePtr> StorableType(const TypePtr& type, const std::string& path) {
  switch (type->id()) {
    case Type::INT8:
    case Type::INT16:
    case Type::UINT8:
    case Type::UINT16:
      return arrow::int32();
    case Type::UINT32:
      return arrow::int64();
    case Type::UINT64:
      return arrow::decimal128(20, 0);
    case Type::HALF_FLOAT:
      return arrow::float32();
    case Type::LARGE_STRING:
    case Type::STRING_VIEW:
      return arrow::utf8();
    case Type::LARGE_BINARY:
    case Type::BINARY_VIEW:
      return arrow::binary();
    case Type::DATE64:
      return arrow::date32();
    case Type::DECIMAL32:
    case Type::DECIMAL64:
    case Type::DECIMAL256:
      return StorableDecimal(type, path);
    case Type::TIMESTAMP:
      return arrow::timestamp(
          arrow::TimeUnit::MICRO,
          static_cast<const arrow::TimestampType&>(*type).timezone().empty() ? "" : "UTC");
    case Type::LIST:
    case Type::LARGE_LIST:
    case Type::LIST_VIEW:
    case Type::LARGE_LIST_VIEW:
    case Type::FIXED_SIZE_LIST:
      return StorableList(type, path);
    case Type::MAP:
      return StorableMap(type, path);
    case Type::STRUCT:
      return StorableStruct(type, path);
    case Type::DICTIONARY:
      return StorableType(static_cast<const arrow::DictionaryType&>(*type).value_type(), path);
    case Type::EXTENSION:
      return StorableType(static_cast<const arrow::ExtensionType&>(*type).storage_type(), path);
    default:
      return type;
  }
}

}  // namespace

Result<std::shared_ptr<arrow::Schema>> StorableSchema(const arrow::Schema& schema) {
  arrow::FieldVector fields;
  for (const auto& field : schema.fields()) {
    ARROW_ASSIGN_OR_RAISE(auto storable, StorableField(field, field->name()));
    fields.push_back(std::move(storable));
  }
  auto result = arrow::schema(std::move(fields), schema.metadata());
  ARROW_RETURN_NOT_OK(CheckAcceptedTypes(*result));
  return result;
}

}  // namespace millpond::table
