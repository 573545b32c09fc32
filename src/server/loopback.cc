// See the header.
#include "server/loopback.h"

#include <arpa/inet.h>

#include "base/text.h"

namespace millpond::server {
namespace {

constexpr unsigned char kLoopbackNet = 127;

// "name", "name:80", "[::1]:80" without the port.
std::string HostIn(std::string_view authority) {
  if (authority.starts_with('[')) return std::string(authority.substr(0, authority.find(']') + 1));
  return std::string(authority.substr(0, authority.find(':')));
}

}  // namespace

bool IsLoopback(std::string_view host) {
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  const std::string text(host);
  if (base::ToLower(text) == "localhost") return true;
  in_addr v4{};
  if (inet_pton(AF_INET, text.c_str(), &v4) == 1) {
    return (ntohl(v4.s_addr) >> 24) == kLoopbackNet;
  }
  in6_addr v6{};
  if (inet_pton(AF_INET6, text.c_str(), &v6) != 1) return false;
  if (IN6_IS_ADDR_LOOPBACK(&v6)) return true;
  return IN6_IS_ADDR_V4MAPPED(&v6) && v6.s6_addr[12] == kLoopbackNet;
}

std::optional<std::string> ForeignTo(const HttpRequest& request) {
  if (const auto origin = request.headers.find("origin"); origin != request.headers.end()) {
    return fmt::format(
        "a browser asks for {}, and a server without tokens answers no web page; leave --no-auth "
        "out",
        origin->second);
  }
  const auto host = request.headers.find("host");
  const std::string name = host == request.headers.end() ? "" : HostIn(host->second);
  if (IsLoopback(name)) return std::nullopt;
  return fmt::format(
      "the request is for '{}', and a server without tokens answers to localhost and 127.0.0.1 "
      "only; "
      "leave --no-auth out",
      name);
}

}  // namespace millpond::server
