// What PostgreSQL says when a statement fails, and which kind of ours that is.
#pragma once

#include <string>
#include <string_view>

#include "ledger/ledger.h"
#include "ledger/libpq.h"

namespace millpond::ledger {

struct PostgresFailure {
  std::string state;    ///< SQLSTATE; empty where the connection broke without one.
  std::string message;  ///< One line, in the server's language.
  bool lost = false;    ///< The connection is gone.

  /// Another transaction was in the way and this one did nothing: the same again may succeed.
  bool collided() const { return state == "40001" || state == "40P01"; }
};

/// Of a statement of no particular change. `name` is the ledger's, `doing` what was tried ("use").
Status StatusOf(const PostgresFailure& failure, std::string_view doing, const std::string& name,
                int busy_ms);

/// Of one change of a transaction: duplicates and dangling references have kinds of their own.
Status StatusOf(const PostgresFailure& failure, const Transaction::Change& change,
                const std::string& name, int busy_ms);

/// Of an attempt to connect that failed; libpq gives no SQLSTATE for it.
Status ConnectFailure(const Libpq& libpq, PGconn* connection, const std::string& name);

}  // namespace millpond::ledger
