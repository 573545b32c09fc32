// Units of base/yaml.h.
#include "base/yaml.h"

#include <cmath>

#include "base/error_matchers.h"

namespace millpond::base {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

Json Parsed(std::string_view text) { return ParseYaml(text, "t.yaml").ValueOrDie(); }

TEST(ParseYamlTest, ResolvesPlainScalarsByTheCoreSchema) {
  Json value = Parsed(
      "[null, ~, true, False, 12, -3, +4, 0x1F, 0o17, 1.5, .5, 2., 1e3, -1.5E-2, text, 1.2.3, yes, "
      "012]");
  EXPECT_EQ(value, Json::array({nullptr, nullptr, true, false, 12, -3, 4, 31, 15, 1.5, 0.5, 2.0,
                                1000.0, -0.015, "text", "1.2.3", "yes", 12}));
  EXPECT_TRUE(Parsed("[12]")[0].is_number_integer());
  EXPECT_TRUE(Parsed("[1e3]")[0].is_number_float());
  EXPECT_TRUE(std::isnan(Parsed("[.nan]")[0].get<double>()));
  EXPECT_EQ(Parsed("[-.inf]")[0].get<double>(), -INFINITY);
  EXPECT_EQ(Parsed("18446744073709551615"), UINT64_MAX);
}

TEST(ParseYamlTest, QuotedScalarsStayText) {
  EXPECT_EQ(Parsed("['12', \"true\", \"\", '~', !!str 5]"),
            Json::array({"12", "true", "", "~", "5"}));
  EXPECT_EQ(Parsed("!!float 3").get<double>(), 3.0);
}

TEST(ParseYamlTest, ReadsABlockDocument) {
  Json value = Parsed(R"(
# a suite
table: shop.orders
checks:
  - type: between
    column: price
    min: 0.5
  - {type: not_null, columns: [a, b]}
note: |
  two
  lines
empty:
1: one
)");
  EXPECT_EQ(value["table"], "shop.orders");
  EXPECT_EQ(value["checks"][0]["min"], 0.5);
  EXPECT_EQ(value["checks"][1]["columns"], Json::array({"a", "b"}));
  EXPECT_EQ(value["note"], "two\nlines\n");
  EXPECT_TRUE(value["empty"].is_null());
  EXPECT_EQ(value["1"], "one");
}

TEST(ParseYamlTest, TakesJsonWithItsEscapes) {
  EXPECT_EQ(Parsed(R"({"a": "\ud83d\ude00", "b": [1, 2.0]})"),
            (Json{{"a", "😀"}, {"b", {1, 2.0}}}));
  EXPECT_EQ(Parsed("{a: 1, b: [x]}"), (Json{{"a", 1}, {"b", {"x"}}}));
}

TEST(ParseYamlTest, EmptyTextIsNull) {
  EXPECT_TRUE(Parsed("").is_null());
  EXPECT_TRUE(Parsed("# only a comment\n").is_null());
  EXPECT_TRUE(Parsed("---\n").is_null());
}

TEST(ParseYamlTest, AliasesAreCopied) {
  EXPECT_EQ(Parsed("a: &x {k: 1}\nb: *x\nc: &k name\n*k : 2\n"),
            (Json{{"a", {{"k", 1}}}, {"b", {{"k", 1}}}, {"c", "name"}, {"name", 2}}));
}

TEST(ParseYamlTest, RefusesCyclesAndBombs) {
  EXPECT_THAT(ParseYaml("a: &x [*x]", "t"), IsError(ErrorKind::kInvalid, HasSubstr("alias")));
  EXPECT_THAT(ParseYaml("a: *nobody", "t"), IsError(ErrorKind::kInvalid));
  std::string bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
  for (int i = 1; i < 10; ++i) {
    bomb += fmt::format(
        "a{0}: &a{0} [*a{1},*a{1},*a{1},*a{1},*a{1},*a{1},*a{1},*a{1},*a{1},*a{1}]\n", i, i - 1);
  }
  EXPECT_THAT(ParseYaml(bomb, "t"), IsError(ErrorKind::kInvalid, HasSubstr("more than")));
}

TEST(ParseYamlTest, NamesOriginLineAndColumn) {
  EXPECT_THAT(ParseYaml("a: 1\nb: [1,\n", "suite.yaml"),
              IsError(ErrorKind::kInvalid, HasSubstr("suite.yaml: line 3, column 1")));
  EXPECT_THAT(ParseYaml("a: 1\na: 2\n", "t"),
              IsError(ErrorKind::kInvalid,
                      AllOf(HasSubstr("t: line 2, column 1"), HasSubstr("duplicate key 'a'"))));
}

TEST(ParseYamlTest, RefusesWhatHasNoJsonForm) {
  for (const char* text : {"? [a]\n: 1", "{[1]: 2}", "~: 1", "<<: {a: 1}", "!ruby/object x",
                           "!!int x", "a: 1\n---\nb: 2", "99999999999999999999", "\t- a: b: c",
                           "a: b: c", "%YAML 9.9.9\n---\n1"}) {
    EXPECT_THAT(ParseYaml(text, "t"), IsError(ErrorKind::kInvalid)) << text;
  }
  EXPECT_THAT(ParseYaml("a: \xff", "t"), IsError(ErrorKind::kInvalid, HasSubstr("UTF-8")));
  EXPECT_THAT(ParseYaml("a: 1\nb: \x04", "t"),
              IsError(ErrorKind::kInvalid, HasSubstr("line 2: control character 0x04")));
  EXPECT_THAT(ParseYaml(std::string(100'000, '['), "t"), IsError(ErrorKind::kInvalid));
}

}  // namespace
}  // namespace millpond::base
