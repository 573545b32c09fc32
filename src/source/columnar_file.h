// One Parquet or Arrow IPC file as record batches in the file's own types. Used by columnar_plan;
// errors name the file, and bytes that do not say what their format demands are kCorrupt. Not
// thread safe.
#pragma once

#include <arrow/type_fwd.h>

#include <memory>

#include "base/context.h"
#include "base/error.h"
#include "source/file_list.h"
#include "source/file_options.h"

namespace millpond::source {

class ColumnarFile {
 public:
  virtual ~ColumnarFile() = default;
  virtual const std::shared_ptr<arrow::Schema>& schema() const = 0;
  /// Batches of at most ~64k rows or ~16 MiB, fully validated; null at the end.
  virtual Result<std::shared_ptr<arrow::RecordBatch>> Next() = 0;
  /// How much of the file has been read, in bytes (about).
  virtual int64_t position() const = 0;
};

/// Decodes columns in parallel where the context has more than one thread. A file whose rows are on
/// average too large for the context's memory limit is kExhausted before any is read.
Result<std::unique_ptr<ColumnarFile>> OpenParquet(const InputFile& file,
                                                  const base::Context& context);
Result<std::unique_ptr<ColumnarFile>> OpenArrow(const InputFile& file);

}  // namespace millpond::source
