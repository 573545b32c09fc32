// libpq takes the URL apart; this file takes out what is ours before, and adds defaults after.
#include "ledger/postgres_address.h"

#include <unistd.h>

#include <array>
#include <cstdlib>
#include <map>
#include <optional>

#include "base/text.h"
#include "base/url.h"

namespace millpond::ledger {
namespace {

using Parameters = std::map<std::string, std::string, std::less<>>;

constexpr std::string_view kDefaultSchema = "public";
constexpr size_t kMaxIdentifier = 63;  // PostgreSQL cuts longer names.

// `name=value` of the query part, removed from the URL.
Result<std::optional<std::string>> TakeOption(std::string* url, std::string_view name) {
  const size_t query = url->find('?');
  if (query == url->npos) return std::nullopt;
  std::vector<std::string> kept;
  std::optional<std::string> found;
  for (const std::string& option : base::Split(url->substr(query + 1), '&')) {
    const size_t equals = option.find('=');
    if (equals == option.npos || option.substr(0, equals) != name) {
      kept.push_back(option);
      continue;
    }
    ARROW_ASSIGN_OR_RAISE(found, base::DecodePercent(option.substr(equals + 1)));
  }
  url->resize(query);
  if (!kept.empty()) *url += "?" + base::Join(kept, "&");
  return found;
}

Result<Parameters> Parse(const Libpq& libpq, const std::string& url) {
  char* message = nullptr;
  PQconninfoOption* options = libpq.parse_connection_info(url.c_str(), &message);
  if (options == nullptr) {
    std::string why = message == nullptr ? "no memory" : std::string(base::Trim(message));
    libpq.free_memory(message);
    // The parser repeats what it cannot read, which may be a part of a password.
    if (base::HasUrlPassword(url)) why = "its text is not shown, because it holds a password";
    return base::Invalid("the ledger's URL cannot be read: {}", why);
  }
  Parameters parameters;
  for (const PQconninfoOption* option = options; option->keyword != nullptr; ++option) {
    if (option->val != nullptr) parameters.emplace(option->keyword, option->val);
  }
  libpq.free_connection_info(options);
  return parameters;
}

std::string Environment(const char* name) {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nothing of ours changes the environment.
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// The URL's value, else what libpq would take from the environment.
std::string Effective(const Parameters& parameters, std::string_view name, const char* variable) {
  auto found = parameters.find(name);
  return found != parameters.end() ? found->second : Environment(variable);
}

bool IsThisMachine(const std::string& host) {
  return host.empty() || host.front() == '/' || host.front() == '@' || host == "localhost" ||
         host == "::1" || host.starts_with("127.");
}

bool AllOnThisMachine(const std::string& hosts) {
  for (const std::string& host : base::Split(hosts, ',')) {
    if (!IsThisMachine(host)) return false;
  }
  return true;
}

// The certificates of the public authorities, where the user has not chosen any.
std::string SystemCertificates() {
  const std::string home = Environment("HOME");
  if (!home.empty() && ::access((home + "/.postgresql/root.crt").c_str(), R_OK) == 0) return "";
  for (const char* bundle : {"/etc/ssl/certs/ca-certificates.crt",
                             "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"}) {
    if (::access(bundle, R_OK) == 0) return bundle;
  }
  return "";
}

void AddTls(Parameters* parameters) {
  const std::string hosts = Effective(*parameters, "host", "PGHOST");
  const std::string addresses = Effective(*parameters, "hostaddr", "PGHOSTADDR");
  const bool local = AllOnThisMachine(hosts) && AllOnThisMachine(addresses);
  // A service file may name another host, and has a say about TLS itself.
  const bool service = !Effective(*parameters, "service", "PGSERVICE").empty();
  if (Effective(*parameters, "sslmode", "PGSSLMODE").empty() && !local && !service) {
    parameters->insert_or_assign("sslmode", "verify-full");
  }
  const std::string mode = Effective(*parameters, "sslmode", "PGSSLMODE");
  if (mode.starts_with("verify-") &&
      Effective(*parameters, "sslrootcert", "PGSSLROOTCERT").empty()) {
    if (std::string bundle = SystemCertificates(); !bundle.empty()) {
      parameters->insert_or_assign("sslrootcert", bundle);
    }
  }
}

Status AddPassword(const std::optional<std::string>& variable, Parameters* parameters) {
  if (!variable) return Status::OK();
  if (parameters->contains("password")) {
    return base::Invalid("the ledger's URL has both a password and password_env; keep one");
  }
  const std::string value = Environment(variable->c_str());
  if (value.empty()) {
    return base::Invalid(
        "the ledger's URL says that its password is in the variable {}, which is not set",
        *variable);
  }
  parameters->insert_or_assign("password", value);
  return Status::OK();
}

Status CheckSchema(const std::string& schema) {
  if (schema.empty() || schema.size() > kMaxIdentifier || schema.find('\0') != schema.npos ||
      schema.starts_with("pg_")) {
    return base::Invalid(
        "'{}' cannot be the ledger's schema: a name has 1 to {} bytes and does not begin with pg_",
        schema, kMaxIdentifier);
  }
  return Status::OK();
}

std::string NameOf(const Parameters& parameters, const std::string& schema) {
  auto value = [&](std::string_view name, const char* variable) {
    return Effective(parameters, name, variable);
  };
  std::string name = "postgresql://";
  if (std::string user = value("user", "PGUSER"); !user.empty()) name += user + "@";
  std::string host = value("host", "PGHOST");
  if (host.empty()) host = value("hostaddr", "PGHOSTADDR");
  name += host;
  if (std::string port = value("port", "PGPORT"); !port.empty()) name += ":" + port;
  name += "/" + value("dbname", "PGDATABASE");
  if (schema != kDefaultSchema) name += "?schema=" + schema;
  return name;
}

}  // namespace

bool IsPostgresUrl(std::string_view url) {
  return url.starts_with("postgresql://") || url.starts_with("postgres://");
}

Result<PostgresAddress> ParsePostgresUrl(const Libpq& libpq, const std::string& url) {
  if (!IsPostgresUrl(url)) {
    return base::Invalid(
        "a ledger's URL begins with postgresql://, as in "
        "postgresql://user@host:5432/database");
  }
  std::string rest = url;
  ARROW_ASSIGN_OR_RAISE(auto schema, TakeOption(&rest, "schema"));
  ARROW_ASSIGN_OR_RAISE(auto password_variable, TakeOption(&rest, "password_env"));
  ARROW_ASSIGN_OR_RAISE(Parameters parameters, Parse(libpq, rest));
  PostgresAddress address;
  address.schema = schema.value_or(std::string(kDefaultSchema));
  ARROW_RETURN_NOT_OK(CheckSchema(address.schema));
  ARROW_RETURN_NOT_OK(AddPassword(password_variable, &parameters));
  AddTls(&parameters);
  address.name = NameOf(parameters, address.schema);
  const Parameters defaults = {
      {"application_name", "millpond"}, {"connect_timeout", "10"},
      {"keepalives_idle", "30"},        {"keepalives_interval", "10"},
      {"keepalives_count", "3"},        {"target_session_attrs", "read-write"},
      {"tcp_user_timeout", "30000"}};
  for (const auto& [keyword, value] : defaults) {
    if (keyword == "connect_timeout" && !Environment("PGCONNECT_TIMEOUT").empty()) continue;
    parameters.emplace(keyword, value);
  }
  parameters.insert_or_assign("client_encoding", "UTF8");
  address.parameters.assign(parameters.begin(), parameters.end());
  return address;
}

}  // namespace millpond::ledger
