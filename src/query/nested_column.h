// Result columns of lists, arrays, maps and structs. Used by column_output.cc only.
#pragma once

#include <limits>
#include <vector>

#include "query/column_output.h"

namespace millpond::query {

/// LIST, MAP (`array_size` 0) and ARRAY (its size).
class ListColumn final : public ColumnOutput {
 public:
  ListColumn(std::shared_ptr<arrow::DataType> type, std::unique_ptr<ColumnOutput> child,
             int64_t array_size)
      : ColumnOutput(std::move(type)), child_(std::move(child)), array_size_(array_size) {}

  Status Append(duckdb_vector vector, int64_t offset, int64_t count) override;
  int64_t VariableBytes(duckdb_vector vector, int64_t offset, int64_t count) const override;
  Result<std::shared_ptr<arrow::ArrayData>> Finish() override;

 private:
  // Calls visit(begin, length) in the child for each row; null rows have length 0.
  template <class Visit>
  Status ForEachRow(duckdb_vector vector, int64_t offset, int64_t count, Visit visit) const;
  duckdb_vector ChildOf(duckdb_vector vector) const;

  std::unique_ptr<ColumnOutput> child_;
  const int64_t array_size_;
  int64_t child_rows_ = 0;
  arrow::TypedBufferBuilder<int32_t> offsets_;
};

class StructColumn final : public ColumnOutput {
 public:
  StructColumn(std::shared_ptr<arrow::DataType> type,
               std::vector<std::unique_ptr<ColumnOutput>> children)
      : ColumnOutput(std::move(type)), children_(std::move(children)) {}

  Status Append(duckdb_vector vector, int64_t offset, int64_t count) override;
  int64_t VariableBytes(duckdb_vector vector, int64_t offset, int64_t count) const override;
  int64_t width() const override;
  Result<std::shared_ptr<arrow::ArrayData>> Finish() override;

 private:
  std::vector<std::unique_ptr<ColumnOutput>> children_;
};

}  // namespace millpond::query
