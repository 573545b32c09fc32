// The ledger's tables, one statement list per version; a new version is appended, never edited.
// Portable SQL: TEXT, BIGINT, DOUBLE PRECISION only, so that SQLite and PostgreSQL take the same
// text.
#pragma once

#include <span>
#include <string_view>

namespace millpond::ledger {

struct Migration {
  int version;
  std::span<const std::string_view> statements;
};

/// Holds one row: the version that the tables are at. Made with the ledger itself, before
/// version 1.
inline constexpr std::string_view kVersionTable =
    "CREATE TABLE ledger_version (version BIGINT NOT NULL)";

/// In rising order of version, from 1.
std::span<const Migration> Migrations();

}  // namespace millpond::ledger
