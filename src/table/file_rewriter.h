// Copies rows from data files of a table into new ones, less the rows that are deleted: what
// copy-on-write, compaction and folding are made of. Rows go from reader to writer in bounded
// batches and never leave this room. One thread at a time; decoding and encoding run on Arrow's CPU
// pool.
#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/context.h"
#include "base/error.h"
#include "table/catalog.h"
#include "table/data_file.h"
#include "table/data_file_writer.h"
#include "table/manifest.h"
#include "table/row_positions.h"

namespace millpond::table {

/// Whether the rows of a file can be copied: Parquet whose columns carry field ids, and which
/// stores the columns of the ids `must_store`.
Result<bool> CanRewrite(store::BlobStore& store, const DataFile& file,
                        const std::set<int32_t>& must_store);

class FileRewriter {
 public:
  /// New files go to `location`/data. `schema`: the table's, with field ids. `lineage`: a v3 table,
  /// whose rows keep their ids and say when they were changed last.
  FileRewriter(Catalog* catalog, std::string location, const arrow::Schema& schema, bool lineage,
               const WriteSettings& settings);
  ~FileRewriter();  ///< Unfinished: its files are deleted.
  FileRewriter(const FileRewriter&) = delete;
  FileRewriter& operator=(const FileRewriter&) = delete;

  /// Copies the rows of the entry's file whose positions are not in `deleted`, in order. kCorrupt
  /// where the file has another number of rows than its manifest says. Every row is accounted for.
  Status Copy(const ManifestEntry& entry, const RowPositions& deleted,
              const base::Context& context);
  /// Closes and publishes.
  Result<std::vector<DataFile>> Finish();

 private:
  Status Write(const arrow::RecordBatch& rows);
  Status CloseFile();

  Catalog* catalog_;
  std::string location_;
  std::shared_ptr<arrow::Schema> schema_;
  bool lineage_;
  WriteSettings settings_;
  std::unique_ptr<DataFileWriter> file_;
  std::vector<DataFile> files_;
  int64_t rows_written_ = 0;
};

}  // namespace millpond::table
