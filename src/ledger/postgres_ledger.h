// The ledger of a pond that many machines share: one schema of a PostgreSQL database, version 13 or
// newer. PyIceberg and Spark open the same tables beside us.
#pragma once

#include <memory>
#include <string>

#include "ledger/ledger.h"
#include "ledger/sqlite_ledger.h"

namespace millpond::ledger {

struct PostgresOptions {
  int busy_ms = 30000;  ///< How long to wait for another writer, or for a lost server.
  int connections = 8;  ///< At once, of this process.
};

/// `url`: see ledger/postgres_address.h. kCreate makes the schema where it is missing and the
/// tables in one transaction (kAlreadyExists where a ledger or other tables of those names are
/// there); kExisting migrates forward, and refuses as the SQLite ledger does. The first use of
/// PostgreSQL loads libpq: kUnavailable where it is not installed. Safe across fork().
Result<std::shared_ptr<Ledger>> OpenPostgresLedger(const std::string& url, OpenMode mode,
                                                   const PostgresOptions& options = {});

}  // namespace millpond::ledger
