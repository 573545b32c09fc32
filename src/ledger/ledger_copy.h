// Whole ledgers: moving one between SQLite and PostgreSQL, backing one up while it is in use, and
// bringing a backup back. A backup is a SQLite ledger file, whatever it was made from. Each copy is
// one transaction of its target and is compared with its source row by row before that commits.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/context.h"
#include "ledger/open_ledger.h"

namespace millpond::ledger {

/// Table -> rows.
using CopyReport = std::map<std::string, int64_t>;

/// Stops all writes to `from` and brings its rows to `to`, which is made where it is missing, and
/// filled anew where it has itself been moved away. The caller then points the pond at `to`. What
/// fails leaves `from` writable again; what is killed is taken up by the same call, or undone by
/// AbandonMove. kAlreadyExists where `to` is another living ledger.
Result<CopyReport> MoveRows(const LedgerPlace& from, const LedgerPlace& to,
                            const base::Context& context);

/// Lets `from` be written again. kNotFound where it was not moving.
Status AbandonMove(const LedgerPlace& from);

/// Writes one consistent state to a new file; nobody waits. kAlreadyExists where the file is.
Result<CopyReport> BackUp(const LedgerPlace& from, const std::string& file,
                          const base::Context& context);

/// Replaces all rows of `to` by those of the backup, in one transaction that its users see as any
/// other. A ledger that is missing is made; a SQLite file that is no ledger any more is kept as
/// `<file>.damaged-<time>` and a new one made.
Result<CopyReport> Restore(const std::string& file, const LedgerPlace& to,
                           const base::Context& context);

}  // namespace millpond::ledger
