// Verbs that change single rows: delete, update, upsert, and the SQL statements that do. Each is
// one commit in the pond's name, or none where nothing changes. Reports are ingest::ToJson's.
#pragma once

#include <arrow/type_fwd.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/pond.h"
#include "base/context.h"
#include "base/json.h"

namespace millpond::api {

struct ChangeSettings {
  std::string message;          ///< Empty: made from the change.
  std::string idempotency_key;  ///< Empty: none.
  bool dry_run = false;         ///< Count, write nothing.
  std::string branch = {};      ///< Where it lands; empty: main.
};

/// `where`: an SQL condition; kInvalid where it is empty ("true" means all rows).
Result<base::Json> DeleteRows(Pond& pond, const std::string& table, const std::string& where,
                              const ChangeSettings& settings, const base::Context& context);

/// `set`: column and SQL expression over the row's old values. `where` empty: all rows.
Result<base::Json> UpdateRows(Pond& pond, const std::string& table,
                              const std::vector<std::pair<std::string, std::string>>& set,
                              const std::string& where, const ChangeSettings& settings,
                              const base::Context& context);

/// Where new rows come from: one of the three.
struct NewRows {
  std::string file, query;
  std::shared_ptr<arrow::RecordBatchReader> reader;
};

/// `mode`: "upsert", "delete", "insert-only" or "scd2".
Result<base::Json> UpsertRows(Pond& pond, const std::string& table, const NewRows& rows,
                              const std::vector<std::string>& keys, const std::string& mode,
                              const ChangeSettings& settings, const base::Context& context);

/// INSERT, DELETE, UPDATE or MERGE INTO; nullopt where the statement is none of them. kInvalid
/// where `reads` names a version to work at.
Result<std::optional<base::Json>> RunChange(Pond& pond, const std::string& sql,
                                            const query::SqlOptions& reads,
                                            const ChangeSettings& settings,
                                            const base::Context& context);

/// A report as a table of one row: rows_deleted, rows_updated, rows_inserted, commit.
Result<std::shared_ptr<arrow::RecordBatchReader>> ReportAsRows(const base::Json& report);

}  // namespace millpond::api
