// A pond's ledger by its place: a SQLite file or a PostgreSQL URL. The one door for rooms above
// that do not care which it is. Copies of whole ledgers are in ledger_copy.h.
#pragma once

#include <memory>
#include <string>

#include "ledger/ledger.h"
#include "ledger/ledger_file.h"
#include "ledger/sqlite_ledger.h"

namespace millpond::ledger {

struct LedgerPlace {
  std::string url;  ///< "postgresql://…" (see ledger/postgres_address.h), or the path of a file.
  int busy_ms = 30000;  ///< How long to wait for another writer.
  int connections = 8;  ///< To PostgreSQL at once, of this process.
};

/// Opens or makes the ledger, as OpenSqliteLedger and OpenPostgresLedger say. kUnavailable for one
/// that was moved elsewhere.
Result<std::shared_ptr<Ledger>> OpenLedger(const LedgerPlace& place, OpenMode mode);

/// "sqlite" or "postgresql".
std::string KindOf(const LedgerPlace& place);

/// The file, or the URL without its password and options: for people.
Result<std::string> NameOf(const LedgerPlace& place);

/// One connection to a ledger that exists, brought to the latest version.
Result<std::unique_ptr<SqlConnection>> ConnectLedger(const LedgerPlace& place);

/// Makes a ledger and fills it in one transaction; kAlreadyExists where one is.
Status CreateLedger(const LedgerPlace& place, const LedgerFiller& fill);

}  // namespace millpond::ledger
