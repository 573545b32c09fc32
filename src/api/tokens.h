// Access tokens: who may use the server, as hashes in the ledger. The text of a token is shown
// once, when it is made.
#pragma once

#include <optional>
#include <string>

#include "api/pond.h"
#include "base/json.h"
#include "query/gate.h"

namespace millpond::api {

/// A new random token ("mpt_" and 64 hex digits) that nothing knows yet.
std::string NewTokenText();

struct TokenRequest {
  std::string name;       ///< What the token is for; unique.
  std::string principal;  ///< Who acts with it; empty: the pond's author.
  int64_t days = 0;       ///< Until it expires; 0: never.
};

/// {"name", "principal", "expires", "token"}; kAlreadyExists.
Result<base::Json> CreateToken(Pond& pond, const TokenRequest& request);
/// {"tokens": [{"name", "principal", "created", "expires"}]}; never their text.
Result<base::Json> ListTokens(Pond& pond);
/// kNotFound.
Status RevokeToken(Pond& pond, const std::string& name);
/// Who acts with this token; nothing where it is unknown or has expired.
Result<std::optional<query::Principal>> PrincipalOfToken(Pond& pond, const std::string& token);
/// Whether there is any token at all.
Result<bool> HasTokens(Pond& pond);

}  // namespace millpond::api
