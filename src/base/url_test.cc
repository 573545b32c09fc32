#include "base/url.h"

#include "base/error_matchers.h"

namespace millpond::base {
namespace {

TEST(UrlTest, FindsAndMasksPasswords) {
  const std::pair<const char*, const char*> cases[] = {
      {"postgresql://me:secret@host:5432/db", "postgresql://me:***@host:5432/db"},
      {"postgresql://me:s%40e:c@host/db?a=b", "postgresql://me:***@host/db?a=b"},
      {"postgresql://me:se/cr?et@host/db", "postgresql://me:***@host/db"},
      {"postgresql://me@host/db?password=x&a=b", "postgresql://me@host/db?password=***&a=b"},
      {"postgresql:///db?host=/run&PASSWORD=x", "postgresql:///db?host=/run&PASSWORD=***"},
      {"postgresql://:x@/db?sslpassword=y#f", "postgresql://:***@/db?sslpassword=***#f"},
      {"s3://key:secret@bucket/path", "s3://key:***@bucket/path"},
  };
  for (const auto& [url, masked] : cases) {
    EXPECT_TRUE(HasUrlPassword(url)) << url;
    EXPECT_EQ(MaskUrlPassword(url), masked);
  }
}

TEST(UrlTest, LeavesOthersAsTheyAre) {
  for (const char* url :
       {"postgresql://me@host:5432/db", "postgresql://host:5432/db", "postgresql://me:@host/db",
        "postgresql:///db?host=a@b:c",
        "postgresql://h/db?password_env=PW&password=", "/a/file:with@colon", ""}) {
    EXPECT_FALSE(HasUrlPassword(url)) << url;
    EXPECT_EQ(MaskUrlPassword(url), url);
  }
}

TEST(UrlTest, DecodesEscapes) {
  EXPECT_EQ(DecodePercent("a%20b%c3%B6").ValueOrDie(), "a bö");
  EXPECT_EQ(DecodePercent("").ValueOrDie(), "");
  for (const char* broken : {"%", "a%2", "%zz", "%00"}) {
    EXPECT_THAT(DecodePercent(broken), IsError(ErrorKind::kInvalid)) << broken;
  }
}

}  // namespace
}  // namespace millpond::base
