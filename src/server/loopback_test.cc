// Names that look like this machine are not it.
#include "server/loopback.h"

#include <gtest/gtest.h>

namespace millpond::server {
namespace {

TEST(Loopback, IsParsedNotGuessed) {
  for (const char* host :
       {"localhost", "LocalHost", "127.0.0.1", "127.8.9.10", "::1", "[::1]", "::ffff:127.0.0.1"}) {
    EXPECT_TRUE(IsLoopback(host)) << host;
  }
  for (const char* host :
       {"", "localhost.evil.com", "127.0.0.1.evil.com", "127.evil.com", "0.0.0.0", "10.0.0.1",
        "::", "::2", "::ffff:10.0.0.1", "[::1].evil.com", "evil.com"}) {
    EXPECT_FALSE(IsLoopback(host)) << host;
  }
}

TEST(Loopback, OnlyRequestsToThisMachineAndOfNoPageAreAnswered) {
  const auto foreign = [](std::map<std::string, std::string> headers) {
    HttpRequest request;
    request.headers = std::move(headers);
    return ForeignTo(request).has_value();
  };
  for (const char* host :
       {"localhost", "localhost:8640", "127.0.0.1:8640", "[::1]:8640", "[::1]"}) {
    EXPECT_FALSE(foreign({{"host", host}})) << host;
  }
  for (const char* host :
       {"evil.com", "localhost.evil.com:8640", "127.0.0.1.evil.com", "", "[::1", "10.0.0.1:8640"}) {
    EXPECT_TRUE(foreign({{"host", host}})) << host;
  }
  EXPECT_TRUE(foreign({}));
  EXPECT_TRUE(foreign({{"host", "localhost"}, {"origin", "http://evil.com"}}));
  EXPECT_TRUE(foreign({{"host", "localhost"}, {"origin", "null"}}));
}

}  // namespace
}  // namespace millpond::server
