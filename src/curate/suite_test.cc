// Suites as text: the forms that are read, what is refused, and suites that data suggest.
#include "curate/suite.h"

#include <algorithm>

#include "base/error_matchers.h"
#include "curate/expectations.h"
#include "curate/profile.h"
#include "query/scratch_pond_testing.h"

namespace millpond::curate {
namespace {

using base::ErrorKind;
using base::IsError;
using base::IsOk;
using base::Json;
using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(SuiteTest, ReadsTheShortForm) {
  const auto suite = ParseSuite(R"(
- expect_column_to_exist: größe
- expect_table_row_count_to_equal: 7
- expect_column_values_to_be_between: {column: x, min_value: 0, mostly: 0.9, meta: {why: law}}
- type: expect_column_values_to_not_be_null
  column: x
)",
                                "rules/orders.yaml")
                         .ValueOrDie();
  EXPECT_EQ(suite.name, "orders");
  ASSERT_EQ(suite.expectations.size(), 4U);
  EXPECT_EQ(suite.expectations[0].kwargs, Json({{"column", "größe"}}));
  EXPECT_EQ(suite.expectations[1].kwargs, Json({{"value", 7}}));
  EXPECT_EQ(suite.expectations[2].kwargs["mostly"], 0.9);
  EXPECT_EQ(suite.expectations[2].meta, Json({{"why", "law"}}));
  EXPECT_FALSE(suite.expectations[2].kwargs.contains("meta"));
  EXPECT_EQ(suite.expectations[3].type, "expect_column_values_to_not_be_null");
}

TEST(SuiteTest, ReadsGreatExpectationsOwnFiles) {
  const auto suite = ParseSuite(R"({
    "expectation_suite_name": "orders.warning", "ge_cloud_id": null, "data_asset_type": "Dataset",
    "expectations": [{"expectation_type": "expect_column_values_to_be_in_set",
      "kwargs": {"column": "a", "value_set": [1, "x"], "result_format": "COMPLETE"},
      "meta": {"notes": "n"}, "id": "17"}],
    "meta": {"great_expectations_version": "0.18"}})",
                                "x.json")
                         .ValueOrDie();
  EXPECT_EQ(suite.name, "orders.warning");
  EXPECT_EQ(suite.expectations[0].kwargs, Json({{"column", "a"}, {"value_set", {1, "x"}}}));
  EXPECT_EQ(suite.meta["great_expectations_version"], "0.18");
  const auto back = ParseSuite(ToJson(suite).dump(), "back").ValueOrDie();
  EXPECT_EQ(ToJson(back), ToJson(suite));
}

TEST(SuiteTest, RefusesWhatItDoesNotKnow) {
  const auto refused = [](const char* text, const std::string& says) {
    EXPECT_THAT(ParseSuite(text, "s.yaml"),
                IsError(ErrorKind::kInvalid, AllOf(HasSubstr("s.yaml"), HasSubstr(says))))
        << text;
  };
  refused("- expect_column_value_to_not_be_null: {column: a}",
          "Did you mean 'expect_column_values_to_not_be_null'");
  refused("- expect_column_to_exist: {colum: a}", "Did you mean 'column'");
  refused("- expect_column_values_to_be_in_set: {column: a}", "value_set");
  refused("- {expect_column_to_exist: a, expect_column_values_to_be_null: b}", "type");
  refused("- 7", "expect_");
  refused("- {type: 7}", "name");
  refused("- {type: expect_column_to_exist, kwargs: 3}", "kwargs");
  refused("- expect_table_row_count_to_equal: {value: 1, row_condition: 3}", "row_condition");
  refused("{expectation: []}", "Did you mean 'expectations'");
  refused("name: x", "list of expectations");
  EXPECT_THAT(ParseSuite("- [unclosed", "s.yaml"), IsError(ErrorKind::kInvalid));
}

TEST(SuiteTest, AnEmptyListIsASuite) {
  EXPECT_TRUE(ParseSuite("[]", "s").ValueOrDie().expectations.empty());
}

TEST(SuiteTest, KnownExpectationsAreSortedAndDescribed) {
  const auto known = KnownExpectations();
  EXPECT_GE(known.size(), 49U);
  for (size_t i = 0; i < known.size(); ++i) {
    EXPECT_FALSE(known[i].help.empty()) << known[i].type;
    if (i > 0) {
      EXPECT_LT(known[i - 1].type, known[i].type) << "sorted, none twice";
    }
  }
}

TableProfile ProfileOf(const query::ScratchPond& pond, const std::string& table) {
  ProfileRequest request;
  request.table = table;
  return ProfileTable(pond.session(), request, {}).ValueOrDie();
}

/// Whatever the data, a suite that they suggest holds for them.
TEST(SuggestTest, SuggestedSuitesHold) {
  query::ScratchPond pond;
  const std::vector<std::pair<std::string, std::string>> tables = {
      {"numbers",
       "SELECT (i * 0.1)::FLOAT AS f, i * 0.1::DOUBLE AS d, (i * 0.1)::DECIMAL(9,2) AS c, "
       "i::INTEGER AS n, 9007199254740993 + i AS big FROM range(100) t(i)"},
      {"odd",
       "SELECT * FROM (VALUES ('NaN'::DOUBLE, NULL::BIGINT), (1, NULL), (NULL, NULL)) t(x, "
       "nothing)"},
      {"words",
       "SELECT ['ja', 'nein', 'größe'][1 + i % 3] AS class, 'row ' || i AS text, "
       "repeat(chr(65 + (i % 2)::INTEGER), 300) || (i % 2) AS long FROM range(60) t(i)"},
      {"prefix", "SELECT repeat('x', 250) || (i % 3) AS long FROM range(60) t(i)"},
      {"times",
       "SELECT DATE '2024-01-01' + i::INTEGER AS day, TIMESTAMP '2024-01-01' + to_days("
       "i::INTEGER) AS at, i % 2 = 0 AS flag, [i] AS list, {'a': i} AS struct, "
       "'x'::BLOB AS bytes FROM range(20) t(i)"},
      {"empty", "SELECT 1 AS a, 'x' AS b WHERE false"},
      {"quoted", "SELECT i AS \"a b\", 'it''s' AS \"c\"\"d\" FROM range(30) t(i)"}};
  for (const auto& [name, sql] : tables) {
    ASSERT_THAT(pond.Create("shop." + name, sql), IsOk()) << name;
    const auto profile = ProfileOf(pond, "shop." + name);
    const Suite suite = ParseSuite(ToJson(SuggestSuite(profile)).dump(), "suggested").ValueOrDie();
    const auto report = Check(pond.session(), suite, {.table = "shop." + name}, {}).ValueOrDie();
    for (const ExpectationResult& result : report.results) {
      EXPECT_TRUE(result.success) << name << ": " << result.expectation.type << " "
                                  << result.expectation.kwargs.dump() << " " << result.error;
    }
    EXPECT_GE(report.results.size(), 2U);
  }
}

TEST(SuggestTest, ClassesBecomeSetsAndNumbersRanges) {
  query::ScratchPond pond;
  ASSERT_THAT(pond.Create("shop.t",
                          "SELECT ['ja', 'nein'][1 + i % 2] AS class, i AS n, CASE WHEN i "
                          "> 3 THEN i END AS gaps FROM range(50) t(i)"),
              IsOk());
  const auto profile = ProfileOf(pond, "shop.t");
  const Suite suite = SuggestSuite(profile);
  const auto has = [&](const char* type, const Json& kwargs) {
    return std::any_of(suite.expectations.begin(), suite.expectations.end(),
                       [&](const Expectation& e) { return e.type == type && e.kwargs == kwargs; });
  };
  EXPECT_EQ(suite.name, "t");
  EXPECT_TRUE(has("expect_column_values_to_be_in_set",
                  {{"column", "class"}, {"value_set", {"ja", "nein"}}}));
  EXPECT_TRUE(has("expect_column_values_to_be_between",
                  {{"column", "n"}, {"min_value", 0}, {"max_value", 49}}));
  EXPECT_TRUE(has("expect_column_values_to_not_be_null", {{"column", "n"}}));
  EXPECT_FALSE(has("expect_column_values_to_not_be_null", {{"column", "gaps"}}));
  EXPECT_TRUE(has("expect_column_values_to_be_unique", {{"column", "sample_id"}}));
}

}  // namespace
}  // namespace millpond::curate
