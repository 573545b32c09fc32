// One Parquet data file being written: settings per column, row groups bounded in rows and bytes,
// and at the end what its manifest entry says. Used by TableWriter; one thread at a time (columns
// are encoded in parallel on Arrow's CPU pool, so never call from one of its threads).
#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "base/error.h"
#include "store/blob_store.h"
#include "table/catalog.h"
#include "table/data_file.h"

namespace parquet::arrow {
class FileWriter;
}

namespace millpond::table {

class DataFileWriter {
 public:
  /// `sample`: the first batch that will be written; large binary values in it choose small pages,
  /// columns whose values hardly repeat in it get no dictionary.
  static Result<std::unique_ptr<DataFileWriter>> Open(store::BlobStore& store,
                                                      const std::string& uri,
                                                      const std::shared_ptr<arrow::Schema>& schema,
                                                      const arrow::RecordBatch& sample,
                                                      const WriteSettings& settings);
  ~DataFileWriter();  ///< Unfinished: nothing stays.
  DataFileWriter(const DataFileWriter&) = delete;
  DataFileWriter& operator=(const DataFileWriter&) = delete;

  /// Takes rows from the front of the batch until it is full; returns how many.
  Result<int64_t> Write(const arrow::RecordBatch& batch);
  /// True once the next row group would pass the target size.
  bool IsFull() const { return full_; }
  /// Completes and publishes.
  Result<DataFile> Finish();

 private:
  DataFileWriter() = default;
  Status BeginRowGroup();
  Status EndRowGroup();
  void CountNans(const arrow::RecordBatch& batch);

  std::string uri_;
  std::shared_ptr<arrow::Schema> schema_;
  WriteSettings settings_;
  std::unique_ptr<store::BlobWriter> blob_;
  std::unique_ptr<parquet::arrow::FileWriter> writer_;
  std::map<int32_t, int64_t> nan_counts_;     // Top-level floating-point columns, by field id.
  int64_t group_rows_ = 0, group_bytes_ = 0;  // Of the row group in progress.
  int64_t largest_group_ = 0;                 // Encoded bytes.
  bool group_ended_ = false, full_ = false;
};

}  // namespace millpond::table
