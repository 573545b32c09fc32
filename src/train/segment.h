// A training segment: the rows of a dataset in key order, one memory-mapped Arrow IPC file per
// part, made once through the session (so with the principal's filters and masks) and kept in the
// derived cache. Layout: docs/formats/segment.md. Immutable; any number of threads.
#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/context.h"
#include "base/error.h"
#include "derived/cache.h"
#include "query/session.h"
#include "train/dataset.h"

namespace millpond::train {

/// Bumped when the bytes of a segment change their meaning; part of its cache key.
inline constexpr int kSegmentFormat = 1;

/// A column as the whole part has it.
struct SegmentColumn {
  std::string name;
  std::shared_ptr<arrow::DataType> type;
  int64_t null_count = 0;
  int64_t shortest = 0,
          longest =
              0;  ///< Lists: elements of a row. Equal, without nulls: rows stack into a matrix.
};

/// One part of a segment.
class Segment {
 public:
  /// Where a row is: batches()[batch], row `offset` of it.
  struct Place {
    int32_t batch;
    int32_t offset;
  };

  /// Opens the segment of (dataset, columns) from the cache, building it where it is absent.
  /// `part`: a part's name, or "" or "all" for every row. `columns` empty: features and labels, or
  /// all where none are declared. kNotFound names the parts or columns there are.
  static Result<std::shared_ptr<const Segment>> Open(query::Session& session, derived::Cache& cache,
                                                     const Dataset& dataset,
                                                     const std::string& part,
                                                     const std::vector<std::string>& columns,
                                                     const base::Context& context);
  virtual ~Segment() = default;

  int64_t rows() const { return rows_; }
  const std::string& part() const { return part_; }
  const std::string& dataset_name() const { return dataset_name_; }  ///< "reviews@v3"
  const std::string& dataset_hash() const { return dataset_hash_; }
  const std::vector<SegmentColumn>& columns() const {
    return columns_;
  }  ///< What was asked for, in that order.
  const std::vector<std::string>& labels() const {
    return labels_;
  }  ///< Those of `columns` that are targets.
  const std::vector<std::shared_ptr<arrow::RecordBatch>>& batches() const { return batches_; }
  Place PlaceOf(int64_t row) const;
  /// "sample_id=42" for messages.
  std::string KeyOf(int64_t row) const;
  /// Index of a column in batches(), or -1. Key columns are in there too, asked for or not.
  int ColumnIndex(const std::string& name) const;

 protected:
  Segment() = default;
  int64_t rows_ = 0;
  std::string part_, dataset_name_, dataset_hash_;
  std::vector<std::string> key_, labels_;
  std::vector<SegmentColumn> columns_;
  std::vector<std::shared_ptr<arrow::RecordBatch>> batches_;
  std::shared_ptr<arrow::Schema> schema_;  // Of batches_.
  std::vector<int64_t> starts_;            // First row of each batch.
};

}  // namespace millpond::train
