// Which names and addresses mean this machine alone, and which requests a server without tokens may
// answer: a web page that the user visits can reach 127.0.0.1 too. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "server/http.h"

namespace millpond::server {

/// "localhost", an address in 127.0.0.0/8, "::1" (also as "[::1]"), or an IPv4 one within IPv6; no
/// name that only begins like one of these.
bool IsLoopback(std::string_view host);

/// Why a server that lets everybody in on loopback must not answer: the request was addressed to
/// another name (a page whose name was made to resolve to this machine), or a browser sent it for a
/// page. nullopt: it may.
std::optional<std::string> ForeignTo(const HttpRequest& request);

}  // namespace millpond::server
