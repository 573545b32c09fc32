// Rows that a verb refused, kept where a person finds them: the table <table>_rejects, written in
// the same pond commit as the rows that fit. Used by ingest, curate and label. One thread.
#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/context.h"
#include "base/error.h"
#include "table/catalog.h"
#include "table/commit.h"
#include "table/table_writer.h"

namespace millpond::table {

struct RejectedRow {
  std::string file = {};    ///< File, table or expression that the row came from.
  int64_t line = 0;         ///< Line or row number in it; 0: unknown.
  std::string column = {};  ///< Empty where the row as a whole is at fault.
  std::string reason = {};
  std::string raw = {};                           ///< The row or value as it was.
  std::optional<int64_t> refused_sample_id = {};  ///< Of a row that was in a table.
};

/// Columns: sample_id, file, line, column, reason, raw, rejected_at, refused_sample_id.
std::shared_ptr<arrow::Schema> RejectsSchema();

/// shop.orders -> shop.orders_rejects
TableName RejectsTableOf(const TableName& table);

class RejectsWriter {
 public:
  /// Nothing is created until a row is added; `commit` must outlive the writer.
  RejectsWriter(std::shared_ptr<Catalog> catalog, PendingCommit* commit, const TableName& table);

  Status Add(const RejectedRow& row, const base::Context& context);
  /// Hands what was added to the commit; call once, also where nothing was added.
  Status Finish(const base::Context& context);

  int64_t rows() const { return rows_; }
  const TableName& table() const { return name_; }

 private:
  Status Open();
  Status Flush(const base::Context& context);

  std::shared_ptr<Catalog> catalog_;
  PendingCommit* commit_;
  TableName name_;
  int64_t rejected_ms_;
  std::unique_ptr<TableWriter> writer_;
  std::vector<RejectedRow> held_;
  size_t held_bytes_ = 0;
  int64_t rows_ = 0;
};

}  // namespace millpond::table
