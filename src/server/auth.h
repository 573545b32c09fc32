// Who sends a request: bearer tokens (RFC 6750) against those of the pond's ledger, or one that
// lives as long as the server. Thread safe.
#pragma once

#include <optional>
#include <string>

#include "api/pond.h"
#include "query/gate.h"
#include "server/http.h"

namespace millpond::server {

enum class AuthMode {
  kTokens,     ///< Tokens of the ledger (`millpond token`).
  kOwnToken,   ///< One token made at start, for the person who started the server.
  kEverybody,  ///< No check: who can connect acts as the pond's author.
};

class Authenticator {
 public:
  /// `own_token`: of kOwnToken. `pond` outlives it.
  Authenticator(api::Pond& pond, AuthMode mode, std::string own_token)
      : pond_(pond), mode_(mode), own_token_(std::move(own_token)) {}

  /// Nothing where the request carries no valid token.
  Result<std::optional<query::Principal>> PrincipalOf(const HttpRequest& request) const;

 private:
  api::Pond& pond_;
  AuthMode mode_;
  std::string own_token_;
};

}  // namespace millpond::server
