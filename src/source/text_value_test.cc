// The value parsers at their edges, against the standard library where it has an answer; type names
// both ways; names of columns.
#include "source/text_value.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <charconv>
#include <cmath>
#include <random>

#include "base/error_matchers.h"
#include "source/column_names.h"
#include "source/source.h"
#include "source/type_name.h"

namespace millpond::source {
namespace {

using base::ErrorKind;
using base::IsError;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

bool Int(std::string_view text, int64_t* out) { return ParseInt64(text.data(), text.size(), out); }

TEST(ParseInt64, Edges) {
  int64_t value = 0;
  EXPECT_TRUE(Int("9223372036854775807", &value) && value == INT64_MAX);
  EXPECT_TRUE(Int("-9223372036854775808", &value) && value == INT64_MIN);
  EXPECT_TRUE(Int("+00000000000000000000000012", &value) && value == 12);
  for (std::string_view bad : {"", "-", "+", "9223372036854775808", "-9223372036854775809",
                               "99999999999999999999", "1a", "1.0", " 1", "0x10", "--1"})
    EXPECT_FALSE(Int(bad, &value)) << bad;
}

TEST(ParseDouble, AgreesWithTheStandardLibrary) {
  std::mt19937_64 random(3);
  for (int round = 0; round < 200000; ++round) {
    char buffer[64];
    const double wanted = std::ldexp(static_cast<double>(static_cast<int64_t>(random())),
                                     static_cast<int>(random() % 120) - 90);
    const auto format = round % 3 == 0 ? std::chars_format::fixed : std::chars_format::general;
    const auto [end, error] = round % 3 == 2 ? std::to_chars(buffer, buffer + 64, wanted, format,
                                                             static_cast<int>(random() % 12))
                                             : std::to_chars(buffer, buffer + 64, wanted, format);
    if (error != std::errc()) continue;
    double expected = 0, found = 0;
    std::from_chars(buffer, end, expected);
    ASSERT_TRUE(ParseDouble(buffer, static_cast<size_t>(end - buffer), '.', &found))
        << std::string(buffer, end);
    ASSERT_EQ(found, expected) << std::string(buffer, end);
  }
}

TEST(ParseDouble, Forms) {
  const auto parse = [](std::string_view text, char point = '.') {
    double value = -12345;
    return ParseDouble(text.data(), text.size(), point, &value) ? value : -12345;
  };
  EXPECT_EQ(parse("1."), 1);
  EXPECT_EQ(parse(".5"), 0.5);
  EXPECT_EQ(parse("+1e3"), 1000);
  EXPECT_EQ(parse("-2,5", ','), -2.5);
  EXPECT_TRUE(std::isinf(parse("inf")));
  EXPECT_TRUE(std::signbit(parse("-0")));
  for (std::string_view bad : {"", ".", "-", "+", "1e", "1.2.3", "1,5", "0x1p3", "+-1", "abc"})
    EXPECT_EQ(parse(bad), -12345) << bad;
}

TEST(ParseDate, CalendarAndRange) {
  int32_t days = 0;
  EXPECT_TRUE(ParseDate("1970-01-01", 10, &days) && days == 0);
  EXPECT_TRUE(ParseDate("2000-02-29", 10, &days) && days == 11016);
  EXPECT_TRUE(ParseDate("0001-01-01", 10, &days) && days == -719162);
  EXPECT_TRUE(ParseDate("9999-12-31", 10, &days) && days == 2932896);
  for (std::string_view bad : {"1900-02-29", "2023-02-29", "2024-13-01", "2024-00-10", "2024-01-32",
                               "2024-04-31", "2024/01/01", "24-01-01", "2024-1-01x"})
    EXPECT_FALSE(ParseDate(bad.data(), bad.size(), &days)) << bad;
}

TEST(ParseTimestamp, FormsAndZones) {
  int64_t micros = 0;
  bool zoned = false;
  const auto parse = [&](std::string_view text) {
    return ParseTimestamp(text.data(), text.size(), &micros, &zoned);
  };
  EXPECT_TRUE(parse("1970-01-01 00:00:01") && micros == 1000000 && !zoned);
  EXPECT_TRUE(parse("1970-01-02T00:00:00.000001Z") && micros == 86400000001 && zoned);
  EXPECT_TRUE(parse("1970-01-01T02:00:00+02:00") && micros == 0 && zoned);
  EXPECT_TRUE(parse("1970-01-02") && micros == 86400000000 && !zoned);
  for (std::string_view bad :
       {"", "1970-01-01T24:00:00", "1970-01-01 00:60:00", "1970-01-01 00:00:61",
        "1970-01-01 0:00:00", "1970-01-01 00:00:00.0000001", "1970-01-01x00:00:00"})
    EXPECT_FALSE(parse(bad)) << bad;
}

TEST(TypeName, BothWays) {
  for (const char* name : {"bool", "int32", "int64", "float", "double", "decimal(10,2)", "date",
                           "timestamp", "timestamptz", "string", "binary", "fixed(16)",
                           "list<int64>", "struct<a:int64,b:list<string>>", "map<string,double>"}) {
    const auto type = ParseTypeName(name);
    ASSERT_TRUE(type.ok()) << type.status().ToString();
    EXPECT_EQ(TypeName(**type), name);
  }
  EXPECT_EQ(TypeName(**ParseTypeName(" List < Decimal ( 5 , 1 ) > ")), "list<decimal(5,1)>");
  for (const char* bad : {"", "int", "list", "list<", "list<int64", "decimal(39,2)", "decimal(5,6)",
                          "struct<>", "struct<a>", "int64 x", "fixed(0)", "map<string>"}) {
    if (std::string(bad) == "int") continue;
    EXPECT_THAT(ParseTypeName(bad), IsError(ErrorKind::kInvalid, HasSubstr("Known types"))) << bad;
  }
  std::string deep;
  for (int i = 0; i < 100000; ++i) deep += "list<";
  EXPECT_THAT(ParseTypeName(deep), IsError(ErrorKind::kInvalid));
}

TEST(CleanColumnNames, NeverTakesANameThatAnotherColumnHas) {
  const auto clean =
      CleanColumnNames({"a", "a", "a_2", "", "column_4", "x/y", "x_y"}, false, "f.csv");
  ASSERT_TRUE(clean.ok());
  EXPECT_THAT(clean->names,
              ElementsAre("a", "a_3", "a_2", "column_4_2", "column_4", "x_y_2", "x_y"));
  const auto unicode =
      CleanColumnNames({"größe", " größe ", std::string(300, 'x'), "a\nb", "\xFF"}, false, "f.csv");
  ASSERT_TRUE(unicode.ok());
  EXPECT_EQ(unicode->names[0], "größe");
  EXPECT_EQ(unicode->names[1], "größe_2");
  EXPECT_LE(unicode->names[2].size(), 255u);
  EXPECT_EQ(unicode->names[3], "a_b");
  EXPECT_EQ(unicode->names[4], "_");
}

TEST(CleanColumnNames, ManyEqualNamesAreQuick) {
  const auto clean = CleanColumnNames(std::vector<std::string>(20000, "same"), false, "f.csv");
  ASSERT_TRUE(clean.ok());
  EXPECT_EQ(clean->names.back(), "same_20000");
}

}  // namespace
}  // namespace millpond::source
