// How the file of a SQLite ledger comes to be: built aside as `<path>.new-<uuid>`, named when it is
// whole. Creators share a lock (flock) on the folder, so that what a dead one left is told from
// what a living one builds. Used by sqlite_ledger.cc.
#pragma once

#include <functional>
#include <string>

#include "ledger/sql_connection.h"

namespace millpond::ledger {

/// Puts rows into a ledger that has just got its tables, in the transaction that makes them.
using LedgerFiller = std::function<Status(SqlConnection*)>;

/// kAlreadyExists where `path` is taken; then, and on any failure, nothing is left behind. `fill`
/// may be empty.
Status CreateLedgerFile(const std::string& path, int busy_ms, const LedgerFiller& fill = {});

/// Removes what creators that died left beside `path`; leaves all of it alone while one lives. What
/// cannot be removed is left to the next call.
void RemoveAbandonedLedgers(const std::string& path);

}  // namespace millpond::ledger
