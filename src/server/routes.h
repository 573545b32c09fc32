// Which handler answers a method and path: patterns of segments in which {x} matches one segment
// and hands it on.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/json.h"
#include "server/http.h"

namespace millpond::server {

/// What a pattern's {…} segments matched, in order.
using PathValues = std::vector<std::string>;
using RouteHandler = std::function<HttpResponse(const HttpRequest&, const PathValues&)>;

class Routes {
 public:
  /// `pattern`: "/v1/namespaces/{namespace}".
  void Add(std::string method, std::string_view pattern, RouteHandler handler);

  /// The handler of the first pattern that matches and the values it matched; nullptr where none
  /// does. `other_method`: true where the path is known under another method.
  const RouteHandler* Find(const HttpRequest& request, PathValues* values,
                           bool* other_method) const;

  /// "GET /v1/namespaces/{namespace}" for each, in the order they were added.
  std::vector<std::string> List() const;

 private:
  struct Route {
    std::string method, pattern;
    std::vector<std::string> segments;
    RouteHandler handler;
  };
  std::vector<Route> routes_;
};

/// A response with a JSON body.
HttpResponse JsonResponse(int status, const base::Json& body);

}  // namespace millpond::server
