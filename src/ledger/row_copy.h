// Copying and comparing the rows of two ledgers of one version, a page at a time, so that memory
// does not grow with them. Used by ledger_copy.cc.
#pragma once

#include "base/context.h"
#include "ledger/ledger_copy.h"

namespace millpond::ledger {

/// The tables of the latest version.
Result<std::vector<std::string>> LedgerTables();

/// Within a transaction of `to`, which replaces its rows by those of `from` and compares them; the
/// caller's transaction of `from` keeps that one still. kCorrupt names a table that differs.
Result<CopyReport> ReplaceRows(SqlConnection* from, SqlConnection* to,
                               const base::Context& context);

/// kConflict names the first table whose rows differ.
Result<CopyReport> CompareRows(SqlConnection* one, SqlConnection* other,
                               const base::Context& context);

}  // namespace millpond::ledger
