// What a Parquet footer says of a file, as a manifest entry states it: counts, sizes and bounds by
// field id. Also which of its columns have statistics worth having. Used by DataFileWriter.
#pragma once

#include <arrow/type_fwd.h>

#include "base/error.h"
#include "table/data_file.h"

namespace parquet {
class ColumnDescriptor;
class FileMetaData;
}  // namespace parquet

namespace millpond::table {

enum class ColumnUse {
  kPlain,   ///< Numbers, times, text.
  kVector,  ///< Embeddings: floats in lists, fixed-size bytes. No dictionary, no statistics.
  kBlob,    ///< Bytes: as vectors, and not compressed either.
};

ColumnUse ColumnUseOf(const parquet::ColumnDescriptor& column);

/// `schema` has field ids. Bounds cover top-level columns only; uri, size and NaN counts are the
/// caller's. May throw ParquetException.
Result<DataFile> DescribeDataFile(const parquet::FileMetaData& metadata,
                                  const arrow::Schema& schema);

}  // namespace millpond::table
