// Fits batches to a table's schema; see the header.
#include "table/batch_fitter.h"

#include <arrow/api.h>
#include <arrow/compute/cast.h>

#include <utility>
#include <vector>

#include "base/text.h"
#include "table/schema.h"
#include "table/schema_evolution.h"
#include "table/text_check.h"

namespace millpond::table {
namespace {

using arrow::Array;
using arrow::Type;

// Position of the first null in a row that is itself not null.
int64_t FirstNull(const Array& array) {
  for (int64_t i = 0; i < array.length(); ++i) {
    if (array.IsNull(i)) return i;
  }
  return -1;
}

Result<std::shared_ptr<Array>> CastTo(const std::shared_ptr<Array>& array,
                                      const arrow::Field& field) {
  if (array->type()->Equals(*field.type())) return array;
  auto cast = arrow::compute::Cast(*array, field.type(), arrow::compute::CastOptions::Safe());
  if (!cast.ok()) {
    return base::Invalid("column {}: {}; cast or clean it first", field.name(),
                         cast.status().message());
  }
  return cast;
}

}  // namespace

Result<std::shared_ptr<arrow::Array>> AsStored(const std::shared_ptr<arrow::Array>& values,
                                               const arrow::Field& field) {
  if (field.type()->id() != arrow::Type::FIXED_SIZE_BINARY ||
      values->type_id() != arrow::Type::BINARY) {
    return values;
  }
  const auto& bytes = static_cast<const arrow::BinaryArray&>(*values);
  arrow::FixedSizeBinaryBuilder builder(field.type());
  const int32_t width = static_cast<const arrow::FixedSizeBinaryType&>(*field.type()).byte_width();
  ARROW_RETURN_NOT_OK(builder.Reserve(bytes.length()));
  for (int64_t i = 0; i < bytes.length(); ++i) {
    if (bytes.IsNull(i)) {
      builder.UnsafeAppendNull();
      continue;
    }
    const auto value = bytes.GetView(i);
    if (static_cast<int32_t>(value.size()) != width) {
      return base::Invalid("column {} holds {} bytes a value, a new one has {}", field.name(),
                           width, value.size());
    }
    builder.UnsafeAppend(value);
  }
  return builder.Finish();
}

BatchFitter::BatchFitter(std::shared_ptr<arrow::Schema> schema, std::string table_name)
    : schema_(std::move(schema)), table_name_(std::move(table_name)) {}

Status BatchFitter::CheckSchema(const arrow::Schema& schema) {
  if (checked_ != nullptr && checked_->Equals(schema)) return Status::OK();
  std::vector<std::string> unknown;
  for (const auto& field : schema.fields()) {
    if (schema.GetAllFieldIndices(field->name()).size() > 1) {
      return base::Invalid("the new rows have two columns '{}'; rename one", field->name());
    }
    if (schema_->GetFieldByName(field->name()) == nullptr) unknown.push_back(field->name());
  }
  if (!unknown.empty()) {
    return base::Invalid("{} has no column {}; add the column{} to the table or leave {} out",
                         table_name_, base::Join(unknown, ", "), unknown.size() == 1 ? "" : "s",
                         unknown.size() == 1 ? "it" : "them");
  }
  for (const auto& field : schema_->fields()) {
    if (field->nullable() || field->name() == kSampleId) continue;
    if (schema.GetFieldByName(field->name()) == nullptr) {
      return base::Invalid("the new rows lack the column '{}', which {} requires", field->name(),
                           table_name_);
    }
  }
  int32_t unused = HighestFieldId(*schema_);
  ARROW_ASSIGN_OR_RAISE(auto grown, GrowSchema(*schema_, schema, table_name_, &unused));
  for (int i = 0; i < schema_->num_fields(); ++i) {
    if (grown->field(i)->type()->Equals(*schema_->field(i)->type())) continue;
    return base::Invalid(
        "column {} is {} in {} and {} in the new rows; widen the table's column or cast the rows",
        schema_->field(i)->name(), schema_->field(i)->type()->ToString(), table_name_,
        schema.GetFieldByName(schema_->field(i)->name())->type()->ToString());
  }
  checked_ = std::make_shared<arrow::Schema>(schema);
  return Status::OK();
}

Status BatchFitter::CheckRequired(const Array& array, const arrow::Field& field,
                                  const std::string& path) const {
  const Type::type id = array.type_id();
  if (id == Type::STRUCT) {
    const auto& rows = static_cast<const arrow::StructArray&>(array);
    for (int i = 0; i < field.type()->num_fields(); ++i) {
      const arrow::Field& child = *field.type()->field(i);
      ARROW_ASSIGN_OR_RAISE(auto values, rows.GetFlattenedField(i));
      const std::string below = path + "." + child.name();
      // Flattening gives a child its parent's nulls too; only further ones are the child's own.
      if (!child.nullable() && values->null_count() > array.null_count()) {
        return base::Invalid("column {} of {} is required, but a row near {} has none", below,
                             table_name_, rows_);
      }
      ARROW_RETURN_NOT_OK(CheckRequired(*values, child, below));
    }
  } else if (id == Type::LIST || id == Type::MAP) {
    const auto& rows = static_cast<const arrow::ListArray&>(array);
    ARROW_ASSIGN_OR_RAISE(auto values, rows.Flatten());
    const arrow::Field& child = *field.type()->field(0);
    const std::string below = path + "." + child.name();
    if (!child.nullable() && values->null_count() > 0) {
      return base::Invalid("column {} of {} is required, but a list near row {} holds null", below,
                           table_name_, rows_);
    }
    ARROW_RETURN_NOT_OK(CheckRequired(*values, child, below));
  }
  return Status::OK();
}

Result<BatchFitter::Fitted> BatchFitter::Fit(const arrow::RecordBatch& batch) {
  ARROW_RETURN_NOT_OK(CheckSchema(*batch.schema()));
  Fitted fitted;
  std::vector<std::shared_ptr<Array>> columns;
  for (const auto& field : schema_->fields()) {
    std::shared_ptr<Array> column = batch.GetColumnByName(field->name());
    if (column == nullptr) {
      ARROW_ASSIGN_OR_RAISE(column, arrow::MakeArrayOfNull(field->type(), batch.num_rows()));
      fitted.needs_sample_ids |= field->name() == kSampleId;
    } else {
      ARROW_ASSIGN_OR_RAISE(column, CastTo(column, *field));
      if (!field->nullable() && column->null_count() > 0) {
        return base::Invalid("column {} of {} is required, but row {} of the new rows has none",
                             field->name(), table_name_, rows_ + FirstNull(*column));
      }
      ARROW_RETURN_NOT_OK(CheckRequired(*column, *field, field->name()));
      if (const int64_t row = FindInvalidText(*column); row >= 0) {
        return base::Invalid(
            "column {} of {}: row {} of the new rows holds text that is not UTF-8; decode it "
            "first, or store it as binary",
            field->name(), table_name_, rows_ + row);
      }
    }
    columns.push_back(std::move(column));
  }
  fitted.batch = arrow::RecordBatch::Make(schema_, batch.num_rows(), std::move(columns));
  rows_ += batch.num_rows();
  return fitted;
}

}  // namespace millpond::table
