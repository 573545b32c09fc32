// Compares stored columns with wanted ones. See the header.
#include "query/file_layout.h"

#include <arrow/type.h>

#include <algorithm>
#include <map>

#include "base/text.h"
#include "table/schema.h"

namespace millpond::query {
namespace {

using FieldPtr = std::shared_ptr<arrow::Field>;

// What stands in the way of reading by name; empty: nothing.
std::string UnclearName(const arrow::FieldVector& stored) {
  std::map<std::string, std::string> names;
  for (const FieldPtr& field : stored) {
    const std::string lower = base::ToLower(field->name());
    if (lower == "file_row_number" || lower == "file_index") {
      return fmt::format("a column called {}, which DuckDB uses itself", field->name());
    }
    const auto [other, is_new] = names.emplace(lower, field->name());
    if (!is_new) {
      return fmt::format("columns {} and {}, which DuckDB does not tell apart", other->second,
                         field->name());
    }
  }
  return "";
}

// Iceberg's promotions, as far as a cast of each value is all there is to them.
bool IsWidened(const arrow::DataType& now, const arrow::DataType& then) {
  using arrow::Type;
  if (now.id() == Type::INT64) return then.id() == Type::INT32;
  if (now.id() == Type::DOUBLE) return then.id() == Type::FLOAT;
  if (now.id() != Type::DECIMAL128 || then.id() != Type::DECIMAL128) return false;
  const auto& wide = static_cast<const arrow::Decimal128Type&>(now);
  const auto& narrow = static_cast<const arrow::Decimal128Type&>(then);
  return wide.scale() == narrow.scale() && wide.precision() >= narrow.precision();
}

bool ReadsByName(const arrow::Field& now, const arrow::Field& then) {
  if (table::FieldMetadata(now, table::kIcebergTypeKey)) return false;
  return now.type()->Equals(*then.type(), /*check_metadata=*/true) ||
         IsWidened(*now.type(), *then.type());
}

// By field id DuckDB takes bytes for no text, and matches what is inside a column by name.
bool ReadsById(const arrow::Field& now, const arrow::Field& then) {
  const bool text =
      now.type()->id() == arrow::Type::STRING && !table::FieldMetadata(now, table::kIcebergTypeKey);
  if (text && then.type()->id() != arrow::Type::STRING) return false;
  if (now.type()->num_fields() == 0) return true;
  return table::NestedNamesAgree(*now.type(), *then.type());
}

}  // namespace

FieldPtr FindById(const arrow::FieldVector& fields, int32_t id) {
  const auto found = std::find_if(fields.begin(), fields.end(), [&](const auto& field) {
    return table::FieldIdOf(*field) == id;
  });
  return found == fields.end() ? nullptr : *found;
}

FileLayout CompareColumns(const table::FileColumns& stored, const arrow::FieldVector& wanted) {
  const arrow::FieldVector& fields = stored.schema->fields();
  FileLayout layout;
  layout.by_id = stored.has_ids;
  layout.by_name = stored.has_ids && UnclearName(fields).empty();
  for (const FieldPtr& now : wanted) {
    const int32_t id = table::FieldIdOf(*now).value_or(-1);
    const FieldPtr then = FindById(fields, id);
    if (then == nullptr) {
      layout.missing.push_back(id);
      continue;
    }
    layout.by_id = layout.by_id && ReadsById(*now, *then);
    layout.by_name = layout.by_name && ReadsByName(*now, *then);
  }
  return layout;
}

Status CheckNamesAreClear(const arrow::FieldVector& stored, const std::string& uri) {
  const std::string unclear = UnclearName(stored);
  if (unclear.empty()) return Status::OK();
  return base::Invalid("{}: the file has {}; rewrite it in the engine that made it", uri, unclear);
}

}  // namespace millpond::query
