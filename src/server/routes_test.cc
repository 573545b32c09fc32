#include "server/routes.h"

#include <gtest/gtest.h>

namespace millpond::server {
namespace {

HttpRequest Request(std::string method, std::vector<std::string> path) {
  HttpRequest request;
  request.method = std::move(method);
  request.path = std::move(path);
  return request;
}

TEST(Routes, MatchSegmentBySegment) {
  Routes routes;
  routes.Add("GET", "/v1/namespaces/{namespace}", [](const HttpRequest&, const PathValues& values) {
    return HttpResponse{.status = 200, .body = values[0], .headers = {}};
  });
  routes.Add("POST", "/v1/namespaces/{namespace}/tables/{table}",
             [](const HttpRequest&, const PathValues& values) {
               return HttpResponse{
                   .status = 200, .body = values[0] + "|" + values[1], .headers = {}};
             });
  PathValues values;
  bool other = false;
  HttpRequest request = Request("GET", {"v1", "namespaces", "a/b"});
  const RouteHandler* found = routes.Find(request, &values, &other);
  ASSERT_NE(found, nullptr);
  EXPECT_EQ((*found)(request, values).body, "a/b");
  request = Request("POST", {"v1", "namespaces", "a", "tables", "t"});
  found = routes.Find(request, &values, &other);
  ASSERT_NE(found, nullptr);
  EXPECT_EQ((*found)(request, values).body, "a|t");
}

TEST(Routes, TellUnknownPathsFromUnknownMethods) {
  Routes routes;
  routes.Add("GET", "/v1/config",
             [](const HttpRequest&, const PathValues&) { return HttpResponse{}; });
  PathValues values;
  bool other = false;
  EXPECT_EQ(routes.Find(Request("PUT", {"v1", "config"}), &values, &other), nullptr);
  EXPECT_TRUE(other);
  EXPECT_EQ(routes.Find(Request("GET", {"v1"}), &values, &other), nullptr);
  EXPECT_FALSE(other);
  EXPECT_EQ(routes.List(), std::vector<std::string>{"GET /v1/config"});
}

TEST(JsonResponse, BadUtf8IsReplacedNotThrown) {
  const HttpResponse response = JsonResponse(200, base::Json{{"text", "a\xff"}});
  EXPECT_EQ(response.body, "{\"text\":\"a\xEF\xBF\xBD\"}");
}

}  // namespace
}  // namespace millpond::server
