// Whether a PostgreSQL ledger is whole: what `doctor` asks, and how a schema is filled.
#pragma once

#include "ledger/postgres_connection.h"

namespace millpond::ledger {

/// Makes the schema where it is missing, and the ledger's tables, within the caller's transaction.
/// kAlreadyExists where such tables are there.
Status CreateInSchema(PostgresConnection* connection);

/// Reads every table to its end, compares the tables and columns with those of this version, and
/// looks for rows that refer to none. kCorrupt names what is wrong.
Status CheckPostgres(PostgresConnection* connection);

}  // namespace millpond::ledger
