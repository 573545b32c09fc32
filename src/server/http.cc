// The HTTP server over libmicrohttpd; see the header. A request's upload arrives in pieces over
// several calls of OnRequest; `Exchange` holds it in between.
#include "server/http.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <exception>
#include <utility>

#include "base/log.h"
#include "base/text.h"

namespace millpond::server {
namespace {

constexpr int kPayloadTooLarge = 413;
// Bodies that are dropped may be this many times the limit, then the connection is closed.
constexpr size_t kDroppedLimits = 4;

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// `plus_is_space`: in queries, not in paths. A stray '%' stays as it is.
std::string Decode(std::string_view text, bool plus_is_space) {
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool escaped = text[i] == '%' && i + 2 < text.size() && HexDigit(text[i + 1]) >= 0 &&
                         HexDigit(text[i + 2]) >= 0;
    if (escaped) {
      decoded += static_cast<char>(HexDigit(text[i + 1]) * 16 + HexDigit(text[i + 2]));
      i += 2;
    } else {
      decoded += plus_is_space && text[i] == '+' ? ' ' : text[i];
    }
  }
  return decoded;
}

std::vector<std::string> SegmentsOf(std::string_view url) {
  std::vector<std::string> segments;
  for (const std::string& raw : base::Split(url, '/')) {
    if (!raw.empty()) segments.push_back(Decode(raw, false));
  }
  return segments;
}

/// One request while it arrives.
struct Exchange {
  HttpRequest request;
  std::optional<HttpResponse> refused;
  size_t dropped = 0;  // Bytes of a body that is not kept.
};

MHD_Result AddQuery(void* into, MHD_ValueKind, const char* key, const char* value) {
  auto& query = *static_cast<std::map<std::string, std::string>*>(into);
  query[Decode(key, true)] = value != nullptr ? Decode(value, true) : "";
  return MHD_YES;
}

MHD_Result AddHeader(void* into, MHD_ValueKind, const char* key, const char* value) {
  auto& headers = *static_cast<std::map<std::string, std::string>*>(into);
  headers[base::ToLower(key)] = value != nullptr ? value : "";
  return MHD_YES;
}

// Segments are decoded one by one later: a decoded '/' must not split one.
size_t LeaveEscaped(void*, MHD_Connection*, char* text) { return std::strlen(text); }

MHD_Result Send(MHD_Connection* connection, const HttpResponse& response) {
  MHD_Response* made = MHD_create_response_from_buffer(
      response.body.size(), const_cast<char*>(response.body.data()), MHD_RESPMEM_MUST_COPY);
  if (made == nullptr) return MHD_NO;
  for (const auto& [name, value] : response.headers) {
    MHD_add_response_header(made, name.c_str(), value.c_str());
  }
  const MHD_Result queued =
      MHD_queue_response(connection, static_cast<unsigned>(response.status), made);
  MHD_destroy_response(made);
  return queued;
}

Result<sockaddr_storage> AddressOf(const std::string& host, int port, bool* is_v6) {
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  const int error = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (error != 0) {
    return base::Invalid("cannot listen on '{}': {}", host, gai_strerror(error));
  }
  sockaddr_storage address{};
  std::memcpy(&address, found->ai_addr, found->ai_addrlen);
  *is_v6 = found->ai_family == AF_INET6;
  freeaddrinfo(found);
  return address;
}

}  // namespace

struct HttpServer::State {
  HttpOptions options;
  HttpHandler handler;
  MHD_Daemon* daemon = nullptr;

  HttpResponse TooLarge() const {
    return {.status = kPayloadTooLarge,
            .body = fmt::format("the request is larger than {} bytes\n", options.body_limit),
            .headers = {}};
  }

  void Admit(Exchange* exchange) const {
    if (!options.admit) return;
    bool decided = false;
    HttpResponse failure = Guarded(*exchange, [&] {
      exchange->refused = options.admit(exchange->request);
      decided = true;
      return HttpResponse{};
    });
    if (!decided) exchange->refused = std::move(failure);
  }

  HttpResponse Handle(const Exchange& exchange) const {
    if (exchange.refused) return *exchange.refused;
    return Guarded(exchange, [&] { return handler(exchange.request); });
  }

  template <class Work>
  static HttpResponse Guarded(const Exchange& exchange, Work work) {
    try {
      return work();
    } catch (const std::exception& error) {
      base::Log(base::LogLevel::kError, "a request failed",
                {{"method", exchange.request.method}, {"error", std::string(error.what())}});
      return {.status = 500, .body = "internal error\n", .headers = {}};
    }
  }

  static MHD_Result OnRequest(void* self, MHD_Connection* connection, const char* url,
                              const char* method, const char*, const char* upload,
                              size_t* upload_size, void** slot) {
    const auto& state = *static_cast<State*>(self);
    auto* exchange = static_cast<Exchange*>(*slot);
    if (exchange == nullptr) {  // Headers are there, the body is not.
      exchange = new Exchange();
      *slot = exchange;
      exchange->request.method = method;
      exchange->request.path = SegmentsOf(url);
      MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, AddQuery,
                                &exchange->request.query);
      MHD_get_connection_values(connection, MHD_HEADER_KIND, AddHeader, &exchange->request.headers);
      state.Admit(exchange);
      return MHD_YES;
    }
    if (*upload_size > 0) {
      std::string& body = exchange->request.body;
      const auto limit = static_cast<size_t>(state.options.body_limit);
      if (!exchange->refused && body.size() + *upload_size > limit) {
        exchange->refused = state.TooLarge();
        exchange->dropped = std::exchange(body, {}).size();
      }
      if (exchange->refused) {
        // Clients read an answer only after they sent it all; but not for ever.
        exchange->dropped += *upload_size;
        if (exchange->dropped > kDroppedLimits * limit) return MHD_NO;
      } else {
        body.append(upload, *upload_size);
      }
      *upload_size = 0;
      return MHD_YES;
    }
    return Send(connection, state.Handle(*exchange));
  }

  static void OnCompleted(void*, MHD_Connection*, void** slot, MHD_RequestTerminationCode) {
    delete static_cast<Exchange*>(*slot);
    *slot = nullptr;
  }
};

HttpServer::HttpServer() : state_(std::make_unique<State>()) {}

HttpServer::~HttpServer() {
  if (state_->daemon != nullptr) MHD_stop_daemon(state_->daemon);
}

int HttpServer::port() const {
  const MHD_DaemonInfo* info = MHD_get_daemon_info(state_->daemon, MHD_DAEMON_INFO_BIND_PORT);
  return info != nullptr ? info->port : 0;
}

Result<std::unique_ptr<HttpServer>> HttpServer::Start(const HttpOptions& options,
                                                      HttpHandler handler) {
  if (options.port < 0 || options.port > 65535) {
    return base::Invalid("{} is not a port; use 0 to 65535", options.port);
  }
  if (options.certificate.empty() != options.key.empty()) {
    return base::Invalid("TLS needs both a certificate and its key");
  }
  std::unique_ptr<HttpServer> server(new HttpServer());
  State& state = *server->state_;
  state.options = options;
  state.handler = std::move(handler);
  bool is_v6 = false;
  ARROW_ASSIGN_OR_RAISE(sockaddr_storage address, AddressOf(options.host, options.port, &is_v6));
  unsigned flags = MHD_USE_AUTO | MHD_USE_INTERNAL_POLLING_THREAD;
  if (is_v6) flags |= MHD_USE_IPv6;
  std::vector<MHD_OptionItem> tls;
  if (!options.key.empty()) {
    flags |= MHD_USE_TLS;
    tls.push_back({MHD_OPTION_HTTPS_MEM_CERT, 0, const_cast<char*>(options.certificate.c_str())});
    tls.push_back({MHD_OPTION_HTTPS_MEM_KEY, 0, const_cast<char*>(options.key.c_str())});
  }
  tls.push_back({MHD_OPTION_END, 0, nullptr});
  state.daemon = MHD_start_daemon(
      flags, static_cast<uint16_t>(options.port), nullptr, nullptr, &State::OnRequest, &state,
      MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_THREAD_POOL_SIZE,
      static_cast<unsigned>(std::max(2, options.threads)), MHD_OPTION_CONNECTION_TIMEOUT,
      static_cast<unsigned>(options.idle_seconds), MHD_OPTION_NOTIFY_COMPLETED, &State::OnCompleted,
      nullptr, MHD_OPTION_UNESCAPE_CALLBACK, &LeaveEscaped, nullptr, MHD_OPTION_ARRAY, tls.data(),
      MHD_OPTION_END);
  if (state.daemon == nullptr) {
    const char* why = options.key.empty() ? "is the address in use?"
                                          : "is the address in use, or the certificate not PEM?";
    return base::Unavailable("cannot listen on {} port {}: {} {}", options.host, options.port,
                             std::strerror(errno), why);
  }
  return server;
}

}  // namespace millpond::server
