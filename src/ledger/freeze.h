// A ledger that has moved, or is about to, takes no more writes, from nobody: triggers of the
// database itself refuse them, so that neither an older process nor PyIceberg or Spark can write
// where nobody reads any more. Used by ledger_copy.cc.
#pragma once

#include <optional>
#include <string>

#include "ledger/sql_connection.h"

namespace millpond::ledger {

/// Where a frozen ledger goes or went; nothing for one that lives.
Result<std::optional<std::string>> FrozenFor(SqlConnection* connection);

/// kUnavailable for a frozen ledger, saying where to.
Status CheckNotFrozen(SqlConnection* connection);

/// Waits for the writers at work and refuses those that come later. Freezing again for the same
/// target is fine; for another one it is kConflict.
Status Freeze(SqlConnection* connection, const std::string& target);

/// The same within the caller's transaction, for a ledger that is not frozen.
Status FreezeWithin(SqlConnection* connection, const std::string& target);

/// Within the caller's transaction. Fine for a ledger that is not frozen.
Status Unfreeze(SqlConnection* connection);

}  // namespace millpond::ledger
