// The table that rows are written into, within one pending commit: made or opened, its schema
// grown, rows without their key turned away. Used by sync and write.
#pragma once

#include <arrow/type_fwd.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/context.h"
#include "base/error.h"
#include "table/catalog.h"
#include "table/commit.h"
#include "table/rejects_writer.h"
#include "table/table_writer.h"

namespace millpond::ingest {

/// Table name from a stream's or file's: "Reviews 2024.csv.gz" -> "reviews_2024".
std::string TableNameFrom(const std::string& stream);

/// `wanted`: "" or "shop." -> named after the stream; else the table it names.
Result<table::TableName> ResolveTableName(const std::string& wanted, const std::string& stream);

struct TargetOptions {
  bool may_exist = true, replace = false, evolve = true;
  std::vector<std::string> key;
  std::optional<int64_t> base_snapshot;  ///< Of a replace; none: the current one.
};

class TableTarget {
 public:
  /// Creates the table in `commit`, or grows it so that rows of `schema` fit. `commit` must outlive
  /// the target.
  static Result<std::unique_ptr<TableTarget>> Open(std::shared_ptr<table::Catalog> catalog,
                                                   table::PendingCommit* commit,
                                                   const table::TableName& name,
                                                   const arrow::Schema& schema,
                                                   const TargetOptions& options);

  /// Writes the rows; those with a null in a key column go to `rejects`.
  Status Write(const arrow::RecordBatch& batch, table::RejectsWriter* rejects,
               const base::Context& context);
  /// Hands the files to the commit.
  Status Finish();

  bool created() const { return created_; }
  int64_t rows() const { return writer_->rows(); }
  const std::vector<std::string>& columns_changed() const { return columns_changed_; }

 private:
  TableTarget(table::PendingCommit* commit, table::TableName name, TargetOptions options)
      : commit_(commit), name_(std::move(name)), options_(std::move(options)) {}

  Status Create(const arrow::Schema& schema);
  Status Grow(const table::Table& existing, const arrow::Schema& schema);

  table::PendingCommit* commit_;
  table::TableName name_;
  TargetOptions options_;
  bool created_ = false;
  std::vector<std::string> columns_changed_;
  std::unique_ptr<table::TableWriter> writer_;
};

}  // namespace millpond::ingest
