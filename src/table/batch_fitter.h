// Makes record batches of callers into batches of a table's exact schema: matched by name, cast
// where no value changes, absent nullable columns filled with null, required ones checked. Used by
// TableWriter; one thread at a time.
#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <memory>
#include <string>

#include "base/error.h"

namespace millpond::table {

/// Bytes as the fixed-size bytes that `field` holds, where it holds such: engines that do not know
/// these give plain bytes back. kInvalid for a value of another size; all else as it is.
Result<std::shared_ptr<arrow::Array>> AsStored(const std::shared_ptr<arrow::Array>& values,
                                               const arrow::Field& field);

class BatchFitter {
 public:
  /// `table_name` is for errors only.
  BatchFitter(std::shared_ptr<arrow::Schema> schema, std::string table_name);

  struct Fitted {
    std::shared_ptr<arrow::RecordBatch> batch;
    bool needs_sample_ids =
        false;  ///< sample_id was absent: its column is null and to be numbered.
  };
  /// kInvalid names the column and what to do. Rows in errors are counted over all batches, from 0.
  Result<Fitted> Fit(const arrow::RecordBatch& batch);

 private:
  Status CheckSchema(const arrow::Schema& schema);
  Status CheckRequired(const arrow::Array& array, const arrow::Field& field,
                       const std::string& path) const;

  std::shared_ptr<arrow::Schema> schema_;
  std::string table_name_;
  std::shared_ptr<arrow::Schema> checked_;  // Schema of the last batch that passed.
  int64_t rows_ = 0;
};

}  // namespace millpond::table
