// Footers of data files, and names mapped to field ids. See the header.
#include "table/file_columns.h"

#include <arrow/api.h>
#include <arrow/util/key_value_metadata.h>
#include <parquet/arrow/schema.h>
#include <parquet/file_reader.h>
#include <parquet/properties.h>

#include <algorithm>
#include <exception>
#include <vector>

#include "base/json.h"
#include "table/schema.h"

namespace millpond::table {
namespace {

using base::Json;

constexpr size_t kRememberedMost = 20'000;
constexpr int kDeepest = 100;
constexpr const char* kMappingProperty = "schema.name-mapping.default";

bool HasIds(const arrow::FieldVector& fields) {
  return std::any_of(fields.begin(), fields.end(), [](const auto& field) {
    return FieldIdOf(*field).has_value() || HasIds(field->type()->fields());
  });
}

std::shared_ptr<const FileColumns> Describe(std::shared_ptr<arrow::Schema> schema) {
  auto columns = std::make_shared<FileColumns>();
  columns->has_ids = HasIds(schema->fields());
  columns->signature = schema->ToString(/*show_metadata=*/true);
  columns->schema = std::move(schema);
  return columns;
}

Result<std::shared_ptr<const FileColumns>> ReadFooter(store::BlobStore& store,
                                                      const std::string& uri) {
  ARROW_ASSIGN_OR_RAISE(const std::string path, store.PathOf(uri));
  auto input = store.OpenRead(path);
  if (!input.ok()) return base::WithContext(uri, input.status());
  try {
    const auto metadata = parquet::ReadMetaData(*input);
    std::shared_ptr<arrow::Schema> schema;
    const parquet::ArrowReaderProperties properties;
    const Status status =
        parquet::arrow::FromParquetSchema(metadata->schema(), properties, nullptr, &schema);
    if (!status.ok()) return base::Invalid("{}: {}", uri, status.message());
    return Describe(std::move(schema));
  } catch (const std::exception& error) {
    return base::Corrupt("{}: {}", uri, error.what());
  }
}

/// What a name mapping says of one level of fields: name -> entry.
const Json* EntryFor(const Json& mapping, const std::string& name) {
  if (!mapping.is_array()) return nullptr;
  for (const Json& entry : mapping) {
    if (!entry.is_object()) continue;
    const auto names = entry.find("names");
    if (names == entry.end() || !names->is_array()) continue;
    for (const Json& one : *names) {
      if (one.is_string() && one.get_ref<const std::string&>() == name) return &entry;
    }
  }
  return nullptr;
}

arrow::FieldVector MapFields(const arrow::FieldVector& fields, const Json& mapping,
                             const arrow::DataType* parent, int depth);

std::shared_ptr<arrow::DataType> MapType(const std::shared_ptr<arrow::DataType>& type,
                                         const Json& mapping, int depth) {
  if (type->num_fields() == 0 || depth > kDeepest) return type;
  if (type->id() == arrow::Type::STRUCT) {
    return arrow::struct_(MapFields(type->fields(), mapping, type.get(), depth + 1));
  }
  if (type->id() == arrow::Type::LIST) {
    return arrow::list(MapFields(type->fields(), mapping, type.get(), depth + 1)[0]);
  }
  if (type->id() == arrow::Type::MAP) {
    const auto& map = static_cast<const arrow::MapType&>(*type);
    const auto parts =
        MapFields({map.key_field(), map.item_field()}, mapping, type.get(), depth + 1);
    return std::make_shared<arrow::MapType>(parts[0], parts[1]);
  }
  return type;
}

// Iceberg calls the parts of lists and maps element, key and value, whatever the file does.
std::string MappedName(const arrow::Field& field, const arrow::DataType* parent, size_t at) {
  if (parent == nullptr || parent->id() == arrow::Type::STRUCT) return field.name();
  if (parent->id() == arrow::Type::LIST) return "element";
  return at == 0 ? "key" : "value";
}

arrow::FieldVector MapFields(const arrow::FieldVector& fields, const Json& mapping,
                             const arrow::DataType* parent, int depth) {
  arrow::FieldVector result;
  for (size_t i = 0; i < fields.size(); ++i) {
    const arrow::Field& field = *fields[i];
    const Json* entry = EntryFor(mapping, MappedName(field, parent, i));
    const Json* nested = nullptr;
    std::shared_ptr<const arrow::KeyValueMetadata> metadata;
    if (entry != nullptr) {
      if (const auto found = entry->find("fields"); found != entry->end()) nested = &*found;
      const auto id = entry->find("field-id");
      if (id != entry->end() && id->is_number_integer()) {
        metadata = arrow::key_value_metadata({kFieldIdKey}, {id->dump()});
      }
    }
    result.push_back(arrow::field(
        field.name(), MapType(field.type(), nested == nullptr ? Json() : *nested, depth),
        field.nullable(), metadata));
  }
  return result;
}

}  // namespace

Result<std::shared_ptr<const FileColumns>> FileColumnsCache::Of(store::BlobStore& store,
                                                                const std::string& uri) {
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = by_uri_.find(uri); found != by_uri_.end()) {
      recent_.splice(recent_.begin(), recent_, found->second);
      return found->second->second;
    }
  }
  ARROW_ASSIGN_OR_RAISE(auto columns, ReadFooter(store, uri));
  const std::lock_guard lock(mutex_);
  if (by_uri_.contains(uri)) return columns;
  recent_.emplace_front(uri, columns);
  by_uri_[uri] = recent_.begin();
  if (recent_.size() > kRememberedMost) {
    by_uri_.erase(recent_.back().first);
    recent_.pop_back();
  }
  return columns;
}

Result<std::shared_ptr<const FileColumns>> ApplyNameMapping(const TableMetadata& metadata,
                                                            const FileColumns& columns,
                                                            const std::string& uri) {
  const auto property = metadata.properties.find(kMappingProperty);
  if (property == metadata.properties.end()) {
    return base::Invalid(
        "{} has no field ids, and the table has no property {} that would say which column is "
        "which; set it in the engine that added the file, or rewrite the file there",
        uri, kMappingProperty);
  }
  auto mapping = base::ParseJson(property->second, kMappingProperty);
  if (!mapping.ok()) return base::WithKind(base::ErrorKind::kCorrupt, mapping.status());
  if (!mapping->is_array()) return base::Corrupt("table property {} is no list", kMappingProperty);
  // The ids are the mapping's: who reads the file by field id finds none.
  auto mapped = std::make_shared<FileColumns>();
  mapped->schema = arrow::schema(MapFields(columns.schema->fields(), *mapping, nullptr, 0));
  mapped->signature = "by name mapping: " + mapped->schema->ToString(/*show_metadata=*/true);
  return mapped;
}

}  // namespace millpond::table
