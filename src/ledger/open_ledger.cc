// Chooses by the URL's scheme; what is no URL is a file.
#include "ledger/open_ledger.h"

#include <sys/stat.h>

#include <cerrno>

#include "ledger/migration.h"
#include "ledger/postgres_check.h"
#include "ledger/postgres_ledger.h"
#include "ledger/sqlite_connection.h"

namespace millpond::ledger {
namespace {

Result<std::unique_ptr<PostgresConnection>> ConnectPostgres(const LedgerPlace& place) {
  ARROW_ASSIGN_OR_RAISE(const Libpq* libpq, LoadLibpq());
  ARROW_ASSIGN_OR_RAISE(PostgresAddress address, ParsePostgresUrl(*libpq, place.url));
  return PostgresConnection::Open(*libpq, address, place.busy_ms);
}

Result<std::unique_ptr<SqlConnection>> ConnectSqlite(const LedgerPlace& place) {
  struct stat info{};
  if (::stat(place.url.c_str(), &info) != 0) {
    return base::FromErrno(errno, "open the ledger " + place.url);
  }
  return SqliteConnection::Open(place.url, /*create=*/false, place.busy_ms);
}

}  // namespace

Result<std::shared_ptr<Ledger>> OpenLedger(const LedgerPlace& place, OpenMode mode) {
  if (!IsPostgresUrl(place.url)) return OpenSqliteLedger(place.url, mode, place.busy_ms);
  return OpenPostgresLedger(place.url, mode,
                            {.busy_ms = place.busy_ms, .connections = place.connections});
}

std::string KindOf(const LedgerPlace& place) {
  return IsPostgresUrl(place.url) ? "postgresql" : "sqlite";
}

Result<std::string> NameOf(const LedgerPlace& place) {
  if (!IsPostgresUrl(place.url)) return place.url;
  ARROW_ASSIGN_OR_RAISE(const Libpq* libpq, LoadLibpq());
  ARROW_ASSIGN_OR_RAISE(PostgresAddress address, ParsePostgresUrl(*libpq, place.url));
  return address.name;
}

Result<std::unique_ptr<SqlConnection>> ConnectLedger(const LedgerPlace& place) {
  std::unique_ptr<SqlConnection> connection;
  if (IsPostgresUrl(place.url)) {
    ARROW_ASSIGN_OR_RAISE(connection, ConnectPostgres(place));
  } else {
    ARROW_ASSIGN_OR_RAISE(connection, ConnectSqlite(place));
  }
  ARROW_RETURN_NOT_OK(MigrateFrozen(connection.get(), Migrations()));
  return connection;
}

Status CreateLedger(const LedgerPlace& place, const LedgerFiller& fill) {
  if (!IsPostgresUrl(place.url)) return CreateLedgerFile(place.url, place.busy_ms, fill);
  ARROW_ASSIGN_OR_RAISE(auto connection, ConnectPostgres(place));
  ARROW_RETURN_NOT_OK(connection->BeginAlone());
  return FinishTransaction(connection.get(), [&]() -> Status {
    ARROW_RETURN_NOT_OK(CreateInSchema(connection.get()));
    return fill ? fill(connection.get()) : Status::OK();
  });
}

}  // namespace millpond::ledger
