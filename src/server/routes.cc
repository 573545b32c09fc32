// Routing; see the header.
#include "server/routes.h"

#include "base/text.h"

namespace millpond::server {
namespace {

bool IsPlaceholder(const std::string& segment) { return segment.starts_with('{'); }

bool Matches(const std::vector<std::string>& pattern, const std::vector<std::string>& path,
             PathValues* values) {
  if (pattern.size() != path.size()) return false;
  values->clear();
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (IsPlaceholder(pattern[i])) {
      values->push_back(path[i]);
    } else if (pattern[i] != path[i]) {
      return false;
    }
  }
  return true;
}

}  // namespace

void Routes::Add(std::string method, std::string_view pattern, RouteHandler handler) {
  Route route{std::move(method), std::string(pattern), {}, std::move(handler)};
  for (const std::string& segment : base::Split(pattern, '/')) {
    if (!segment.empty()) route.segments.push_back(segment);
  }
  routes_.push_back(std::move(route));
}

const RouteHandler* Routes::Find(const HttpRequest& request, PathValues* values,
                                 bool* other_method) const {
  *other_method = false;
  for (const Route& route : routes_) {
    if (!Matches(route.segments, request.path, values)) continue;
    if (route.method == request.method) return &route.handler;
    *other_method = true;
  }
  return nullptr;
}

std::vector<std::string> Routes::List() const {
  std::vector<std::string> listed;
  for (const Route& route : routes_) listed.push_back(route.method + " " + route.pattern);
  return listed;
}

HttpResponse JsonResponse(int status, const base::Json& body) {
  return {.status = status,
          .body = body.dump(-1, ' ', false, base::Json::error_handler_t::replace),
          .headers = {{"Content-Type", "application/json"}}};
}

}  // namespace millpond::server
