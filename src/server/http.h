// An HTTP/1.1 server on a pool of threads (libmicrohttpd; TLS by GnuTLS), reduced to one function
// from a request to a response. Knows nothing of Millpond's verbs; the only file pair that knows
// libmicrohttpd. Bodies are bounded, idle connections are closed, handlers run in parallel.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"

namespace millpond::server {

struct HttpRequest {
  std::string method;                          ///< "GET", upper case.
  std::vector<std::string> path;               ///< Segments, percent-decoded: /v1/a%2Fb -> v1, a/b.
  std::map<std::string, std::string> query;    ///< Decoded; of a repeated name the last.
  std::map<std::string, std::string> headers;  ///< Names in lower case.
  std::string body;
};

struct HttpResponse {
  int status = 200;
  std::string body;
  std::map<std::string, std::string> headers;  ///< Content-Type, ETag…
};

using HttpHandler = std::function<HttpResponse(const HttpRequest&)>;

struct HttpOptions {
  std::string host = "127.0.0.1";
  int port = 0;  ///< 0: a free one.
  int threads = 4;
  int64_t body_limit = 64LL << 20;  ///< Bytes; larger requests get 413.
  int idle_seconds = 60;            ///< Then a silent connection is closed.
  std::string certificate, key;     ///< PEM text; both or neither (plain HTTP).
  /// Asked once the headers are there: an answer refuses the request, whose body is then not kept.
  std::function<std::optional<HttpResponse>(const HttpRequest&)> admit = {};
};

class HttpServer {
 public:
  /// Listens at once. kUnavailable where the address is taken or may not be used.
  static Result<std::unique_ptr<HttpServer>> Start(const HttpOptions& options, HttpHandler handler);
  /// Stops listening, lets the requests in progress end, and closes.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  int port() const;

 private:
  HttpServer();
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace millpond::server
