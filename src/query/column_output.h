// One column of a result on its way from DuckDB vectors to an Arrow array. Used by arrow_output.cc
// only; the mapping of types is drawn in arrow_output.h. Vectors are flat (DuckDB's fetch sees to
// it).
#pragma once

#include <arrow/array/data.h>
#include <arrow/buffer_builder.h>
#include <arrow/type_fwd.h>
#include <duckdb.h>

#include <cstdint>
#include <memory>
#include <string_view>

#include "base/error.h"

namespace millpond::query {

class ColumnOutput {
 public:
  explicit ColumnOutput(std::shared_ptr<arrow::DataType> type) : type_(std::move(type)) {}
  virtual ~ColumnOutput() = default;

  const std::shared_ptr<arrow::DataType>& type() const { return type_; }

  /// Appends the rows [offset, offset + count) of the vector.
  virtual Status Append(duckdb_vector vector, int64_t offset, int64_t count) = 0;

  /// Bytes that these rows take beyond a fixed width per row.
  virtual int64_t VariableBytes(duckdb_vector, int64_t /*offset*/, int64_t /*count*/) const {
    return 0;
  }

  /// Bytes per value; 0 where values have no fixed width.
  virtual int64_t width() const { return 0; }

  /// What was appended; the column is empty again.
  virtual Result<std::shared_ptr<arrow::ArrayData>> Finish() = 0;

 protected:
  /// Counts the rows and keeps which of them are null.
  Status AppendValidity(const uint64_t* validity, int64_t offset, int64_t count);
  /// The array of these buffers after the validity bitmap, and of these children.
  Result<std::shared_ptr<arrow::ArrayData>> FinishWith(
      std::vector<std::shared_ptr<arrow::Buffer>> buffers,
      std::vector<std::shared_ptr<arrow::ArrayData>> children = {});

  static bool IsValid(const uint64_t* validity, int64_t row) {
    return validity == nullptr || ((validity[row >> 6] >> (row & 63)) & 1) != 0;
  }

  const std::shared_ptr<arrow::DataType> type_;
  int64_t length_ = 0;
  arrow::TypedBufferBuilder<bool> validity_;
};

/// The column for a DuckDB type; kInvalid (without the column's name) where there is none.
Result<std::unique_ptr<ColumnOutput>> MakeColumnOutput(duckdb_logical_type type);

}  // namespace millpond::query
