// Changes and queries as SQL text with bound values. Portable: SQLite and PostgreSQL take the same
// text ($1, $2… are placeholders of both; both know ON CONFLICT, NULLS FIRST). Called by the
// ledgers; pure.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "ledger/ledger.h"

namespace millpond::ledger {

/// Identifiers are quoted, values are only ever bound.
struct SqlText {
  std::string text;
  std::vector<Value> values;
};

/// `primary_key` is needed for an upsert only. Refuses as kInvalid: an insert or update of nothing,
/// an upsert without its whole key, text with NUL bytes or invalid UTF-8, NaN (which SQLite would
/// turn into NULL).
Result<SqlText> SqlOf(const Transaction::Change& change, std::span<const std::string> primary_key);

Result<SqlText> SqlOf(const Query& query);

}  // namespace millpond::ledger
