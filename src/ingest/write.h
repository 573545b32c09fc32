// Writes Arrow streams into tables as one pond commit: Python's append and overwrite, results of
// SQL, snapshots of anything. Called by api/. A stream is read once, batch by batch.
#pragma once

#include <arrow/type_fwd.h>

#include <memory>
#include <optional>
#include <vector>

#include "base/context.h"
#include "base/error.h"
#include "table/catalog.h"
#include "table/commit.h"
#include "table/history.h"

namespace millpond::ingest {

enum class WriteMode {
  kCreate,     ///< kAlreadyExists where the table exists.
  kAppend,     ///< Makes the table where it is absent.
  kOverwrite,  ///< Replaces all rows; makes the table where it is absent.
};

struct TableWrite {
  table::TableName table;
  /// Columns are matched by name; types are stored as table::StorableSchema says. A column named
  /// sample_id must be int64 without nulls; without one, rows are numbered.
  std::shared_ptr<arrow::RecordBatchReader> reader;
  WriteMode mode = WriteMode::kAppend;
  bool evolve =
      false;  ///< Existing tables: add columns and widen types where the stream asks for it.
  /// kOverwrite: the snapshot that the new rows were computed from, kConflict where the table has
  /// moved on; none: the one at the start of the call.
  std::optional<int64_t> base_snapshot = {};
};

/// All writes land in one commit, or none. A table may be named once.
Result<table::PondCommit> WriteTables(std::shared_ptr<table::Catalog> catalog,
                                      const std::vector<TableWrite>& writes,
                                      const table::CommitInfo& info, const base::Context& context);

Result<table::PondCommit> WriteReader(std::shared_ptr<table::Catalog> catalog,
                                      const table::TableName& table,
                                      std::shared_ptr<arrow::RecordBatchReader> reader,
                                      WriteMode mode, const table::CommitInfo& info,
                                      const base::Context& context);

}  // namespace millpond::ingest
