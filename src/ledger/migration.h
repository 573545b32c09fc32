// Brings a ledger from the version it is at to the latest one. Called when a ledger is opened.
#pragma once

#include <span>

#include "ledger/schema.h"
#include "ledger/sql_connection.h"

namespace millpond::ledger {

/// The schema version that this build writes.
int64_t LatestVersion();

/// kCorrupt where the database has no version table.
Result<int64_t> ReadVersion(SqlConnection* connection);

/// Makes the version table (version 0) and runs all migrations, within the caller's transaction.
Status CreateSchema(SqlConnection* connection, std::span<const Migration> migrations);

/// Runs the migrations that are missing, in one transaction; several processes may do so at once.
/// kInvalid where the ledger is newer than the last migration.
Status MigrateFrozen(SqlConnection* connection, std::span<const Migration> migrations);

/// The same, and kUnavailable where the ledger has moved (freeze.h).
Status Migrate(SqlConnection* connection, std::span<const Migration> migrations);

}  // namespace millpond::ledger
