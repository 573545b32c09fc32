// Drives the columns of a result; see arrow_output.h.
#include "query/arrow_output.h"

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <utility>

#include "query/column_output.h"

namespace millpond::query {

ArrowOutput::ArrowOutput() = default;
ArrowOutput::~ArrowOutput() = default;
ArrowOutput::ArrowOutput(ArrowOutput&&) noexcept = default;
ArrowOutput& ArrowOutput::operator=(ArrowOutput&&) noexcept = default;

Result<ArrowOutput> ArrowOutput::Make(const std::vector<ResultColumn>& columns) {
  ArrowOutput output;
  std::vector<std::shared_ptr<arrow::Field>> fields;
  for (const ResultColumn& column : columns) {
    auto made = MakeColumnOutput(column.type());
    if (!made.ok()) return base::WithContext("column '" + column.name() + "'", made.status());
    output.columns_.push_back(std::move(made).ValueUnsafe());
    fields.push_back(arrow::field(column.name(), output.columns_.back()->type()));
  }
  output.schema_ = arrow::schema(std::move(fields));
  return output;
}

Status ArrowOutput::Append(duckdb_data_chunk chunk, int64_t from, int64_t to) {
  for (size_t i = 0; i < columns_.size(); ++i) {
    const Status status =
        columns_[i]->Append(duckdb_data_chunk_get_vector(chunk, i), from, to - from);
    if (!status.ok()) {
      return base::WithContext("column '" + schema_->field(static_cast<int>(i))->name() + "'",
                               status);
    }
  }
  rows_ += to - from;
  return Status::OK();
}

int64_t ArrowOutput::VariableBytes(duckdb_data_chunk chunk, int64_t from, int64_t to) const {
  int64_t bytes = 0;
  for (size_t i = 0; i < columns_.size(); ++i) {
    bytes += columns_[i]->VariableBytes(duckdb_data_chunk_get_vector(chunk, i), from, to - from);
  }
  return bytes;
}

Result<std::shared_ptr<arrow::RecordBatch>> ArrowOutput::Finish() {
  std::vector<std::shared_ptr<arrow::Array>> arrays;
  for (auto& column : columns_) {
    ARROW_ASSIGN_OR_RAISE(auto data, column->Finish());
    arrays.push_back(arrow::MakeArray(data));
  }
  return arrow::RecordBatch::Make(schema_, std::exchange(rows_, 0), std::move(arrays));
}

}  // namespace millpond::query
