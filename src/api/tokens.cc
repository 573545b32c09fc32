// Access tokens; see the header.
#include "api/tokens.h"

#include "base/hash.h"
#include "base/random_id.h"
#include "base/text.h"
#include "base/time.h"

namespace millpond::api {
namespace {

using base::Json;
using ledger::Compare;

constexpr const char* kTable = "access_token";
constexpr int64_t kDayMs = 86'400'000;
constexpr int64_t kDaysMax = 36'500;

Json TokenJson(const std::string& name, const std::string& principal, int64_t created,
               const std::optional<int64_t>& expires) {
  return {{"name", name},
          {"principal", principal},
          {"created", base::FormatUtc(created)},
          {"expires", expires ? Json(base::FormatUtc(*expires)) : Json(nullptr)}};
}

}  // namespace

std::string NewTokenText() { return "mpt_" + base::NewSecret(); }

Result<Json> CreateToken(Pond& pond, const TokenRequest& request) {
  ARROW_RETURN_NOT_OK(base::CheckName(request.name, "token name"));
  if (request.days < 0 || request.days > kDaysMax) {
    return base::Invalid("a token expires in 1 to {} days, or never (0)", kDaysMax);
  }
  const std::string text = NewTokenText();
  const std::string principal = request.principal.empty() ? pond.author() : request.principal;
  const int64_t now = base::NowMs();
  std::optional<int64_t> expires;
  if (request.days > 0) expires = now + request.days * kDayMs;
  ledger::Transaction transaction;
  transaction.Insert(kTable,
                     {{"name", request.name},
                      {"sha256", base::Sha256Hex(text)},
                      {"principal", principal},
                      {"created_ms", now},
                      {"expires_ms", expires ? ledger::Value(*expires) : ledger::Value()}},
                     fmt::format("there is a token '{}' already; revoke it first or choose another "
                                 "name",
                                 request.name));
  ARROW_RETURN_NOT_OK(pond.ledger().Apply(transaction));
  Json report = TokenJson(request.name, principal, now, expires);
  report["token"] = text;
  return report;
}

Result<Json> ListTokens(Pond& pond) {
  ARROW_ASSIGN_OR_RAISE(auto rows,
                        pond.ledger().Select({.table = kTable, .order_by = {{"name", false}}}));
  Json tokens = Json::array();
  for (const auto& row : rows) {
    ARROW_ASSIGN_OR_RAISE(const auto name, ledger::TextOf(row, "name"));
    ARROW_ASSIGN_OR_RAISE(const auto principal, ledger::TextOf(row, "principal"));
    ARROW_ASSIGN_OR_RAISE(const auto created, ledger::IntOf(row, "created_ms"));
    ARROW_ASSIGN_OR_RAISE(const auto expires, ledger::OptionalIntOf(row, "expires_ms"));
    tokens.push_back(TokenJson(name, principal, created, expires));
  }
  return Json{{"tokens", std::move(tokens)}};
}

Status RevokeToken(Pond& pond, const std::string& name) {
  ledger::Transaction transaction;
  transaction.Delete(kTable, {{"name", Compare::kEqual, name}}, 1, "no token '" + name + "'");
  const Status status = pond.ledger().Apply(transaction);
  const bool absent = base::KindOf(status) == base::ErrorKind::kConflict;
  return !status.ok() && absent ? base::WithKind(base::ErrorKind::kNotFound, status) : status;
}

Result<std::optional<query::Principal>> PrincipalOfToken(Pond& pond, const std::string& token) {
  ARROW_ASSIGN_OR_RAISE(
      auto rows,
      pond.ledger().Select(
          {.table = kTable, .where = {{"sha256", Compare::kEqual, base::Sha256Hex(token)}}}));
  if (rows.empty()) return std::nullopt;
  ARROW_ASSIGN_OR_RAISE(const auto expires, ledger::OptionalIntOf(rows[0], "expires_ms"));
  if (expires && *expires <= base::NowMs()) return std::nullopt;
  ARROW_ASSIGN_OR_RAISE(std::string principal, ledger::TextOf(rows[0], "principal"));
  return query::Principal{std::move(principal), {}};
}

Result<bool> HasTokens(Pond& pond) {
  ARROW_ASSIGN_OR_RAISE(auto rows, pond.ledger().Select({.table = kTable, .limit = 1}));
  return !rows.empty();
}

}  // namespace millpond::api
