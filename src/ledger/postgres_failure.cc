// SQLSTATEs (PostgreSQL's manual, appendix A) by their class, the exceptions first.
#include "ledger/postgres_failure.h"

#include <array>
#include <utility>

#include "base/text.h"

namespace millpond::ledger {
namespace {

using base::ErrorKind;

struct StateKind {
  std::string_view prefix;
  ErrorKind kind;
  std::string_view advice;
};

constexpr std::string_view kTryAgain = "; try again";

// The first row whose prefix fits.
constexpr std::array kStates = {
    StateKind{"25006", ErrorKind::kUnavailable, "; the server only reads: is it a standby?"},
    StateKind{"25P03", ErrorKind::kUnavailable, kTryAgain},
    StateKind{"28", ErrorKind::kDenied, "; check user and password of the ledger's URL"},
    StateKind{"3D", ErrorKind::kNotFound, "; make the database first (createdb)"},
    StateKind{"3F", ErrorKind::kNotFound, "; is the URL's schema the right one?"},
    StateKind{"42501", ErrorKind::kDenied, "; grant the user USAGE and CREATE on the schema"},
    StateKind{"53300", ErrorKind::kUnavailable,
              "; lower the setting ledger.connections or raise the server's max_connections"},
    StateKind{"53", ErrorKind::kExhausted, "; free space on the server and try again"},
    StateKind{"54", ErrorKind::kInvalid, ""},
    StateKind{"57", ErrorKind::kUnavailable, kTryAgain},
    StateKind{"58", ErrorKind::kUnavailable, "; see the server's log"},
    StateKind{"08", ErrorKind::kUnavailable, kTryAgain},
    StateKind{"22", ErrorKind::kInvalid, ""},
    StateKind{"23", ErrorKind::kInvalid, ""},
    StateKind{"40", ErrorKind::kConflict, kTryAgain},
    StateKind{"P0001", ErrorKind::kUnavailable, ""},  // RAISE: see freeze.h.
    StateKind{"XX00", ErrorKind::kCorrupt, "; restore it from a backup"},
};

}  // namespace

Status StatusOf(const PostgresFailure& failure, std::string_view doing, const std::string& name,
                int busy_ms) {
  if (failure.state == "55P03") {
    return base::Unavailable(
        "the ledger {} was locked by another writer for more than {} ms; try again, or raise the "
        "setting ledger.busy_ms",
        name, busy_ms);
  }
  // XX000 is any internal error of the server; XX001 and XX002 are damage.
  if (failure.state != "XX000") {
    for (const StateKind& state : kStates) {
      if (!failure.state.starts_with(state.prefix)) continue;
      return base::MakeError(state.kind, fmt::format("{} the ledger {}: {}{}", doing, name,
                                                     failure.message, state.advice));
    }
  }
  if (failure.lost) {
    return base::Unavailable("{} the ledger {}: the connection was lost ({}); try again", doing,
                             name, failure.message);
  }
  return base::Internal("{} the ledger {}: {} [{}]", doing, name, failure.message, failure.state);
}

Status StatusOf(const PostgresFailure& failure, const Transaction::Change& change,
                const std::string& name, int busy_ms) {
  if (failure.state == "23505") {
    if (!change.conflict_message.empty()) return base::AlreadyExists("{}", change.conflict_message);
    return base::AlreadyExists("'{}' has such a row already ({})", change.table, failure.message);
  }
  if (failure.state == "23503") {
    if (change.kind == Transaction::Kind::kDelete) {
      return base::Conflict("rows of '{}' are still referred to; remove what uses them first",
                            change.table);
    }
    return base::NotFound("a row for '{}' refers to one that does not exist", change.table);
  }
  return StatusOf(failure, fmt::format("write '{}' of", change.table), name, busy_ms);
}

Status ConnectFailure(const Libpq& libpq, PGconn* connection, const std::string& name) {
  const char* text = libpq.error_message(connection);
  std::string message(base::Trim(text == nullptr ? "no memory" : text));
  for (char& c : message) {
    if (c == '\n') c = ' ';
  }
  auto says = [&](std::string_view part) { return message.find(part) != message.npos; };
  if (libpq.needs_password(connection) != 0) {
    return base::Denied(
        "connect to the ledger {}: the server asks for a password. Put it into PGPASSWORD, a "
        "passfile (~/.pgpass), or a variable that the URL names with ?password_env=NAME",
        name);
  }
  if (says("database \"") && says("does not exist")) {
    return base::NotFound("connect to the ledger {}: {}; make the database first (createdb)", name,
                          message);
  }
  if (says("certificate") || says("SSL error") || says("does not support SSL")) {
    return base::Denied(
        "connect to the ledger {}: {}. The server's certificate is verified unless the host is "
        "this machine: name the authority's file with ?sslrootcert=FILE, or choose a weaker "
        "?sslmode= where the network is trusted",
        name, message);
  }
  if (says("authentication failed") || says("no pg_hba.conf entry") ||
      says("pg_hba.conf rejects") || (says("role \"") && says("does not exist"))) {
    return base::Denied("connect to the ledger {}: {}; check user and password", name, message);
  }
  return base::Unavailable("connect to the ledger {}: {}; is the server running?", name, message);
}

}  // namespace millpond::ledger
