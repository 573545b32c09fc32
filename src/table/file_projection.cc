// Projection by field id; see the header.
#include "table/file_projection.h"

#include <arrow/api.h>
#include <arrow/compute/cast.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "table/schema.h"

namespace millpond::table {
namespace {

using ArrayPtr = std::shared_ptr<arrow::Array>;
using arrow::Type;

int FindById(const arrow::FieldVector& fields, const arrow::Field& wanted) {
  const auto id = FieldIdOf(wanted);
  for (size_t i = 0; id && i < fields.size(); ++i) {
    if (FieldIdOf(*fields[i]) == id) return static_cast<int>(i);
  }
  return -1;
}

Result<ArrayPtr> Absent(const arrow::Field& field, int64_t length) {
  if (!field.nullable() && length > 0) {
    return base::Invalid("a data file lacks the required column {}", field.name());
  }
  return arrow::MakeArrayOfNull(field.type(), length);
}

Result<ArrayPtr> Project(const ArrayPtr& array, const std::shared_ptr<arrow::DataType>& wanted);

// Children of `data`, unsliced as Arrow keeps them, as the fields of `wanted`.
Result<std::vector<std::shared_ptr<arrow::ArrayData>>> ProjectFields(
    const arrow::ArrayData& data, const arrow::FieldVector& wanted) {
  std::vector<std::shared_ptr<arrow::ArrayData>> children;
  for (const auto& field : wanted) {
    const int found = FindById(data.type->fields(), *field);
    ArrayPtr child;
    if (found < 0) {
      ARROW_ASSIGN_OR_RAISE(child, Absent(*field, data.offset + data.length));
    } else {
      ARROW_ASSIGN_OR_RAISE(
          child,
          Project(arrow::MakeArray(data.child_data[static_cast<size_t>(found)]), field->type()));
    }
    children.push_back(child->data());
  }
  return children;
}

Result<ArrayPtr> WithChildren(const arrow::ArrayData& data,
                              const std::shared_ptr<arrow::DataType>& type,
                              std::vector<std::shared_ptr<arrow::ArrayData>> children) {
  auto made = std::make_shared<arrow::ArrayData>(data);
  made->type = type;
  made->child_data = std::move(children);
  return arrow::MakeArray(std::move(made));
}

Result<ArrayPtr> Project(const ArrayPtr& array, const std::shared_ptr<arrow::DataType>& wanted) {
  const arrow::ArrayData& data = *array->data();
  if (array->type_id() != wanted->id() || !arrow::is_nested(wanted->id())) {
    if (array->type()->Equals(*wanted)) return array;
    return arrow::compute::Cast(*array, wanted, arrow::compute::CastOptions::Safe());
  }
  if (wanted->id() == Type::STRUCT) {
    ARROW_ASSIGN_OR_RAISE(auto children, ProjectFields(data, wanted->fields()));
    return WithChildren(data, wanted, std::move(children));
  }
  if (wanted->id() != Type::LIST && wanted->id() != Type::MAP) {
    return base::Invalid("a data file holds a column of type {}", array->type()->ToString());
  }
  // A map's child is a struct of key and value.
  ARROW_ASSIGN_OR_RAISE(auto items,
                        Project(arrow::MakeArray(data.child_data[0]), wanted->field(0)->type()));
  return WithChildren(data, wanted, {items->data()});
}

}  // namespace

Result<std::shared_ptr<arrow::RecordBatch>> ProjectById(
    const arrow::RecordBatch& batch, const std::shared_ptr<arrow::Schema>& wanted) {
  std::vector<ArrayPtr> columns;
  for (const auto& field : wanted->fields()) {
    const int found = FindById(batch.schema()->fields(), *field);
    if (found < 0) {
      ARROW_ASSIGN_OR_RAISE(columns.emplace_back(), Absent(*field, batch.num_rows()));
      continue;
    }
    auto column = Project(batch.column(found), field->type());
    if (!column.ok()) return base::WithContext("column " + field->name(), column.status());
    columns.push_back(*std::move(column));
  }
  return arrow::RecordBatch::Make(wanted, batch.num_rows(), std::move(columns));
}

bool HasFieldIds(const arrow::Schema& schema) {
  return std::all_of(schema.fields().begin(), schema.fields().end(),
                     [](const auto& field) { return FieldIdOf(*field).has_value(); });
}

}  // namespace millpond::table
