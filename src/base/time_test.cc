// Units of base/time.h. Expected values are from GNU date.
#include "base/time.h"

#include "base/error_matchers.h"

namespace millpond::base {
namespace {

TEST(TimeTest, FormatsAcrossTheEpochAndLeapYears) {
  EXPECT_EQ(FormatUtc(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(FormatUtc(-1), "1969-12-31T23:59:59.999Z");
  EXPECT_EQ(FormatUtc(951782400000), "2000-02-29T00:00:00.000Z");
  EXPECT_EQ(FormatUtc(1795421700123), "2026-11-23T08:15:00.123Z");
  EXPECT_EQ(FormatUtc(253402300799999), "9999-12-31T23:59:59.999Z");
  EXPECT_FALSE(FormatUtc(INT64_MAX).empty());
  EXPECT_FALSE(FormatUtc(INT64_MIN).empty());
}

TEST(TimeTest, ParsesEveryForm) {
  EXPECT_EQ(ParseTime("1970-01-01").ValueOrDie(), 0);
  EXPECT_EQ(ParseTime("2026-11-23T08:15").ValueOrDie(), 1795421700000);
  EXPECT_EQ(ParseTime("2026-11-23 08:15:00").ValueOrDie(), 1795421700000);
  EXPECT_EQ(ParseTime("2026-11-23T08:15:00.1Z").ValueOrDie(), 1795421700100);
  EXPECT_EQ(ParseTime("2026-11-23T08:15:00.123999999Z").ValueOrDie(), 1795421700123);
  EXPECT_EQ(ParseTime("2026-11-23T09:15:00+01:00").ValueOrDie(), 1795421700000);
  EXPECT_EQ(ParseTime("2026-11-23T02:45:00-0530").ValueOrDie(), 1795421700000);
  EXPECT_EQ(ParseTime("2026-11-23T09:15:00+01").ValueOrDie(), 1795421700000);
  EXPECT_EQ(ParseTime("0001-01-01").ValueOrDie(), -62135596800000);
}

TEST(TimeTest, RoundTripsDays) {
  for (int64_t ms = -62'000'000'000'000; ms < 250'000'000'000'000; ms += 86'400'000LL * 97 + 123) {
    ASSERT_EQ(ParseTime(FormatUtc(ms)).ValueOrDie(), ms) << FormatUtc(ms);
  }
}

TEST(TimeTest, RefusesWhatIsNotATime) {
  for (const char* text :
       {"", "2026", "2026-13-01", "2026-02-30", "2025-02-29", "2026-1-1", "2026-11-23T",
        "2026-11-23T8:15", "2026-11-23T24:00", "2026-11-23T08:60", "2026-11-23T08:15:60",
        "2026-11-23T08:15:00.", "2026-11-23T08:15:00+1", "2026-11-23T08:15:00+19:00",
        "2026-11-23T08:15:00Zx", "yesterday", "-026-11-23", "2026-11-23T08:15:00 Z"}) {
    EXPECT_THAT(ParseTime(text), IsError(ErrorKind::kInvalid)) << text;
  }
}

TEST(TimeTest, NowIsAfterThisWasWritten) { EXPECT_GT(NowMs(), 1'700'000'000'000); }

}  // namespace
}  // namespace millpond::base
