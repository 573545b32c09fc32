// Routes of the Iceberg REST catalog; see the header.
#include "server/iceberg_routes.h"

#include <algorithm>

#include "api/rest_catalog.h"
#include "base/hash.h"
#include "base/text.h"

namespace millpond::server {
namespace {

using api::CatalogCaller;
using api::CatalogName;
using api::Levels;
using base::Json;

constexpr char kLevelSeparator = '\x1f';
constexpr int64_t kPageMax = 10'000;

Levels LevelsIn(const std::string& text) { return base::Split(text, kLevelSeparator); }

// Clients send null for what they leave open: every reader then sees one form of absence.
void EraseNulls(Json* value) {
  if (value->is_array()) {
    for (Json& item : *value) EraseNulls(&item);
  }
  if (!value->is_object()) return;
  for (auto item = value->begin(); item != value->end();) {
    if (item->is_null()) {
      item = value->erase(item);
    } else {
      EraseNulls(&*item);
      ++item;
    }
  }
}

Result<Json> BodyOf(const HttpRequest& request) {
  ARROW_ASSIGN_OR_RAISE(Json body, base::ParseJson(request.body, "request body"));
  if (!body.is_object()) return base::Invalid("the request body is not a JSON object");
  EraseNulls(&body);
  return body;
}

// One page of the list at `key`: the token is how many were given before.
Result<Json> PageOf(Json report, const char* key, const HttpRequest& request) {
  const auto size = request.query.find("pageSize");
  const auto token = request.query.find("pageToken");
  if (size == request.query.end() && token == request.query.end()) return report;
  int64_t count = kPageMax, begin = 0;
  try {
    if (size != request.query.end()) count = std::stoll(size->second);
    if (token != request.query.end() && !token->second.empty()) begin = std::stoll(token->second);
  } catch (const std::exception&) {
    return base::Invalid("pageSize and pageToken are numbers that a page before named");
  }
  if (count < 1 || begin < 0) return base::Invalid("pageSize is at least 1");
  const auto total = static_cast<int64_t>(report[key].size());
  const int64_t end = std::min(total, begin + std::min(count, kPageMax));
  Json page = Json::array();
  for (int64_t i = begin; i < end; ++i) page.push_back(report[key][static_cast<size_t>(i)]);
  report[key] = std::move(page);
  report["next-page-token"] = end < total ? Json(std::to_string(end)) : Json(nullptr);
  return report;
}

// Clients tell some failures apart by the Java exception that the reference server names.
const char* TypeOf(const Status& status) {
  const std::string& message = status.message();
  switch (base::KindOf(status)) {
    case base::ErrorKind::kNotFound:
      if (message.starts_with("Namespace")) return "NoSuchNamespaceException";
      if (message.starts_with("View")) return "NoSuchViewException";
      return "NoSuchTableException";
    case base::ErrorKind::kAlreadyExists:
      return "AlreadyExistsException";
    case base::ErrorKind::kConflict:
      if (message.starts_with("Namespace")) return "NamespaceNotEmptyException";
      return "CommitFailedException";
    case base::ErrorKind::kDenied:
      return "ForbiddenException";
    case base::ErrorKind::kUnavailable:
    case base::ErrorKind::kCancelled:
      return "ServiceUnavailableException";
    case base::ErrorKind::kInvalid:
      if (message.starts_with("Invalid view version")) return "IllegalArgumentException";
      return "BadRequestException";
    default:
      return "ServiceFailureException";
  }
}

HttpResponse ErrorBody(int code, const char* type, const std::string& message) {
  return JsonResponse(code, {{"error", {{"message", message}, {"type", type}, {"code", code}}}});
}

HttpResponse Unauthorized() {
  HttpResponse response = ErrorBody(401, "NotAuthorizedException",
                                    "a valid bearer token is needed; see `millpond token`");
  response.headers["WWW-Authenticate"] = "Bearer";
  return response;
}

/// Registers routes whose handlers are functions of the caller, turning outcomes into responses.
class Registrar {
 public:
  Registrar(api::Pond& pond, const base::Context& context, const Authenticator& auth,
            Routes* routes)
      : pond_(pond), context_(context), auth_(auth), routes_(routes) {}

  using Answer = std::function<Result<Json>(CatalogCaller&, const HttpRequest&, const PathValues&)>;
  using Deed = std::function<Status(CatalogCaller&, const HttpRequest&, const PathValues&)>;

  /// Answers 200 with the report.
  void Get(const char* method, const char* pattern, Answer answer) {
    Add(method, pattern, [answer = std::move(answer)](auto& caller, auto& request, auto& values) {
      auto report = answer(caller, request, values);
      if (!report.ok()) return IcebergError(report.status());
      return WithTag(request, JsonResponse(200, *report), *report);
    });
  }

  /// Answers 204 without a body.
  void Do(const char* method, const char* pattern, Deed deed) {
    Add(method, pattern, [deed = std::move(deed)](auto& caller, auto& request, auto& values) {
      const Status status = deed(caller, request, values);
      return status.ok() ? HttpResponse{.status = 204, .body = "", .headers = {}}
                         : IcebergError(status);
    });
  }

 private:
  using Respond =
      std::function<HttpResponse(CatalogCaller&, const HttpRequest&, const PathValues&)>;

  void Add(const char* method, const char* pattern, Respond respond) {
    routes_->Add(method, pattern,
                 [this_ = *this, respond = std::move(respond)](const HttpRequest& request,
                                                               const PathValues& values) {
                   auto principal = this_.auth_.PrincipalOf(request);
                   if (!principal.ok()) return IcebergError(principal.status());
                   if (!*principal) return Unauthorized();
                   CatalogCaller caller{this_.pond_, **principal, this_.context_};
                   try {
                     return respond(caller, request, values);
                   } catch (const Json::exception& error) {
                     return IcebergError(base::Invalid("malformed request: {}", error.what()));
                   }
                 });
  }

  // A table that the client has already is not sent again.
  static HttpResponse WithTag(const HttpRequest& request, HttpResponse response,
                              const Json& report) {
    const auto location = report.find("metadata-location");
    if (request.method != "GET" || location == report.end()) return response;
    const auto refs = request.query.find("snapshots");
    const std::string key = location->get<std::string>() +
                            (refs != request.query.end() ? "#" + refs->second : std::string());
    const std::string tag = "\"" + base::Hash128Hex(key) + "\"";
    const auto known = request.headers.find("if-none-match");
    if (known != request.headers.end() && known->second == tag) {
      return {.status = 304, .body = "", .headers = {{"ETag", tag}}};
    }
    response.headers["ETag"] = tag;
    return response;
  }

  api::Pond& pond_;
  const base::Context& context_;
  const Authenticator& auth_;
  Routes* routes_;
};

void AddNamespaces(Registrar& add) {
  add.Get("GET", "/v1/namespaces", [](auto& caller, auto& request, auto&) -> Result<Json> {
    const auto parent = request.query.find("parent");
    const bool inner = parent != request.query.end() && !parent->second.empty();
    ARROW_ASSIGN_OR_RAISE(Json report,
                          api::ListNamespaces(caller, inner ? LevelsIn(parent->second) : Levels{}));
    return PageOf(std::move(report), "namespaces", request);
  });
  add.Get("POST", "/v1/namespaces", [](auto& caller, auto& request, auto&) -> Result<Json> {
    ARROW_ASSIGN_OR_RAISE(const Json body, BodyOf(request));
    return api::CreateNamespace(caller, body);
  });
  add.Get("GET", "/v1/namespaces/{namespace}", [](auto& caller, auto&, auto& values) {
    return api::LoadNamespace(caller, LevelsIn(values[0]));
  });
  add.Do("HEAD", "/v1/namespaces/{namespace}", [](auto& caller, auto&, auto& values) {
    return api::LoadNamespace(caller, LevelsIn(values[0])).status();
  });
  add.Do("DELETE", "/v1/namespaces/{namespace}", [](auto& caller, auto&, auto& values) {
    return api::DropNamespace(caller, LevelsIn(values[0]));
  });
  add.Get("POST", "/v1/namespaces/{namespace}/properties",
          [](auto& caller, auto& request, auto& values) -> Result<Json> {
            ARROW_ASSIGN_OR_RAISE(const Json body, BodyOf(request));
            return api::UpdateNamespace(caller, LevelsIn(values[0]), body);
          });
}

CatalogName NameOf(const PathValues& values) { return {LevelsIn(values[0]), values[1]}; }

void AddTables(Registrar& add) {
  add.Get("GET", "/v1/namespaces/{namespace}/tables",
          [](auto& caller, auto& request, auto& values) -> Result<Json> {
            ARROW_ASSIGN_OR_RAISE(Json report, api::ListCatalogTables(caller, LevelsIn(values[0])));
            return PageOf(std::move(report), "identifiers", request);
          });
  add.Get("POST", "/v1/namespaces/{namespace}/tables",
          [](auto& caller, auto& request, auto& values) -> Result<Json> {
            ARROW_ASSIGN_OR_RAISE(const Json body, BodyOf(request));
            return api::CreateCatalogTable(caller, LevelsIn(values[0]), body);
          });
  add.Get("POST", "/v1/namespaces/{namespace}/register",
          [](auto& caller, auto& request, auto& values) -> Result<Json> {
            ARROW_ASSIGN_OR_RAISE(const Json body, BodyOf(request));
            return api::RegisterCatalogTable(caller, LevelsIn(values[0]), body);
          });
  add.Get("GET", "/v1/namespaces/{namespace}/tables/{table}",
          [](auto& caller, auto& request, auto& values) {
            const auto which = request.query.find("snapshots");
            const bool refs = which != request.query.end() && which->second == "refs";
            return api::LoadCatalogTable(caller, NameOf(values), refs);
          });
  add.Do("HEAD", "/v1/namespaces/{namespace}/tables/{table}",
         [](auto& caller, auto&, auto& values) {
           return api::LoadCatalogTable(caller, NameOf(values), true).status();
         });
  add.Get("POST", "/v1/namespaces/{namespace}/tables/{table}",
          [](auto& caller, auto& request, auto& values) -> Result<Json> {
            ARROW_ASSIGN_OR_RAISE(const Json body, BodyOf(request));
            return api::CommitCatalogTable(caller, NameOf(values), body);
          });
  add.Do("DELETE", "/v1/namespaces/{namespace}/tables/{table}",
         [](auto& caller, auto&, auto& values) {
           return api::DropCatalogTable(caller, NameOf(values));
         });
  // Clients report how their scans went; nothing here needs it yet, and the protocol wants a yes.
  add.Do("POST", "/v1/namespaces/{namespace}/tables/{table}/metrics",
         [](auto&, auto&, auto&) { return Status::OK(); });
  add.Do("POST", "/v1/tables/rename", [](auto& caller, auto& request, auto&) -> Status {
    ARROW_ASSIGN_OR_RAISE(const Json body, BodyOf(request));
    return api::RenameCatalogTable(caller, body);
  });
  add.Do("POST", "/v1/transactions/commit", [](auto& caller, auto& request, auto&) -> Status {
    ARROW_ASSIGN_OR_RAISE(const Json body, BodyOf(request));
    return api::CommitCatalogTables(caller, body);
  });
}

void AddViews(Registrar& add) {
  add.Get("GET", "/v1/namespaces/{namespace}/views",
          [](auto& caller, auto& request, auto& values) -> Result<Json> {
            ARROW_ASSIGN_OR_RAISE(Json report, api::ListCatalogViews(caller, LevelsIn(values[0])));
            return PageOf(std::move(report), "identifiers", request);
          });
  add.Get("POST", "/v1/namespaces/{namespace}/views",
          [](auto& caller, auto& request, auto& values) -> Result<Json> {
            ARROW_ASSIGN_OR_RAISE(const Json body, BodyOf(request));
            return api::CreateCatalogView(caller, LevelsIn(values[0]), body);
          });
  add.Get("POST", "/v1/namespaces/{namespace}/register-view",
          [](auto& caller, auto& request, auto& values) -> Result<Json> {
            ARROW_ASSIGN_OR_RAISE(const Json body, BodyOf(request));
            return api::RegisterCatalogView(caller, LevelsIn(values[0]), body);
          });
  add.Get("GET", "/v1/namespaces/{namespace}/views/{view}", [](auto& caller, auto&, auto& values) {
    return api::LoadCatalogView(caller, NameOf(values));
  });
  add.Do("HEAD", "/v1/namespaces/{namespace}/views/{view}", [](auto& caller, auto&, auto& values) {
    return api::LoadCatalogView(caller, NameOf(values)).status();
  });
  add.Get("POST", "/v1/namespaces/{namespace}/views/{view}",
          [](auto& caller, auto& request, auto& values) -> Result<Json> {
            ARROW_ASSIGN_OR_RAISE(const Json body, BodyOf(request));
            return api::ReplaceCatalogView(caller, NameOf(values), body);
          });
  add.Do("DELETE", "/v1/namespaces/{namespace}/views/{view}",
         [](auto& caller, auto&, auto& values) {
           return api::DropCatalogView(caller, NameOf(values));
         });
  add.Do("POST", "/v1/views/rename", [](auto& caller, auto& request, auto&) -> Status {
    ARROW_ASSIGN_OR_RAISE(const Json body, BodyOf(request));
    return api::RenameCatalogView(caller, body);
  });
}

}  // namespace

HttpResponse IcebergError(const Status& status) {
  int code = base::InfoOf(base::KindOf(status)).http_status;
  if (base::KindOf(status) == base::ErrorKind::kCancelled) code = 503;  // The server is stopping.
  return ErrorBody(code, TypeOf(status), status.message());
}

std::optional<HttpResponse> RefusalOf(const Authenticator& auth, const HttpRequest& request) {
  auto principal = auth.PrincipalOf(request);
  if (!principal.ok()) return IcebergError(principal.status());
  return *principal ? std::nullopt : std::optional(Unauthorized());
}

void AddIcebergRoutes(api::Pond& pond, const base::Context& context, const Authenticator& auth,
                      Routes* routes) {
  Registrar add(pond, context, auth, routes);
  AddNamespaces(add);
  AddTables(add);
  AddViews(add);
  std::vector<std::string> endpoints;
  for (std::string& route : routes->List()) {
    // The protocol's names of its routes have a prefix that a catalog may leave empty.
    const size_t at = route.find(" /v1/");
    if (at != std::string::npos) endpoints.push_back(route.insert(at + 4, "/{prefix}"));
  }
  add.Get("GET", "/v1/config", [endpoints](auto&, auto&, auto&) -> Result<Json> {
    return Json{
        {"defaults", Json::object()}, {"overrides", Json::object()}, {"endpoints", endpoints}};
  });
}

}  // namespace millpond::server
