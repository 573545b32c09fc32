// DuckDB's result chunks as Arrow record batches of types that a table can hold. Used by
// result_stream.cc and session.cc. One thread at a time.
//
//   DuckDB                                Arrow
//   BOOLEAN, FLOAT, DOUBLE, DATE          bool, float, double, date32
//   TINYINT … INTEGER, UTINYINT, USMALLINT   int32
//   BIGINT, UINTEGER                      int64
//   UBIGINT                               decimal128(20, 0)
//   HUGEINT, UHUGEINT (sums of integers)  decimal128(38, 0); values beyond are an error
//   DECIMAL(w, s)                         decimal128(w, s)
//   VARCHAR, JSON, ENUM, UUID, BIT        string
//   BLOB                                  binary
//   TIME, TIME_NS                         time64[us]
//   TIMESTAMP, _S, _MS, _NS               timestamp[us]
//   TIMESTAMP WITH TIME ZONE              timestamp[us, UTC]
//   INTERVAL                              month_day_nano_interval
//   LIST, ARRAY; STRUCT; MAP              list; struct; map
// Everything else is refused with the advice to cast it. Nulls hold zero bytes, so that equal
// results have equal buffers.
#pragma once

#include <arrow/type_fwd.h>
#include <duckdb.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"

namespace millpond::query {

class ColumnOutput;

/// A column of a result: its name and its DuckDB type, which this owns.
class ResultColumn {
 public:
  ResultColumn(std::string name, duckdb_logical_type type) : name_(std::move(name)), type_(type) {}
  ~ResultColumn() {
    if (type_ != nullptr) duckdb_destroy_logical_type(&type_);
  }
  ResultColumn(ResultColumn&& other) noexcept
      : name_(std::move(other.name_)), type_(std::exchange(other.type_, nullptr)) {}
  ResultColumn& operator=(ResultColumn&&) = delete;

  const std::string& name() const { return name_; }
  duckdb_logical_type type() const { return type_; }

 private:
  std::string name_;
  duckdb_logical_type type_;
};

class ArrowOutput {
 public:
  /// kInvalid names a column whose type has no place in Arrow.
  static Result<ArrowOutput> Make(const std::vector<ResultColumn>& columns);
  ~ArrowOutput();
  ArrowOutput(ArrowOutput&&) noexcept;
  ArrowOutput& operator=(ArrowOutput&&) noexcept;

  const std::shared_ptr<arrow::Schema>& schema() const { return schema_; }

  /// Appends rows [from, to) of the chunk.
  Status Append(duckdb_data_chunk chunk, int64_t from, int64_t to);
  /// Bytes of text and blobs in these rows: what decides where a batch ends besides its rows.
  int64_t VariableBytes(duckdb_data_chunk chunk, int64_t from, int64_t to) const;

  int64_t rows() const { return rows_; }
  /// The rows appended since the last Finish.
  Result<std::shared_ptr<arrow::RecordBatch>> Finish();

 private:
  ArrowOutput();
  std::shared_ptr<arrow::Schema> schema_;
  std::vector<std::unique_ptr<ColumnOutput>> columns_;
  int64_t rows_ = 0;
};

}  // namespace millpond::query
