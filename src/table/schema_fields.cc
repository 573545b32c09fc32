// Questions about the fields of a schema. Part of schema.h.
#include <arrow/api.h>
#include <arrow/util/key_value_metadata.h>

#include "base/text.h"
#include "table/schema.h"

namespace millpond::table {
namespace {

Status CheckWritableField(const arrow::Field& field, const std::string& path,
                          const std::string& table_name) {
  std::string what;
  if (const auto type = FieldMetadata(field, kIcebergTypeKey)) what = "the type " + *type;
  if (field.type()->id() == arrow::Type::TIME64) what = "the type time";
  if (FieldMetadata(field, kInitialDefaultKey) || FieldMetadata(field, kWriteDefaultKey)) {
    what = "a default value";
  }
  if (!what.empty()) {
    return base::Invalid(
        "{}: column '{}' has {}, which Millpond reads but does not write; copy the table into a "
        "new "
        "one to change it here",
        table_name, path, what);
  }
  for (const auto& child : field.type()->fields()) {
    ARROW_RETURN_NOT_OK(CheckWritableField(*child, path + "." + child->name(), table_name));
  }
  return Status::OK();
}

}  // namespace

std::optional<std::string> FieldMetadata(const arrow::Field& field, const char* key) {
  if (!field.HasMetadata()) return std::nullopt;
  const int at = field.metadata()->FindKey(key);
  return at < 0 ? std::nullopt : std::optional(field.metadata()->value(at));
}

std::optional<std::string> InitialDefaultOf(const arrow::Field& field) {
  return FieldMetadata(field, kInitialDefaultKey);
}

bool NestedNamesAgree(const arrow::DataType& now, const arrow::DataType& then) {
  if (now.id() != then.id()) return now.num_fields() == 0 && then.num_fields() == 0;
  if (now.id() != arrow::Type::STRUCT) {
    for (int i = 0; i < now.num_fields(); ++i) {
      if (!NestedNamesAgree(*now.field(i)->type(), *then.field(i)->type())) return false;
    }
    return true;
  }
  for (const auto& field : now.fields()) {
    for (const auto& old : then.fields()) {
      const bool same_id = FieldIdOf(*field) == FieldIdOf(*old);
      const bool same_name = base::ToLower(field->name()) == base::ToLower(old->name());
      if (same_id != same_name) return false;
      if (same_id && !NestedNamesAgree(*field->type(), *old->type())) return false;
    }
  }
  return true;
}

Status CheckWritableColumns(const arrow::Schema& schema, const std::string& table_name) {
  for (const auto& field : schema.fields()) {
    ARROW_RETURN_NOT_OK(CheckWritableField(*field, field->name(), table_name));
  }
  return Status::OK();
}

}  // namespace millpond::table
