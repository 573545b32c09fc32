// The server's life; see the header.
#include "server/serve.h"

#include <condition_variable>
#include <fstream>
#include <mutex>
#include <sstream>

#include "api/tokens.h"
#include "base/log.h"
#include "server/iceberg_routes.h"
#include "server/loopback.h"
#include "server/routes.h"

namespace millpond::server {
namespace {

using base::Json;

Result<std::string> ReadPem(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file) return base::NotFound("cannot read '{}'", path);
  if (text.str().find("-----BEGIN") == std::string::npos) {
    return base::Invalid("'{}' is not a PEM file", path);
  }
  return text.str();
}

Status CheckSafe(const ServeOptions& options) {
  if (IsLoopback(options.host)) return Status::OK();
  if (options.auth == AuthMode::kEverybody) {
    return base::Invalid("--no-auth on {} would let everybody in; use it on 127.0.0.1 only",
                         options.host);
  }
  if (options.key_file.empty()) {
    return base::Invalid(
        "tokens would cross the network in the clear on {}; give --tls-cert and --tls-key, or "
        "serve "
        "on 127.0.0.1 behind a proxy that ends TLS",
        options.host);
  }
  return Status::OK();
}

HttpResponse Answer(const Routes& routes, const HttpRequest& request) {
  PathValues values;
  bool other_method = false;
  const RouteHandler* handler = routes.Find(request, &values, &other_method);
  if (handler != nullptr) return (*handler)(request, values);
  const int code = other_method ? 405 : 404;
  const char* message = other_method ? "this path does not take that method" : "no such route";
  return JsonResponse(
      code, {{"error", {{"message", message}, {"type", "NotFoundException"}, {"code", code}}}});
}

bool HasBody(const HttpRequest& request) {
  const auto length = request.headers.find("content-length");
  return request.headers.contains("transfer-encoding") ||
         (length != request.headers.end() && length->second != "0");
}

// What is known to be refused before the body has come.
std::optional<HttpResponse> Refusal(const ServeOptions& options, const Authenticator& auth,
                                    const HttpRequest& request) {
  if (options.auth == AuthMode::kEverybody) {
    const auto why = ForeignTo(request);
    if (!why) return std::nullopt;
    return IcebergError(base::Denied("{}", *why));
  }
  return HasBody(request) ? RefusalOf(auth, request) : std::nullopt;
}

void WaitForStop(const base::Context& context) {
  std::mutex mutex;
  std::condition_variable_any stopped;
  std::unique_lock lock(mutex);
  stopped.wait(lock, context.stop, [&] { return context.stop.stop_requested(); });
}

}  // namespace

Status Serve(api::Pond& pond, const ServeOptions& options,
             const std::function<void(const ServerReady&)>& ready, const base::Context& context) {
  ARROW_RETURN_NOT_OK(CheckSafe(options));
  ServerReady told;
  if (options.auth == AuthMode::kOwnToken) told.token = api::NewTokenText();
  const Authenticator auth(pond, options.auth, told.token);
  Routes routes;
  AddIcebergRoutes(pond, context, auth, &routes);
  routes.Add("GET", "/healthz", [](const HttpRequest&, const PathValues&) {
    return JsonResponse(200, Json{{"status", "ok"}});
  });
  HttpOptions http;
  http.host = options.host;
  http.port = options.port;
  http.threads = options.threads;
  if (!options.certificate_file.empty()) {
    ARROW_ASSIGN_OR_RAISE(http.certificate, ReadPem(options.certificate_file));
  }
  if (!options.key_file.empty()) {
    ARROW_ASSIGN_OR_RAISE(http.key, ReadPem(options.key_file));
  }
  http.admit = [&](const HttpRequest& request) { return Refusal(options, auth, request); };
  ARROW_ASSIGN_OR_RAISE(auto server, HttpServer::Start(http, [&](const HttpRequest& request) {
                          return Answer(routes, request);
                        }));
  const bool v6 = options.host.find(':') != std::string::npos;
  told.url = fmt::format("{}://{}:{}", http.key.empty() ? "http" : "https",
                         v6 ? "[" + options.host + "]" : options.host, server->port());
  base::Log(base::LogLevel::kInfo, "serving", {{"url", told.url}, {"pond", pond.folder()}});
  ready(told);
  WaitForStop(context);
  return Status::OK();
}

}  // namespace millpond::server
