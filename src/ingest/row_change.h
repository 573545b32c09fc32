// Verbs that change single rows of a table: delete, update, insert from a query, merge. Each finds
// its rows by one SELECT through the caller's session, and lands as one commit, or changes nothing.
// Where someone else changed the same rows meanwhile the rows are looked for again. Called by api/.
#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/context.h"
#include "base/error.h"
#include "base/json.h"
#include "query/change_statement.h"
#include "query/session.h"
#include "table/commit.h"

namespace millpond::ingest {

struct RowChangeOptions {
  std::string author;
  std::string message;  ///< Empty: made from the statement.
  std::string
      branch;  ///< Where it lands, and what it reads where it names no version; empty: main.
  std::optional<std::string> idempotency_key;  ///< The same change sent twice lands once; another
                                               ///< one under the same key is kAlreadyExists.
  bool dry_run = false;                        ///< Count, write nothing.
  std::vector<base::Json> parameters;          ///< For ? and $1 in the statement's expressions.
};

struct RowChangeOutcome {
  table::TableName table;
  int64_t rows_deleted = 0, rows_updated = 0, rows_inserted = 0;
  table::RowChangeReport files;             ///< Zero in a dry run.
  std::optional<table::PondCommit> commit;  ///< None: nothing to change, or a dry run.
};

/// {"table", "rows_deleted", "rows_updated", "rows_inserted", "files_removed", "files_rewritten",
/// "files_marked", "bytes_written", "commit"}
base::Json ToJson(const RowChangeOutcome& outcome);

/// Carries out a statement. Rows that an update or merge gives the values they have stay as they
/// are; sample_id of updated rows is kept. kDenied where a policy filters or masks a table that it
/// reads for the session's principal.
Result<RowChangeOutcome> ChangeRows(query::Session& session,
                                    const query::ChangeStatement& statement,
                                    const RowChangeOptions& options, const base::Context& context);

enum class UpsertMode {
  kUpsert,      ///< Known keys are updated, new ones inserted.
  kDelete,      ///< Rows with these keys are deleted.
  kInsertOnly,  ///< New keys are inserted, known ones left alone.
  kScd2,        ///< History: a changed row is closed and a new version of it inserted.
};
Result<UpsertMode> ParseUpsertMode(const std::string& name);

struct UpsertRequest {
  std::string table;
  std::string query;                                 ///< The rows, as a SELECT, or…
  std::shared_ptr<arrow::RecordBatchReader> reader;  ///< …as a stream, which is read once.
  std::vector<std::string> keys;  ///< Columns of table and rows; no row may lack one.
  UpsertMode mode = UpsertMode::kUpsert;
  std::string content_hash = {};  ///< Of the stream's rows, where the caller knows one.
};

/// Rows by key. Columns that the rows do not have keep their values, or are null in new rows. Two
/// new rows with one key are kInvalid. kScd2 needs the columns valid_from and valid_to (timestamps)
/// and is_current (boolean) in the table, and fills them in.
Result<RowChangeOutcome> UpsertRows(query::Session& session, const UpsertRequest& request,
                                    const RowChangeOptions& options, const base::Context& context);

}  // namespace millpond::ingest
