// What a loader yields: columns as dense tensors in 64-byte aligned buffers, or Arrow arrays where
// rows differ in length.
#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace millpond::train {

struct BatchColumn {
  std::string name;
  std::shared_ptr<arrow::DataType>
      type;                    ///< Of one element; booleans are one byte each in a tensor.
  std::vector<int64_t> shape;  ///< [rows], [rows, length], [rows, height, width, channels]
  std::shared_ptr<arrow::Buffer> values;  ///< Tensor, row-major; null where `array` is set.
  std::shared_ptr<arrow::Array> array;  ///< Text, binary, ragged lists; null where `values` is set.
};

/// What a column of every batch of a loader looks like, known before the first one.
struct ColumnSpec {
  std::string name;
  std::shared_ptr<arrow::DataType> type;  ///< Of one element.
  std::vector<int64_t> shape;             ///< Of one row: [], [length], [height, width, channels].
  bool ragged = false;     ///< Lists that differ in length: `type` is that of their elements.
  int64_t null_count = 0;  ///< Of the part; in floats null is NaN.
};

/// A sample whose image could not be decoded.
struct BrokenSample {
  std::string key;  ///< "sample_id=42"
  std::string column;
  std::string reason;
};

struct Batch {
  int64_t epoch = 0;
  int64_t step = 0;    ///< Within the epoch, from 0.
  int64_t rows = 0;    ///< Of this rank.
  int64_t padded = 0;  ///< How many of them are repeats (LastBatch::kPad).
  std::vector<BatchColumn> columns;
  std::vector<BrokenSample> broken;  ///< Left out of `rows`.
};

/// A hash over names, types, shapes and values, the same on every machine: 32 hex digits. Two runs
/// that saw equal hashes saw equal data.
std::string HashOf(const Batch& batch);

}  // namespace millpond::train
