// Expectations about each value of a column, or each row of several: how many break it, and which.
#include <arrow/api.h>

#include <array>
#include <utility>

#include "base/text.h"
#include "curate/expectation_plan.h"

namespace millpond::curate {
namespace {

using base::Invalid;
using base::Json;
using base::QuoteIdentifier;
using base::QuoteLiteral;
using FieldPtr = std::shared_ptr<arrow::Field>;

std::string NameOf(const FieldPtr& field) { return QuoteIdentifier(field->name()); }

/// The column as text, whatever its type.
std::string TextOf(const FieldPtr& field) {
  const std::string name = NameOf(field);
  return KindOfType(*field->type()) == ValueKind::kText ? name : "CAST(" + name + " AS VARCHAR)";
}

Result<ExpectationPlan> PlanColumn(const PlanInputs& inputs, const FieldPtr& field,
                                   const std::string& unexpected) {
  return PlanRows(inputs, NameOf(field) + " IS NOT NULL", unexpected, {NameOf(field)});
}

template <bool kWantNull>
Result<ExpectationPlan> Null(const PlanInputs& inputs) {
  ARROW_ASSIGN_OR_RAISE(auto field, inputs.Column());
  return PlanRows(inputs, "true", NameOf(field) + (kWantNull ? " IS NOT NULL" : " IS NULL"),
                  {NameOf(field)});
}

/// "x IN (…)"; values that can never be equal are left out.
std::string InList(const FieldPtr& field, const Json& values) {
  std::vector<std::string> literals;
  for (const Json& value : values) {
    const auto literal = SqlLiteral(value, *field->type());
    if (literal.ok() && *literal != "NULL") literals.push_back(*literal);
  }
  if (literals.empty()) return "false";
  return NameOf(field) + " IN (" + base::Join(literals, ", ") + ")";
}

template <bool kWantIn>
Result<ExpectationPlan> InSet(const PlanInputs& inputs) {
  ARROW_ASSIGN_OR_RAISE(auto field, inputs.Column());
  ARROW_ASSIGN_OR_RAISE(auto values, inputs.List("value_set"));
  const std::string is_in = InList(field, values);
  return PlanColumn(inputs, field, kWantIn ? "NOT (" + is_in + ")" : is_in);
}

Result<std::string> OutOfBounds(const std::string& value, const Bounds& bounds,
                                const arrow::DataType& type) {
  std::vector<std::string> parts;
  if (!bounds.low.is_null()) {
    ARROW_ASSIGN_OR_RAISE(auto low, SqlLiteral(bounds.low, type));
    parts.push_back(value + (bounds.strict_low ? " <= " : " < ") + low);
  }
  if (!bounds.high.is_null()) {
    ARROW_ASSIGN_OR_RAISE(auto high, SqlLiteral(bounds.high, type));
    parts.push_back(value + (bounds.strict_high ? " >= " : " > ") + high);
  }
  // NaN sorts above everything in SQL: within no range.
  if (IsFloating(type)) parts.push_back("isnan(" + value + ")");
  return base::Join(parts, " OR ");
}

Result<ExpectationPlan> Between(const PlanInputs& inputs) {
  ARROW_ASSIGN_OR_RAISE(auto field, inputs.Column());
  ARROW_ASSIGN_OR_RAISE(auto bounds, BoundsOf(inputs));
  ARROW_ASSIGN_OR_RAISE(auto out, OutOfBounds(NameOf(field), bounds, *field->type()));
  return PlanColumn(inputs, field, out);
}

Result<ExpectationPlan> LengthsBetween(const PlanInputs& inputs) {
  ARROW_ASSIGN_OR_RAISE(auto field, inputs.Column());
  ARROW_ASSIGN_OR_RAISE(auto bounds, BoundsOf(inputs));
  ARROW_ASSIGN_OR_RAISE(auto out,
                        OutOfBounds("length(" + TextOf(field) + ")", bounds, *arrow::int64()));
  return PlanColumn(inputs, field, out);
}

Result<ExpectationPlan> LengthsEqual(const PlanInputs& inputs) {
  ARROW_ASSIGN_OR_RAISE(auto field, inputs.Column());
  ARROW_ASSIGN_OR_RAISE(auto length, SqlLiteral(inputs.Raw("value"), *arrow::int64()));
  return PlanColumn(inputs, field, "length(" + TextOf(field) + ") <> " + length);
}

template <bool kWantMatch>
Result<ExpectationPlan> Regex(const PlanInputs& inputs) {
  ARROW_ASSIGN_OR_RAISE(auto field, inputs.Column());
  ARROW_ASSIGN_OR_RAISE(auto regex, inputs.Text("regex"));
  const std::string match = "regexp_matches(" + TextOf(field) + ", " + QuoteLiteral(regex) + ")";
  return PlanColumn(inputs, field, kWantMatch ? "NOT " + match : match);
}

template <bool kWantMatch>
Result<ExpectationPlan> RegexList(const PlanInputs& inputs) {
  ARROW_ASSIGN_OR_RAISE(auto field, inputs.Column());
  ARROW_ASSIGN_OR_RAISE(auto regexes, inputs.Texts("regex_list"));
  std::vector<std::string> matches;
  for (const std::string& regex : regexes) {
    matches.push_back("regexp_matches(" + TextOf(field) + ", " + QuoteLiteral(regex) + ")");
  }
  if (!kWantMatch) return PlanColumn(inputs, field, base::Join(matches, " OR "));
  bool all = false;
  if (inputs.Has("match_on")) {
    ARROW_ASSIGN_OR_RAISE(const auto match_on, inputs.Text("match_on"));
    if (match_on != "any" && match_on != "all") {
      return Invalid("the argument match_on must be any or all, not {}", match_on);
    }
    all = match_on == "all";
  }
  return PlanColumn(inputs, field, "NOT (" + base::Join(matches, all ? " AND " : " OR ") + ")");
}

template <bool kWantMatch>
Result<ExpectationPlan> Like(const PlanInputs& inputs) {
  ARROW_ASSIGN_OR_RAISE(auto field, inputs.Column());
  ARROW_ASSIGN_OR_RAISE(auto pattern, inputs.Text("like_pattern"));
  return PlanColumn(inputs, field,
                    TextOf(field) + (kWantMatch ? " NOT LIKE " : " LIKE ") + QuoteLiteral(pattern));
}

Result<ExpectationPlan> Strftime(const PlanInputs& inputs) {
  ARROW_ASSIGN_OR_RAISE(auto field, inputs.Column());
  ARROW_ASSIGN_OR_RAISE(auto format, inputs.Text("strftime_format"));
  return PlanColumn(inputs, field,
                    "try_strptime(" + TextOf(field) + ", " + QuoteLiteral(format) + ") IS NULL");
}

Result<ExpectationPlan> DateParseable(const PlanInputs& inputs) {
  ARROW_ASSIGN_OR_RAISE(auto field, inputs.Column());
  return PlanColumn(inputs, field, "TRY_CAST(" + TextOf(field) + " AS TIMESTAMPTZ) IS NULL");
}

Result<ExpectationPlan> JsonParseable(const PlanInputs& inputs) {
  ARROW_ASSIGN_OR_RAISE(auto field, inputs.Column());
  return PlanColumn(inputs, field, "NOT json_valid(" + TextOf(field) + ")");
}

// Its own relation: one row per value.
Result<ExpectationPlan> Unique(const PlanInputs& inputs) {
  ARROW_ASSIGN_OR_RAISE(auto field, inputs.Column());
  ARROW_ASSIGN_OR_RAISE(const double mostly, inputs.Mostly());
  const std::string name = NameOf(field);
  const std::string where = " FROM " + inputs.view().sql + " WHERE " + inputs.Condition();
  ExpectationPlan plan;
  plan.from = "(SELECT " + name + " AS v, count(*) AS n" + where + " GROUP BY 1)";
  plan.aggregates = {"CAST(sum(n) AS BIGINT)", "CAST(sum(n) FILTER (WHERE v IS NULL) AS BIGINT)",
                     "CAST(sum(n) FILTER (WHERE v IS NOT NULL AND n > 1) AS BIGINT)"};
  plan.judge = [mostly](AggregateValues values, ExpectationResult* result) {
    JudgeRows(mostly, values, result);
  };
  plan.sample_where = inputs.Condition() + " AND " + name + " IN (SELECT " + name + where +
                      " AND " + name + " IS NOT NULL GROUP BY 1 HAVING count(*) > 1)";
  plan.sample_values = {name};
  return plan;
}

std::string ListOfColumns(const std::vector<FieldPtr>& fields) {
  std::vector<std::string> names;
  for (const FieldPtr& field : fields) names.push_back(NameOf(field));
  return base::Join(names, ", ");
}

std::vector<std::string> NamesOf(const std::vector<FieldPtr>& fields) {
  std::vector<std::string> names;
  for (const FieldPtr& field : fields) names.push_back(NameOf(field));
  return names;
}

/// The rows that an expectation over several columns looks at, by ignore_row_if.
Result<std::string> PresentRows(const PlanInputs& inputs, const std::vector<FieldPtr>& fields,
                                const std::string& otherwise) {
  std::string rule = otherwise;
  if (inputs.Has("ignore_row_if")) {
    ARROW_ASSIGN_OR_RAISE(rule, inputs.Text("ignore_row_if"));
  }
  std::vector<std::string> present;
  for (const FieldPtr& field : fields) present.push_back(NameOf(field) + " IS NOT NULL");
  if (rule == "never" || rule == "neither") return std::string("true");
  if (rule == "all_values_are_missing" || rule == "both_values_are_missing") {
    return base::Join(present, " OR ");
  }
  if (rule == "any_value_is_missing" || rule == "either_value_is_missing") {
    return base::Join(present, " AND ");
  }
  return Invalid(
      "the argument ignore_row_if must be all_values_are_missing, any_value_is_missing or never, "
      "not {}",
      rule);
}

Result<ExpectationPlan> CompoundUnique(const PlanInputs& inputs) {
  ARROW_ASSIGN_OR_RAISE(auto fields, inputs.Columns("column_list"));
  ARROW_ASSIGN_OR_RAISE(const double mostly, inputs.Mostly());
  ARROW_ASSIGN_OR_RAISE(const auto present, PresentRows(inputs, fields, "all_values_are_missing"));
  const std::string names = ListOfColumns(fields);
  const std::string where = " FROM " + inputs.view().sql + " WHERE " + inputs.Condition();
  ExpectationPlan plan;
  plan.from = "(SELECT count(*) AS n, (" + present + ") AS p" + where + " GROUP BY " + names + ")";
  plan.aggregates = {"CAST(sum(n) AS BIGINT)", "CAST(sum(n) FILTER (WHERE NOT p) AS BIGINT)",
                     "CAST(sum(n) FILTER (WHERE p AND n > 1) AS BIGINT)"};
  plan.judge = [mostly](AggregateValues values, ExpectationResult* result) {
    JudgeRows(mostly, values, result);
  };
  plan.sample_from = "(SELECT *, count(*) OVER (PARTITION BY " + names + ") AS millpond_count" +
                     where + " AND (" + present + "))";
  plan.sample_where = "millpond_count > 1";
  plan.sample_values = NamesOf(fields);
  return plan;
}

Result<ExpectationPlan> UniqueWithinRow(const PlanInputs& inputs) {
  ARROW_ASSIGN_OR_RAISE(auto fields, inputs.Columns("column_list"));
  ARROW_ASSIGN_OR_RAISE(const auto present, PresentRows(inputs, fields, "all_values_are_missing"));
  std::vector<std::string> equal;
  for (size_t i = 0; i < fields.size(); ++i) {
    for (size_t j = i + 1; j < fields.size(); ++j) {
      equal.push_back("coalesce(" + NameOf(fields[i]) + " = " + NameOf(fields[j]) + ", false)");
    }
  }
  if (equal.empty()) return Invalid("the argument column_list must name two columns or more");
  return PlanRows(inputs, present, base::Join(equal, " OR "), NamesOf(fields));
}

template <bool kUp>
Result<ExpectationPlan> Ordered(const PlanInputs& inputs) {
  ARROW_ASSIGN_OR_RAISE(auto field, inputs.Column());
  ARROW_ASSIGN_OR_RAISE(const double mostly, inputs.Mostly());
  ARROW_ASSIGN_OR_RAISE(const bool strictly, inputs.Flag("strictly", false));
  if (!inputs.view().has_sample_id) {
    return Invalid("{} has no sample_id, so its rows have no order",
                   inputs.view().table.ToString());
  }
  const std::string name = NameOf(field);
  const std::string breaks =
      std::string("v ") + (kUp ? (strictly ? "<=" : "<") : (strictly ? ">=" : ">")) + " p";
  ExpectationPlan plan;
  plan.from = "(SELECT sample_id, " + name + " AS v, lag(" + name +
              ") OVER (ORDER BY sample_id) AS p FROM " + inputs.view().sql + " WHERE " + name +
              " IS NOT NULL AND " + inputs.Condition() + ")";
  plan.aggregates = {"count(*)", "0", "count(*) FILTER (WHERE " + breaks + ")"};
  plan.judge = [mostly](AggregateValues values, ExpectationResult* result) {
    JudgeRows(mostly, values, result);
  };
  plan.sample_from = plan.from;
  plan.sample_where = breaks;
  plan.sample_values = {"v"};
  return plan;
}

template <bool kEqual>
Result<ExpectationPlan> Pair(const PlanInputs& inputs) {
  ARROW_ASSIGN_OR_RAISE(auto a, inputs.Column("column_A"));
  ARROW_ASSIGN_OR_RAISE(auto b, inputs.Column("column_B"));
  ARROW_ASSIGN_OR_RAISE(const auto present, PresentRows(inputs, {a, b}, "any_value_is_missing"));
  std::string wrong = NameOf(a) + " IS DISTINCT FROM " + NameOf(b);
  if (!kEqual) {
    ARROW_ASSIGN_OR_RAISE(const bool or_equal, inputs.Flag("or_equal", false));
    wrong = NameOf(a) + (or_equal ? " < " : " <= ") + NameOf(b);
  }
  return PlanRows(inputs, present, wrong, {NameOf(a), NameOf(b)});
}

Result<ExpectationPlan> PairInSet(const PlanInputs& inputs) {
  ARROW_ASSIGN_OR_RAISE(auto a, inputs.Column("column_A"));
  ARROW_ASSIGN_OR_RAISE(auto b, inputs.Column("column_B"));
  ARROW_ASSIGN_OR_RAISE(auto pairs, inputs.List("value_pairs_set"));
  ARROW_ASSIGN_OR_RAISE(const auto present, PresentRows(inputs, {a, b}, "all_values_are_missing"));
  std::vector<std::string> allowed;
  for (const Json& pair : pairs) {
    if (!pair.is_array() || pair.size() != 2) {
      return Invalid("the argument value_pairs_set must be a list of pairs, found {}",
                     base::CanonicalJson(pair));
    }
    ARROW_ASSIGN_OR_RAISE(auto first, SqlLiteral(pair[0], *a->type()));
    ARROW_ASSIGN_OR_RAISE(auto second, SqlLiteral(pair[1], *b->type()));
    allowed.push_back("(" + NameOf(a) + " IS NOT DISTINCT FROM " + first + " AND " + NameOf(b) +
                      " IS NOT DISTINCT FROM " + second + ")");
  }
  const std::string any = allowed.empty() ? "false" : base::Join(allowed, " OR ");
  return PlanRows(inputs, present, "NOT (" + any + ")", {NameOf(a), NameOf(b)});
}

Result<ExpectationPlan> RowSum(const PlanInputs& inputs) {
  ARROW_ASSIGN_OR_RAISE(auto fields, inputs.Columns("column_list"));
  ARROW_ASSIGN_OR_RAISE(const auto present, PresentRows(inputs, fields, "any_value_is_missing"));
  ARROW_ASSIGN_OR_RAISE(auto total, SqlLiteral(inputs.Raw("sum_total"), *arrow::float64()));
  return PlanRows(inputs, present, base::Join(NamesOf(fields), " + ") + " <> " + total,
                  NamesOf(fields));
}

Result<ExpectationPlan> ZScores(const PlanInputs& inputs) {
  ARROW_ASSIGN_OR_RAISE(auto field, inputs.Column());
  ARROW_ASSIGN_OR_RAISE(const double mostly, inputs.Mostly());
  ARROW_ASSIGN_OR_RAISE(auto threshold, SqlLiteral(inputs.Raw("threshold"), *arrow::float64()));
  ARROW_ASSIGN_OR_RAISE(const bool both, inputs.Flag("double_sided", true));
  const std::string name = NameOf(field);
  const std::string z = "(v - m) / s";
  const std::string breaks = "s > 0 AND " + (both ? "abs(" + z + ")" : z) + " >= " + threshold;
  ExpectationPlan plan;
  plan.from = std::string("(SELECT ") + (inputs.view().has_sample_id ? "sample_id, " : "") + name +
              " AS v, avg(" + name + ") OVER () AS m, stddev_samp(" + name +
              ") OVER () AS s FROM " + inputs.view().sql + " WHERE " + name + " IS NOT NULL AND " +
              inputs.Condition() + ")";
  plan.aggregates = {"count(*)", "0", "count(*) FILTER (WHERE " + breaks + ")"};
  plan.judge = [mostly](AggregateValues values, ExpectationResult* result) {
    JudgeRows(mostly, values, result);
  };
  plan.sample_from = plan.from;
  plan.sample_where = breaks;
  plan.sample_values = {"v"};
  return plan;
}

using A = ArgumentInfo;
constexpr A kMostly{"mostly"}, kRow{"row_condition"}, kIgnore{"ignore_row_if"},
    kColumn{"column", true};
constexpr A kColumnList{"column_list", true}, kLow{"min_value"}, kHigh{"max_value"},
    kStrictLow{"strict_min"}, kStrictHigh{"strict_max"}, kPairA{"column_A", true},
    kPairB{"column_B", true};

constexpr std::array kPlain{kColumn, kMostly, kRow};
constexpr std::array kSet{kColumn, A{"value_set", true}, kMostly, kRow};
constexpr std::array kRange{kColumn, kLow, kHigh, kStrictLow, kStrictHigh, kMostly, kRow};
constexpr std::array kLength{kColumn, A{"value", true}, kMostly, kRow};
constexpr std::array kRegex{kColumn, A{"regex", true}, kMostly, kRow};
constexpr std::array kRegexAny{kColumn, A{"regex_list", true}, A{"match_on"}, kMostly, kRow};
constexpr std::array kRegexNone{kColumn, A{"regex_list", true}, kMostly, kRow};
constexpr std::array kLike{kColumn, A{"like_pattern", true}, kMostly, kRow};
constexpr std::array kTimeFormat{kColumn, A{"strftime_format", true}, kMostly, kRow};
constexpr std::array kStrict{kColumn, A{"strictly"}, kMostly, kRow};
constexpr std::array kThreshold{kColumn, A{"threshold", true}, A{"double_sided"}, kMostly, kRow};
constexpr std::array kCompound{kColumnList, kIgnore, kMostly, kRow};
constexpr std::array kGreater{kPairA, kPairB, A{"or_equal"}, kIgnore, kMostly, kRow};
constexpr std::array kEqualPair{kPairA, kPairB, kIgnore, kMostly, kRow};
constexpr std::array kPairSet{kPairA, kPairB, A{"value_pairs_set", true}, kIgnore, kMostly, kRow};
constexpr std::array kSum{kColumnList, A{"sum_total", true}, kIgnore, kMostly, kRow};

// clang-format off
constexpr std::array kDefinitions = {
    ExpectationDefinition{{"expect_column_values_to_not_be_null", kPlain, "no value is missing"}, Null<false>},
    ExpectationDefinition{{"expect_column_values_to_be_null", kPlain, "every value is missing"}, Null<true>},
    ExpectationDefinition{{"expect_column_values_to_be_unique", kPlain, "no value occurs twice"}, Unique},
    ExpectationDefinition{{"expect_column_values_to_be_in_set", kSet, "values are among value_set"}, InSet<true>},
    ExpectationDefinition{{"expect_column_values_to_not_be_in_set", kSet, "values are none of value_set"}, InSet<false>},
    ExpectationDefinition{{"expect_column_values_to_be_between", kRange, "values lie within bounds"}, Between},
    ExpectationDefinition{{"expect_column_value_lengths_to_be_between", kRange, "texts are neither too short nor too long"}, LengthsBetween},
    ExpectationDefinition{{"expect_column_value_lengths_to_equal", kLength, "texts have this many characters"}, LengthsEqual},
    ExpectationDefinition{{"expect_column_values_to_match_regex", kRegex, "the expression is found in each value"}, Regex<true>},
    ExpectationDefinition{{"expect_column_values_to_not_match_regex", kRegex, "the expression is found in no value"}, Regex<false>},
    ExpectationDefinition{{"expect_column_values_to_match_regex_list", kRegexAny, "any (or all) of the expressions are found"}, RegexList<true>},
    ExpectationDefinition{{"expect_column_values_to_not_match_regex_list", kRegexNone, "none of the expressions is found"}, RegexList<false>},
    ExpectationDefinition{{"expect_column_values_to_match_like_pattern", kLike, "values match a LIKE pattern"}, Like<true>},
    ExpectationDefinition{{"expect_column_values_to_not_match_like_pattern", kLike, "values do not match a LIKE pattern"}, Like<false>},
    ExpectationDefinition{{"expect_column_values_to_match_strftime_format", kTimeFormat, "texts are times of this format"}, Strftime},
    ExpectationDefinition{{"expect_column_values_to_be_dateutil_parseable", kPlain, "texts are ISO dates or times"}, DateParseable},
    ExpectationDefinition{{"expect_column_values_to_be_json_parseable", kPlain, "texts are JSON"}, JsonParseable},
    ExpectationDefinition{{"expect_column_values_to_be_increasing", kStrict, "values rise in the order of sample_id"}, Ordered<true>},
    ExpectationDefinition{{"expect_column_values_to_be_decreasing", kStrict, "values fall in the order of sample_id"}, Ordered<false>},
    ExpectationDefinition{{"expect_column_value_z_scores_to_be_less_than", kThreshold, "values lie within so many deviations"}, ZScores},
    ExpectationDefinition{{"expect_compound_columns_to_be_unique", kCompound, "no combination of values occurs twice"}, CompoundUnique},
    ExpectationDefinition{{"expect_select_column_values_to_be_unique_within_record", kCompound, "the columns differ within each row"}, UniqueWithinRow},
    ExpectationDefinition{{"expect_column_pair_values_a_to_be_greater_than_b", kGreater, "column_A is greater than column_B"}, Pair<false>},
    ExpectationDefinition{{"expect_column_pair_values_to_be_equal", kEqualPair, "column_A equals column_B"}, Pair<true>},
    ExpectationDefinition{{"expect_column_pair_values_to_be_in_set", kPairSet, "the pair is among value_pairs_set"}, PairInSet},
    ExpectationDefinition{{"expect_multicolumn_sum_to_equal", kSum, "the columns of each row add up to sum_total"}, RowSum},
};
// clang-format on

}  // namespace

std::span<const ExpectationDefinition> ValueExpectations() { return kDefinitions; }

}  // namespace millpond::curate
