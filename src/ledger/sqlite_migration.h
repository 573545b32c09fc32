// Brings a SQLite ledger from the version it is at to the latest one. Called when a ledger is
// opened.
#pragma once

#include <span>
#include <string>

#include "ledger/schema.h"
#include "ledger/sqlite_connection.h"

namespace millpond::ledger {

/// kCorrupt where the file has no version table; `path` is for the error.
Result<int64_t> ReadVersion(SqliteConnection* connection, const std::string& path);

/// Makes the version table (version 0) and runs all migrations, in one transaction.
Status CreateSchema(SqliteConnection* connection, std::span<const Migration> migrations);

/// Runs the migrations that are missing, in one transaction; several processes may do so at once.
/// kInvalid where the file is newer than the last migration.
Status Migrate(SqliteConnection* connection, const std::string& path,
               std::span<const Migration> migrations);

}  // namespace millpond::ledger
