// Where a PostgreSQL ledger lives:
//   postgresql://user@host:port/database?schema=pond1&password_env=POND_PASSWORD
// What libpq knows may stand in the URL (sslmode, sslrootcert, passfile, service, several hosts);
// `schema` (default public) and `password_env`, the name of the variable that holds the password,
// are ours. Without a password libpq asks PGPASSWORD and the passfile (~/.pgpass).
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "ledger/libpq.h"

namespace millpond::ledger {

struct PostgresAddress {
  std::string name;    ///< "postgresql://user@host:5432/database, schema 'x'": for errors.
  std::string schema;  ///< That holds the ledger's tables.
  std::vector<std::pair<std::string, std::string>> parameters;  ///< For libpq; holds the password.
};

bool IsPostgresUrl(std::string_view url);

/// kInvalid says what is wrong with it, without ever repeating a password. Adds what is safe by
/// default: sslmode=verify-full for a host that is not this machine, with the system's certificates
/// where the user has none; a server that can be written to; time-outs.
Result<PostgresAddress> ParsePostgresUrl(const Libpq& libpq, const std::string& url);

}  // namespace millpond::ledger
