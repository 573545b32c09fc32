// Expectations against slow, obvious code over the same rows; and how a suite as a whole is run.
#include "curate/expectations.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <set>

#include "base/error_matchers.h"
#include "base/stop_at_progress.h"
#include "curate/expectation_plan.h"
#include "query/scratch_pond_testing.h"

namespace millpond::curate {
namespace {

using base::ErrorKind;
using base::IsError;
using base::IsOk;
using base::Json;
using ::testing::HasSubstr;

const base::Context kContext;

struct Row {
  std::optional<int64_t> i, j;
  std::optional<double> x;
  std::optional<std::string> s;
};

template <class T>
std::string Literal(const std::optional<T>& value) {
  if (!value) return "NULL";
  if constexpr (std::is_same_v<T, std::string>) return "'" + *value + "'";
  if constexpr (std::is_same_v<T, double>) {
    return std::isnan(*value) ? "'NaN'::DOUBLE" : fmt::format("{}::DOUBLE", *value);
  }
  return fmt::format("{}", *value);
}

/// Few values, so that they meet; nulls and NaN among them.
std::vector<Row> MakeRows() {
  std::mt19937 random(11);  // NOLINT(cert-msc51-cpp): the same every time.
  const std::vector<std::string> words = {"",    "a",   "ab",         "abc",        "ünïcödé",
                                          "12",  "{}",  "2024-02-30", "2024-02-29", "名前",
                                          "A_b", "a%b", "[1"};
  std::vector<Row> rows;
  for (int n = 0; n < 150; ++n) {
    Row row;
    const auto draw = [&](int of) {
      return static_cast<int64_t>(random() % static_cast<unsigned>(of));
    };
    if (draw(7) != 0) row.i = draw(9) - 2;
    if (draw(5) != 0) row.j = draw(9) - 2;
    if (draw(6) != 0) row.x = draw(10) == 0 ? std::nan("") : static_cast<double>(draw(40)) / 4 - 3;
    if (draw(8) != 0) row.s = words[static_cast<size_t>(draw(static_cast<int>(words.size())))];
    rows.push_back(row);
  }
  return rows;
}

size_t Characters(const std::string& text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

using Rule = std::function<bool(const Row&)>;

/// An expectation over rows: which rows it leaves out, and which break it.
struct RowCase {
  std::string type, arguments;
  Rule missing, broken;
};

const Rule kNoI = [](const Row& r) { return !r.i; };
const Rule kNoX = [](const Row& r) { return !r.x; };
const Rule kNoS = [](const Row& r) { return !r.s; };
const Rule kNever = [](const Row&) { return false; };
const Rule kNoPair = [](const Row& r) { return !r.i || !r.j; };
const Rule kNeitherOfPair = [](const Row& r) { return !r.i && !r.j; };

bool In(const std::string& text, std::initializer_list<const char*> set) {
  return std::find(set.begin(), set.end(), text) != set.end();
}

std::vector<RowCase> ColumnCases(const std::vector<Row>& rows) {
  std::map<int64_t, int> count_i;
  double sum = 0, squares = 0;
  int64_t present = 0;
  for (const Row& r : rows) {
    if (r.i) {
      ++count_i[*r.i];
      sum += static_cast<double>(*r.i);
      ++present;
    }
  }
  const double mean = sum / static_cast<double>(present);
  for (const Row& r : rows) {
    if (r.i) squares += std::pow(static_cast<double>(*r.i) - mean, 2);
  }
  const double deviation = std::sqrt(squares / static_cast<double>(present - 1));
  return {
      {"expect_column_values_to_not_be_null", "column: i", kNever,
       [](const Row& r) { return !r.i; }},
      {"expect_column_values_to_be_null", "column: s", kNever, [](const Row& r) { return !!r.s; }},
      {"expect_column_values_to_be_unique", "column: i", kNoI,
       [=](const Row& r) { return count_i.at(*r.i) > 1; }},
      {"expect_column_values_to_be_in_set", "column: i, value_set: [1, 2, null, word]", kNoI,
       [](const Row& r) { return *r.i != 1 && *r.i != 2; }},
      {"expect_column_values_to_not_be_in_set", "column: s, value_set: [a, '名前', 12]", kNoS,
       [](const Row& r) { return In(*r.s, {"a", "名前", "12"}); }},
      {"expect_column_values_to_be_in_set", "column: s, value_set: []", kNoS,
       [](const Row&) { return true; }},
      {"expect_column_values_to_be_between", "column: x, min_value: -1, max_value: 4.5", kNoX,
       [](const Row& r) { return !(*r.x >= -1 && *r.x <= 4.5); }},
      {"expect_column_values_to_be_between",
       "column: x, min_value: -1, max_value: 4.5, strict_min: true, strict_max: true", kNoX,
       [](const Row& r) { return !(*r.x > -1 && *r.x < 4.5); }},
      {"expect_column_values_to_be_between", "column: i, min_value: 2.5", kNoI,
       [](const Row& r) { return static_cast<double>(*r.i) < 2.5; }},
      {"expect_column_value_lengths_to_be_between", "column: s, min_value: 2, max_value: 3", kNoS,
       [](const Row& r) { return Characters(*r.s) < 2 || Characters(*r.s) > 3; }},
      {"expect_column_value_lengths_to_equal", "column: s, value: 7", kNoS,
       [](const Row& r) { return Characters(*r.s) != 7; }},
      {"expect_column_values_to_match_regex", "column: s, regex: '^a'", kNoS,
       [](const Row& r) { return !r.s->starts_with("a"); }},
      {"expect_column_values_to_not_match_regex", "column: s, regex: 'b'", kNoS,
       [](const Row& r) { return r.s->find('b') != std::string::npos; }},
      {"expect_column_values_to_match_regex_list", "column: s, regex_list: ['^a', '%']", kNoS,
       [](const Row& r) { return !r.s->starts_with("a") && r.s->find('%') == std::string::npos; }},
      {"expect_column_values_to_match_regex_list",
       "column: s, regex_list: ['^a', 'b'], match_on: all", kNoS,
       [](const Row& r) { return !r.s->starts_with("a") || r.s->find('b') == std::string::npos; }},
      {"expect_column_values_to_not_match_regex_list", "column: s, regex_list: ['^a', '^1']", kNoS,
       [](const Row& r) { return r.s->starts_with("a") || r.s->starts_with("1"); }},
      {"expect_column_values_to_match_like_pattern", "column: s, like_pattern: 'a%'", kNoS,
       [](const Row& r) { return !r.s->starts_with("a"); }},
      {"expect_column_values_to_not_match_like_pattern", "column: s, like_pattern: '_'", kNoS,
       [](const Row& r) { return Characters(*r.s) == 1; }},
      {"expect_column_values_to_match_strftime_format", "column: s, strftime_format: '%Y-%m-%d'",
       kNoS, [](const Row& r) { return *r.s != "2024-02-29"; }},
      {"expect_column_values_to_be_dateutil_parseable", "column: s", kNoS,
       [](const Row& r) { return *r.s != "2024-02-29"; }},
      {"expect_column_values_to_be_json_parseable", "column: s", kNoS,
       [](const Row& r) { return !In(*r.s, {"12", "{}"}); }},
      {"expect_column_value_z_scores_to_be_less_than", "column: i, threshold: 1.2", kNoI,
       [=](const Row& r) {
         return std::abs((static_cast<double>(*r.i) - mean) / deviation) >= 1.2;
       }},
      {"expect_column_value_z_scores_to_be_less_than",
       "column: i, threshold: 1.2, double_sided: false", kNoI,
       [=](const Row& r) { return (static_cast<double>(*r.i) - mean) / deviation >= 1.2; }},
  };
}

std::vector<RowCase> CasesOfSeveralColumns(const std::vector<Row>& rows) {
  std::map<std::pair<std::optional<int64_t>, std::optional<int64_t>>, int> count_pair;
  for (const Row& r : rows) ++count_pair[{r.i, r.j}];
  return {
      {"expect_compound_columns_to_be_unique", "column_list: [i, j]", kNeitherOfPair,
       [=](const Row& r) { return count_pair.at({r.i, r.j}) > 1; }},
      {"expect_select_column_values_to_be_unique_within_record", "column_list: [i, j]",
       kNeitherOfPair, [](const Row& r) { return r.i && r.j && *r.i == *r.j; }},
      {"expect_column_pair_values_a_to_be_greater_than_b", "column_A: i, column_B: j", kNoPair,
       [](const Row& r) { return *r.i <= *r.j; }},
      {"expect_column_pair_values_a_to_be_greater_than_b",
       "column_A: i, column_B: j, or_equal: true", kNoPair,
       [](const Row& r) { return *r.i < *r.j; }},
      {"expect_column_pair_values_to_be_equal", "column_A: i, column_B: j, ignore_row_if: never",
       kNever, [](const Row& r) { return r.i != r.j; }},
      {"expect_column_pair_values_to_be_in_set",
       "column_A: i, column_B: j, value_pairs_set: [[1, 2], [0, null]]", kNeitherOfPair,
       [](const Row& r) { return !(r.i == 1 && r.j == 2) && !(r.i == 0 && !r.j); }},
      {"expect_multicolumn_sum_to_equal", "column_list: [i, j], sum_total: 4", kNoPair,
       [](const Row& r) { return *r.i + *r.j != 4; }},
  };
}

std::vector<RowCase> RowCases(const std::vector<Row>& rows) {
  std::vector<RowCase> cases = ColumnCases(rows);
  for (RowCase& several : CasesOfSeveralColumns(rows)) cases.push_back(std::move(several));
  return cases;
}

class ExpectationsTest : public ::testing::Test {
 protected:
  void Fill(const std::vector<Row>& rows) {
    std::string sql =
        "SELECT id::BIGINT AS sample_id, i::BIGINT AS i, j::BIGINT AS j, "
        "x::DOUBLE AS x, s::VARCHAR AS s FROM (VALUES (-1, 0, 0, 0, '')";
    for (size_t n = 0; n < rows.size(); ++n) {
      const Row& r = rows[n];
      sql += fmt::format(", ({}, {}, {}, {}, {})", n, Literal(r.i), Literal(r.j), Literal(r.x),
                         Literal(r.s));
    }
    ASSERT_THAT(pond_.Create("shop.t", sql + ") t(id, i, j, x, s) WHERE id >= 0"), IsOk());
  }
  Result<CheckReport> Run(const std::string& yaml, const base::Context& context = kContext) {
    ARROW_ASSIGN_OR_RAISE(const Suite suite, ParseSuite(yaml, "suite.yaml"));
    return Check(pond_.session(), suite, {.table = "shop.t", .sample_limit = 5}, context);
  }
  ExpectationResult One(const std::string& type, const std::string& arguments) {
    const auto report = Run("- " + type + ": {" + arguments + "}");
    EXPECT_THAT(report, IsOk());
    return report.ok() ? report->results.at(0) : ExpectationResult{};
  }

  query::ScratchPond pond_;
};

TEST_F(ExpectationsTest, RowsAgreeWithSlowCode) {
  const auto rows = MakeRows();
  Fill(rows);
  for (const RowCase& one : RowCases(rows)) {
    // Expectations with a relation of their own leave missing rows out before they count.
    const bool counts_missing = one.type.find("z_scores") == std::string::npos;
    int64_t missing = 0;
    std::set<int64_t> broken;
    for (size_t n = 0; n < rows.size(); ++n) {
      if (one.missing(rows[n])) {
        ++missing;
      } else if (one.broken(rows[n])) {
        broken.insert(static_cast<int64_t>(n));
      }
    }
    const auto all = static_cast<int64_t>(rows.size());
    const auto present = static_cast<double>(all - missing);
    const double good = (present - static_cast<double>(broken.size())) / present;
    for (const double mostly : {1.0, 0.9, good, std::nextafter(good, 2.0), 0.0}) {
      if (mostly > 1) continue;
      const std::string arguments = one.arguments + fmt::format(", mostly: {}", mostly);
      const ExpectationResult result = One(one.type, arguments);
      const std::string what = one.type + " {" + arguments + "}";
      ASSERT_EQ(result.error, "") << what;
      EXPECT_EQ(result.elements, counts_missing ? all : all - missing) << what;
      EXPECT_EQ(result.missing, counts_missing ? missing : 0) << what;
      EXPECT_EQ(result.unexpected, static_cast<int64_t>(broken.size())) << what;
      EXPECT_EQ(result.success, good >= mostly) << what;
      EXPECT_EQ(result.samples.size(), std::min<size_t>(5, broken.size())) << what;
      for (const UnexpectedValue& sample : result.samples) {
        EXPECT_TRUE(broken.contains(*sample.sample_id)) << what << " shows " << *sample.sample_id;
      }
    }
  }
}

TEST_F(ExpectationsTest, RowConditionsChooseTheRows) {
  const auto rows = MakeRows();
  Fill(rows);
  int64_t looked_at = 0, missing = 0, broken = 0;
  for (const Row& r : rows) {
    if (!r.j || *r.j <= 2) continue;
    ++looked_at;
    if (!r.i) ++missing;
    if (r.i && *r.i < 0) ++broken;
  }
  const auto result = One("expect_column_values_to_be_between",
                          "column: i, min_value: 0, row_condition: 'j > 2 -- comment'");
  EXPECT_EQ(result.elements, looked_at);
  EXPECT_EQ(result.missing, missing);
  EXPECT_EQ(result.unexpected, broken);
  for (const char* escape : {"1=1) OR (1=1", "1=1), (SELECT 1", "(", "1=1; DROP TABLE shop.t"}) {
    const auto hostile = Run(std::string("- expect_table_row_count_to_equal: {value: 150}\n"
                                         "- expect_column_values_to_be_between: {column: i, "
                                         "min_value: 0, row_condition: \"") +
                             escape + "\"}");
    ASSERT_THAT(hostile, IsOk()) << escape;
    EXPECT_TRUE(hostile->results[0].success) << "spoilt by a neighbour: " << escape;
    EXPECT_EQ(hostile->rows, 150) << escape;
    EXPECT_THAT(hostile->results[1].error, HasSubstr("one SQL expression")) << escape;
  }
}

TEST_F(ExpectationsTest, OrderIsThatOfSampleIds) {
  const auto rows = MakeRows();
  Fill(rows);
  std::vector<int64_t> values;
  for (const Row& r : rows) {
    if (r.i) values.push_back(*r.i);
  }
  for (const bool up : {true, false}) {
    for (const bool strictly : {true, false}) {
      int64_t broken = 0;
      for (size_t n = 1; n < values.size(); ++n) {
        const int64_t step = up ? values[n] - values[n - 1] : values[n - 1] - values[n];
        broken += step < 0 || (strictly && step == 0);
      }
      const auto result = One(
          up ? "expect_column_values_to_be_increasing" : "expect_column_values_to_be_decreasing",
          std::string("column: i, strictly: ") + (strictly ? "true" : "false"));
      EXPECT_EQ(result.unexpected, broken) << up << strictly;
      EXPECT_EQ(result.elements, static_cast<int64_t>(values.size()));
    }
  }
}

/// Where the figure is known: bounds around it hold, bounds beside it do not.
TEST_F(ExpectationsTest, FiguresAgreeWithSlowCode) {
  auto rows = MakeRows();
  for (Row& r : rows) {
    if (r.x && std::isnan(*r.x)) r.x.reset();
  }
  Fill(rows);
  std::vector<double> x;
  std::set<double> distinct;
  for (const Row& r : rows) {
    if (!r.x) continue;
    x.push_back(*r.x);
    distinct.insert(*r.x);
  }
  std::sort(x.begin(), x.end());
  const auto n = static_cast<double>(x.size());
  double sum = 0, squares = 0;
  for (const double value : x) sum += value;
  for (const double value : x) squares += (value - sum / n) * (value - sum / n);
  const size_t half = x.size() / 2;
  const double median = x.size() % 2 == 1 ? x[half] : (x[half - 1] + x[half]) / 2;
  const std::map<std::string, double> figures = {
      {"mean", sum / n},
      {"median", median},
      {"stdev", std::sqrt(squares / (n - 1))},
      {"sum", sum},
      {"min", x.front()},
      {"max", x.back()},
      {"unique_value_count", static_cast<double>(distinct.size())},
      {"proportion_of_unique_values", static_cast<double>(distinct.size()) / n},
      {"proportion_of_non_null_values", n / static_cast<double>(rows.size())}};
  for (const auto& [name, value] : figures) {
    const std::string type = "expect_column_" + name + "_to_be_between";
    const auto within = [&](double low, double high) {
      const auto result =
          One(type, fmt::format("column: x, min_value: {}, max_value: {}", low, high));
      EXPECT_EQ(result.error, "") << type;
      EXPECT_NEAR(result.observed.get<double>(), value, 1e-9) << type;
      return result.success;
    };
    EXPECT_TRUE(within(value - 1e-6, value + 1e-6)) << type;
    EXPECT_FALSE(within(value + 1e-6, value + 1)) << type;
    EXPECT_FALSE(within(value - 1, value - 1e-6)) << type;
  }
  // Linear interpolation between the two neighbours.
  const double at = 0.3 * (n - 1);
  const auto below = static_cast<size_t>(at);
  const double quantile = x[below] + (at - static_cast<double>(below)) * (x[below + 1] - x[below]);
  const auto result = One("expect_column_quantile_values_to_be_between",
                          "column: x, quantile_ranges: {quantiles: [0.3, 1], value_ranges: "
                          "[[null, 100], [0, 100]]}");
  EXPECT_TRUE(result.success);
  EXPECT_NEAR(result.observed["values"][0].get<double>(), quantile, 1e-9);
  EXPECT_EQ(result.observed["values"][1], x.back());
}

TEST_F(ExpectationsTest, SetsOfValues) {
  ASSERT_THAT(pond_.Create("shop.t", "SELECT * FROM (VALUES ('a'), ('a'), ('b'), (NULL)) t(s)"),
              IsOk());
  const auto success = [&](const char* type, const char* set) {
    return One(type, std::string("column: s, value_set: ") + set).success;
  };
  EXPECT_TRUE(success("expect_column_distinct_values_to_be_in_set", "[a, b, c]"));
  EXPECT_FALSE(success("expect_column_distinct_values_to_be_in_set", "[a]"));
  EXPECT_TRUE(success("expect_column_distinct_values_to_contain_set", "[a]"));
  EXPECT_FALSE(success("expect_column_distinct_values_to_contain_set", "[a, c]"));
  EXPECT_TRUE(success("expect_column_distinct_values_to_equal_set", "[b, a]"));
  EXPECT_FALSE(success("expect_column_distinct_values_to_equal_set", "[a, b, c]"));
  EXPECT_FALSE(success("expect_column_distinct_values_to_equal_set", "[a]"));
  EXPECT_TRUE(success("expect_column_most_common_value_to_be_in_set", "[a]"));
  EXPECT_FALSE(success("expect_column_most_common_value_to_be_in_set", "[b]"));
  ASSERT_THAT(pond_.Append("shop.t", "SELECT 'b' AS s"), IsOk());
  EXPECT_FALSE(success("expect_column_most_common_value_to_be_in_set", "[a]")) << "a tie";
  EXPECT_TRUE(One("expect_column_most_common_value_to_be_in_set",
                  "column: s, value_set: [a], ties_okay: true")
                  .success);
}

TEST_F(ExpectationsTest, ColumnsMayBeCalledLikeOurOwnAliases) {
  ASSERT_THAT(
      pond_.Create("shop.t", "SELECT i // 3 AS a, i AS v, 7 AS n, i AS p FROM range(6) t(i)"),
      IsOk());
  for (const char* column : {"v", "p"}) {
    EXPECT_TRUE(
        One("expect_column_values_to_be_unique", fmt::format("column: {}", column)).success);
  }
  EXPECT_EQ(One("expect_column_values_to_be_unique", "column: a").unexpected, 6);
  EXPECT_TRUE(
      One("expect_column_most_common_value_to_be_in_set", "column: n, value_set: [7]").success);
  const auto common = One("expect_column_most_common_value_to_be_in_set",
                          "column: a, value_set: [0], ties_okay: true");
  EXPECT_TRUE(common.success);
  EXPECT_EQ(common.observed["ties"], 2);
}

TEST_F(ExpectationsTest, NanIsWithinNoRange) {
  ASSERT_THAT(pond_.Create("shop.t", "SELECT * FROM (VALUES (1.0::DOUBLE), ('NaN')) t(x)"), IsOk());
  EXPECT_EQ(One("expect_column_values_to_be_between", "column: x, min_value: 0").unexpected, 1);
  EXPECT_FALSE(One("expect_column_mean_to_be_between", "column: x, min_value: -1e308").success);
  EXPECT_FALSE(One("expect_column_max_to_be_between", "column: x, min_value: 0").success);
  EXPECT_TRUE(One("expect_column_min_to_be_between", "column: x, max_value: 1").success);
  EXPECT_EQ(One("expect_column_max_to_be_between", "column: x, min_value: 0").observed, "NaN");
}

TEST_F(ExpectationsTest, EmptyTables) {
  ASSERT_THAT(pond_.Create("shop.t", "SELECT 1::DOUBLE AS x, 'a' AS s WHERE false"), IsOk());
  for (const char* yaml :
       {"expect_column_values_to_not_be_null: {column: x}",
        "expect_column_values_to_be_unique: {column: x}",
        "expect_compound_columns_to_be_unique: {column_list: [x, s]}",
        "expect_column_values_to_be_increasing: {column: x}",
        "expect_column_value_z_scores_to_be_less_than: {column: x, threshold: 3}",
        "expect_table_row_count_to_equal: {value: 0}",
        "expect_column_distinct_values_to_be_in_set: {column: s, value_set: [a]}"}) {
    const auto result = Run(std::string("- ") + yaml).ValueOrDie().results[0];
    EXPECT_TRUE(result.success) << yaml << ": " << result.error;
  }
  for (const char* name : {"mean", "median", "stdev", "sum", "min", "max"}) {
    const auto result = One(std::string("expect_column_") + name + "_to_be_between",
                            "column: x, min_value: -1e300");
    EXPECT_FALSE(result.success) << name << " of nothing";
    EXPECT_EQ(result.error, "") << name;
  }
}

TEST_F(ExpectationsTest, TheTableItself) {
  ASSERT_THAT(pond_.Create("shop.t", "SELECT 1::INTEGER AS a, 'x' AS \"größe\", [1.5] AS l"),
              IsOk());
  const auto holds = [&](const std::string& yaml) {
    const auto result = Run("- " + yaml).ValueOrDie().results[0];
    EXPECT_EQ(result.error, "") << yaml;
    return result.success;
  };
  EXPECT_TRUE(holds("expect_column_to_exist: {column: größe, column_index: 1}"));
  EXPECT_FALSE(holds("expect_column_to_exist: {column: größe, column_index: 0}"));
  EXPECT_FALSE(holds("expect_column_to_exist: {column: A}"));
  EXPECT_TRUE(holds("expect_column_to_exist: {column: sample_id}"));
  EXPECT_TRUE(holds("expect_table_columns_to_match_set: {column_set: [größe, a, l]}"));
  EXPECT_FALSE(holds("expect_table_columns_to_match_set: {column_set: [a]}"));
  EXPECT_TRUE(holds("expect_table_columns_to_match_set: {column_set: [a], exact_match: false}"));
  EXPECT_TRUE(holds("expect_table_columns_to_match_ordered_list: {column_list: [a, größe, l]}"));
  EXPECT_FALSE(holds("expect_table_columns_to_match_ordered_list: {column_list: [größe, a, l]}"));
  EXPECT_TRUE(holds("expect_table_column_count_to_equal: {value: 3}"));
  EXPECT_TRUE(holds("expect_table_column_count_to_be_between: {min_value: 3, max_value: 3}"));
  EXPECT_FALSE(holds("expect_table_column_count_to_be_between: {min_value: 3, strict_min: true}"));
  EXPECT_TRUE(holds("expect_table_row_count_to_be_between: {max_value: 1}"));
  for (const char* type : {"INTEGER", "int32", "int", "integer"}) {
    EXPECT_TRUE(
        holds(std::string("expect_column_values_to_be_of_type: {column: a, type_: ") + type + "}"));
  }
  EXPECT_FALSE(holds("expect_column_values_to_be_of_type: {column: a, type_: BIGINT}"));
  EXPECT_TRUE(
      holds("expect_column_values_to_be_in_type_list: {column: l, type_list: [str, list]}"));
}

TEST_F(ExpectationsTest, WhatCannotBeEvaluatedIsAFailedResult) {
  Fill(MakeRows());
  const auto report = Run(R"(
- expect_column_values_to_not_be_null: {column: ii}
- expect_column_values_to_match_regex: {column: s, regex: '('}
- expect_column_values_to_be_between: {column: i, min_value: word}
- expect_column_mean_to_be_between: {column: s, min_value: 1}
- expect_column_values_to_be_between: {column: i}
- expect_column_values_to_be_between: {column: i, min_value: 3, max_value: 1}
- expect_column_values_to_not_be_null: {column: i, mostly: 1.5}
- expect_select_column_values_to_be_unique_within_record: {column_list: [i]}
- expect_column_values_to_be_between: {column: i, min_value: 0, row_condition: 'nothing > 1'}
- expect_table_row_count_to_equal: {value: 150}
)")
                          .ValueOrDie();
  ASSERT_EQ(report.results.size(), 10U);
  for (size_t n = 0; n < 9; ++n) {
    EXPECT_FALSE(report.results[n].success) << n;
    EXPECT_NE(report.results[n].error, "") << n << " " << report.results[n].expectation.type;
  }
  EXPECT_THAT(report.results[0].error, HasSubstr("'ii'"));
  EXPECT_TRUE(report.results[9].success) << "the others are not to blame";
  EXPECT_EQ(report.rows, 150);
  EXPECT_FALSE(report.success);
  const Json json = ToJson(report);
  EXPECT_EQ(json["statistics"]["successful_expectations"], 1);
  EXPECT_EQ(json["statistics"]["success_percent"], 10.0);
  EXPECT_EQ(json["results"][0]["exception_info"]["raised_exception"], true);
  EXPECT_EQ(json["results"][9]["exception_info"]["raised_exception"], false);
}

TEST_F(ExpectationsTest, ASuiteIsOnePass) {
  Fill(MakeRows());
  const auto report = Run(R"(
- expect_column_values_to_be_between: {column: i, min_value: -100}
- expect_column_mean_to_be_between: {column: i, min_value: -100}
- expect_column_values_to_be_in_set: {column: s, value_set: [a], mostly: 0}
- expect_table_row_count_to_equal: {value: 150}
- expect_column_to_exist: {column: i}
)")
                          .ValueOrDie();
  EXPECT_TRUE(report.success);
  EXPECT_EQ(report.passes, 2) << "one for all, one for the samples of the set";
}

TEST_F(ExpectationsTest, ReportsInTheFieldsShape) {
  ASSERT_THAT(pond_.Create("shop.t", "SELECT * FROM (VALUES (1), (2), (NULL), (9)) t(i)"), IsOk());
  const auto report =
      Run("- expect_column_values_to_be_between: {column: i, min_value: 2, max_value: 5}")
          .ValueOrDie();
  const Json result = ToJson(report)["results"][0]["result"];
  EXPECT_EQ(result["element_count"], 4);
  EXPECT_EQ(result["missing_count"], 1);
  EXPECT_EQ(result["missing_percent"], 25.0);
  EXPECT_EQ(result["unexpected_count"], 2);
  EXPECT_EQ(result["unexpected_percent_total"], 50.0);
  EXPECT_NEAR(result["unexpected_percent"].get<double>(), 200.0 / 3, 1e-9);
  EXPECT_EQ(result["partial_unexpected_list"], Json({1, 9}));
  EXPECT_EQ(result["partial_unexpected_samples"][1], Json({{"value", 9}, {"sample_id", 3}}));
}

TEST_F(ExpectationsTest, VersionsMasksAndMissingTables) {
  ASSERT_THAT(pond_.Create("shop.t", "SELECT 1::BIGINT AS i"), IsOk());
  table::History history(pond_.catalog());
  ASSERT_THAT(pond_.Append("shop.t", "SELECT -5::BIGINT AS i"), IsOk());
  const Suite suite =
      ParseSuite("- expect_column_values_to_be_between: {column: i, min_value: 0}", "s")
          .ValueOrDie();
  const auto check = [&](const std::string& table) {
    return Check(pond_.session(), suite, {.table = table}, kContext);
  };
  EXPECT_FALSE(check("shop.t").ValueOrDie().success);
  EXPECT_TRUE(check("shop.t@~1").ValueOrDie().success);
  EXPECT_THAT(check("shop.tt"), IsError(ErrorKind::kNotFound, HasSubstr("shop.t")));
  auto& decision = pond_.policies().decisions[{"shop", "t"}];
  decision.allowed = true;
  decision.masks["i"] = "abs(i)";
  decision.policy_hash = "p1";
  EXPECT_TRUE(check("shop.t").ValueOrDie().success) << "a mask shows as a mask";
}

TEST_F(ExpectationsTest, CancelledInTheMiddle) {
  Fill(MakeRows());
  base::StopAtProgress stopping;
  EXPECT_THAT(Run("- expect_column_values_to_be_between: {column: i, min_value: 5}\n"
                  "- expect_column_values_to_be_between: {column: i, min_value: 6}",
                  stopping.context()),
              IsError(ErrorKind::kCancelled));
}

}  // namespace
}  // namespace millpond::curate
