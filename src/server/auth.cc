// Authentication; see the header.
#include "server/auth.h"

#include "api/tokens.h"
#include "base/hash.h"
#include "base/text.h"

namespace millpond::server {
namespace {

std::optional<std::string> BearerOf(const HttpRequest& request) {
  constexpr std::string_view kScheme = "bearer ";
  const auto header = request.headers.find("authorization");
  if (header == request.headers.end()) return std::nullopt;
  const std::string& value = header->second;
  if (base::ToLower(value.substr(0, kScheme.size())) != kScheme) return std::nullopt;
  return std::string(base::Trim(value.substr(kScheme.size())));
}

}  // namespace

Result<std::optional<query::Principal>> Authenticator::PrincipalOf(
    const HttpRequest& request) const {
  const query::Principal author{pond_.author(), {}};
  if (mode_ == AuthMode::kEverybody) return author;
  const auto token = BearerOf(request);
  if (!token) return std::nullopt;
  // Hashes are compared, so that the time it takes says nothing about the token.
  if (mode_ == AuthMode::kOwnToken) {
    if (base::Sha256Hex(*token) != base::Sha256Hex(own_token_)) return std::nullopt;
    return author;
  }
  return api::PrincipalOfToken(pond_, *token);
}

}  // namespace millpond::server
