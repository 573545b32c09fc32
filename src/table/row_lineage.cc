// Row ids and last changes of copied rows; see the header.
#include "table/row_lineage.h"

#include <arrow/api.h>
#include <arrow/util/key_value_metadata.h>

#include <string>

#include "table/schema.h"

namespace millpond::table {
namespace {

// Stored values where they are, else what `absent(row)` gives.
template <class Absent>
Result<std::shared_ptr<arrow::Array>> Filled(const std::shared_ptr<arrow::Array>& stored,
                                             int64_t rows, Absent absent) {
  const auto* values =
      stored == nullptr ? nullptr : static_cast<const arrow::Int64Array*>(stored.get());
  arrow::Int64Builder builder;
  ARROW_RETURN_NOT_OK(builder.Reserve(rows));
  for (int64_t i = 0; i < rows; ++i) {
    const std::optional<int64_t> value =
        values != nullptr && values->IsValid(i) ? values->Value(i) : absent(i);
    if (value) {
      builder.UnsafeAppend(*value);
    } else {
      builder.UnsafeAppendNull();
    }
  }
  return builder.Finish();
}

// The column of this field id, taken out of `batch`.
Result<std::shared_ptr<arrow::Array>> TakeOut(int32_t field_id,
                                              std::shared_ptr<arrow::RecordBatch>* batch) {
  const arrow::Schema& schema = *(*batch)->schema();
  for (int i = 0; i < schema.num_fields(); ++i) {
    if (FieldIdOf(*schema.field(i)) != field_id) continue;
    auto column = (*batch)->column(i);
    if (column->type_id() != arrow::Type::INT64) {
      return base::Corrupt("the column {} is {}, not a long", schema.field(i)->name(),
                           column->type()->ToString());
    }
    ARROW_ASSIGN_OR_RAISE(*batch, (*batch)->RemoveColumn(i));
    return column;
  }
  return nullptr;
}

}  // namespace

std::shared_ptr<arrow::Field> LineageField(std::string_view name, int32_t field_id) {
  return arrow::field(std::string(name), arrow::int64(), true,
                      arrow::key_value_metadata({kFieldIdKey}, {std::to_string(field_id)}));
}

Result<std::shared_ptr<arrow::RecordBatch>> WithLineage(
    const std::shared_ptr<arrow::RecordBatch>& batch, int64_t position,
    std::optional<int64_t> first_row_id, int64_t sequence_number) {
  auto rows = batch;
  ARROW_ASSIGN_OR_RAISE(const auto stored_ids, TakeOut(kRowIdFieldId, &rows));
  ARROW_ASSIGN_OR_RAISE(const auto stored_changes, TakeOut(kLastUpdatedFieldId, &rows));
  ARROW_ASSIGN_OR_RAISE(const auto ids, Filled(stored_ids, rows->num_rows(),
                                               [&](int64_t i) -> std::optional<int64_t> {
                                                 if (!first_row_id) return std::nullopt;
                                                 return *first_row_id + position + i;
                                               }));
  ARROW_ASSIGN_OR_RAISE(const auto changes, Filled(stored_changes, rows->num_rows(), [&](int64_t) {
                          return std::optional(sequence_number);
                        }));
  ARROW_ASSIGN_OR_RAISE(
      rows, rows->AddColumn(rows->num_columns(), LineageField(kRowId, kRowIdFieldId), ids));
  return rows->AddColumn(rows->num_columns(), LineageField(kLastUpdated, kLastUpdatedFieldId),
                         changes);
}

}  // namespace millpond::table
