// Carries out one RowSelection: runs it, writes new values, hands positions and files to a commit.
// Used by row_change.cc and upsert.cc.
#pragma once

#include <arrow/type_fwd.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/context.h"
#include "base/error.h"
#include "ingest/row_change.h"
#include "ingest/row_selection.h"
#include "table/row_delta.h"
#include "table/table_writer.h"

namespace millpond::ingest {

struct RowChange {
  table::TableName target;
  RowSelection selection;
  bool lineage = false;  ///< The table is v3: updated rows keep their `_row_id`.
  query::SqlOptions query;
  std::string operation;   ///< Of the commit: "delete", "update", "merge", "upsert".
  std::string words;       ///< The message where the caller gives none.
  base::Json request;      ///< What the caller asked for (table::CommitInfo).
  std::string filter;      ///< What holds for the rows, where it can be told.
  bool read_once = false;  ///< The query reads a stream: it cannot be asked again.
};

/// The table that a statement changes on a branch (empty: main), by its exact name.
Result<table::TableName> TargetOf(query::Session& session, const query::ChangeStatement& statement,
                                  const std::string& branch);
/// Its columns there now, with field ids, and whether its rows have a `_row_id`.
struct TargetShape {
  std::shared_ptr<arrow::Schema> columns;
  bool lineage = false;
};
Result<TargetShape> ShapeOf(query::Session& session, const table::TableName& table,
                            const std::string& branch);
/// A statement as what was asked for.
base::Json RequestOf(const query::ChangeStatement& statement);
/// What a commit says of itself before it is known what it did.
table::CommitInfo InfoOf(const RowChangeOptions& options, const std::string& operation,
                         const std::string& words, const base::Json& request);

/// What a query read, for a commit; kDenied where a policy filters or masks one of the tables.
Result<base::Json> InputsWithoutPolicy(const query::Session& session,
                                       const std::vector<query::TableRead>& reads);

class RowChanger {
 public:
  RowChanger(query::Session& session, RowChange change, const RowChangeOptions& options,
             const base::Context& context)
      : session_(session), change_(std::move(change)), options_(options), context_(context) {}

  Result<RowChangeOutcome> Run();

 private:
  struct Attempt;

  Result<RowChangeOutcome> TryOnce();
  Status TakeBatch(const arrow::RecordBatch& batch, Attempt* attempt);
  Status TakePositions(const arrow::RecordBatch& batch, Attempt* attempt);
  Status WriteValues(const arrow::RecordBatch& batch, Attempt* attempt);
  Status Finish(Attempt* attempt);
  Status AddConditions(table::RowDelta* delta);

  query::Session& session_;
  const RowChange change_;
  const RowChangeOptions& options_;
  const base::Context& context_;
};

}  // namespace millpond::ingest
