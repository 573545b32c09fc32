// Runs the server of a pond until it is asked to stop. Called by the command line.
#pragma once

#include <functional>
#include <string>

#include "api/pond.h"
#include "base/context.h"
#include "server/auth.h"

namespace millpond::server {

struct ServeOptions {
  std::string host = "127.0.0.1";
  int port = 8640;  ///< 0: a free one.
  int threads = 4;
  AuthMode auth = AuthMode::kTokens;
  std::string certificate_file, key_file;  ///< PEM; both or neither.
};

/// What a person or program needs to connect.
struct ServerReady {
  std::string url;    ///< "http://127.0.0.1:8640"
  std::string token;  ///< Of AuthMode::kOwnToken; else empty.
};

/// Serves until `context.stop`; calls `ready` once requests are answered. kInvalid: no check of who
/// asks on an address that others reach; plain HTTP there is refused too.
Status Serve(api::Pond& pond, const ServeOptions& options,
             const std::function<void(const ServerReady&)>& ready, const base::Context& context);

}  // namespace millpond::server
