// Units of base/log.h; stderr is captured by GoogleTest.
#include "base/log.h"

#include <thread>

#include "base/error_matchers.h"
#include "base/text.h"

namespace millpond::base {
namespace {

class LogTest : public ::testing::Test {
 protected:
  void TearDown() override { ConfigureLog(LogLevel::kWarning, LogFormat::kText); }
};

std::string Logged(const std::function<void()>& work) {
  ::testing::internal::CaptureStderr();
  work();
  return ::testing::internal::GetCapturedStderr();
}

TEST_F(LogTest, ParsesLevelsAndFormats) {
  EXPECT_EQ(ParseLogLevel("debug").ValueOrDie(), LogLevel::kDebug);
  EXPECT_EQ(ParseLogLevel("off").ValueOrDie(), LogLevel::kOff);
  EXPECT_THAT(ParseLogLevel("loud"), IsError(ErrorKind::kInvalid));
  EXPECT_EQ(ParseLogFormat("json").ValueOrDie(), LogFormat::kJson);
  EXPECT_THAT(ParseLogFormat("xml"), IsError(ErrorKind::kInvalid));
}

TEST_F(LogTest, LevelDecidesWhatIsWritten) {
  EXPECT_EQ(Logged([] { Log(LogLevel::kInfo, "quiet"); }), "");
  EXPECT_EQ(Logged([] { Log(LogLevel::kWarning, "heard"); }), "warning heard\n");
  ConfigureLog(LogLevel::kOff, LogFormat::kText);
  EXPECT_EQ(Logged([] { Log(LogLevel::kError, "never"); }), "");
  EXPECT_FALSE(LogEnabled(LogLevel::kError));
}

TEST_F(LogTest, TextQuotesWhatIsNotOneWord) {
  EXPECT_EQ(Logged([] {
              Log(LogLevel::kError, "commit retried",
                  {{"table", "shop.orders"}, {"attempt", 2}, {"why", "a \"b\"\nc"}, {"none", ""}});
            }),
            "error commit retried table=shop.orders attempt=2 why=\"a \\\"b\\\"\\nc\" none=\"\"\n");
}

TEST_F(LogTest, JsonIsOneObjectPerLine) {
  ConfigureLog(LogLevel::kDebug, LogFormat::kJson);
  std::string line = Logged([] { Log(LogLevel::kDebug, "event", {{"n", 1}, {"bad", "\xff"}}); });
  Json parsed = ParseJson(Trim(line), "log").ValueOrDie();
  EXPECT_EQ(parsed["level"], "debug");
  EXPECT_EQ(parsed["event"], "event");
  EXPECT_EQ(parsed["n"], 1);
  EXPECT_TRUE(parsed.contains("time"));
}

TEST_F(LogTest, ThreadsDoNotMixTheirLines) {
  std::string all = Logged([] {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([] {
        for (int i = 0; i < 50; ++i) Log(LogLevel::kError, "x", {{"k", std::string(200, 'v')}});
      });
    }
  });
  for (const std::string& line : Split(Trim(all), '\n')) {
    EXPECT_EQ(line, "error x k=" + std::string(200, 'v'));
  }
}

}  // namespace
}  // namespace millpond::base
