// Writes record batches as the Parquet data files of one table: rolls at the target size, gathers
// column statistics and bounds, fills sample_id. Used by ingest, curate, label and the Python
// append. One writer per thread of work; encoding itself runs on Arrow's CPU pool.
#pragma once

#include <arrow/type_fwd.h>

#include <memory>
#include <string>
#include <vector>

#include "base/context.h"
#include "base/error.h"
#include "table/catalog.h"
#include "table/data_file.h"

namespace millpond::table {

class TableWriter {
 public:
  /// `schema`: the table's, with field ids (PendingCommit::SchemaOf). Columns of batches are
  /// matched by name, cast where it is loss-free, and filled with null where they are absent and
  /// nullable; an absent sample_id is numbered from the table's counter.
  static Result<std::unique_ptr<TableWriter>> Open(std::shared_ptr<Catalog> catalog,
                                                   const TableName& name,
                                                   std::shared_ptr<arrow::Schema> schema);
  ~TableWriter();  ///< Unfinished: its files are deleted.

  /// Says that rows with a sample_id are the table's own, written anew. Else they are new ones,
  /// whose numbers the commit compares with the table's (table/new_ids.h).
  void RowsStay();
  Status Write(const arrow::RecordBatch& batch, const base::Context& context);
  /// Closes and publishes the files; hand them to PendingCommit.
  Result<std::vector<DataFile>> Finish();
  int64_t rows() const;

 private:
  TableWriter();
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace millpond::table
