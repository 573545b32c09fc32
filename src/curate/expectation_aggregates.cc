// Expectations about a figure of a whole column: its mean, its extremes, its set of values.
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
using FieldPtr = std::shared_ptr<arrow::Field>;

std::string NameOf(const FieldPtr& field) { return QuoteIdentifier(field->name()); }

/// Success where the only aggregate lies within bounds; no value at all fails.
Result<ExpectationPlan> PlanBounds(const PlanInputs& inputs, std::string aggregate) {
  ARROW_ASSIGN_OR_RAISE(auto bounds, BoundsOf(inputs));
  ExpectationPlan plan;
  plan.aggregates = {std::move(aggregate)};
  plan.judge = [bounds](AggregateValues values, ExpectationResult* result) {
    result->observed = values[0];
    result->success = Within(values[0], bounds);
  };
  return plan;
}

Status NeedNumbers(const FieldPtr& field) {
  if (KindOfType(*field->type()) == ValueKind::kNumber) return Status::OK();
  return Invalid("the column '{}' is {}, not a number; cast it first", field->name(),
                 SqlTypeName(*field->type()));
}

enum class Figure { kMean, kMedian, kDeviation, kSum };

template <Figure kFigure>
Result<ExpectationPlan> Moment(const PlanInputs& inputs) {
  ARROW_ASSIGN_OR_RAISE(auto field, inputs.Column());
  ARROW_RETURN_NOT_OK(NeedNumbers(field));
  const char* function = kFigure == Figure::kMean        ? "avg"
                         : kFigure == Figure::kMedian    ? "median"
                         : kFigure == Figure::kDeviation ? "stddev_samp"
                                                         : "sum";
  return PlanBounds(
      inputs, "CAST(" + inputs.Filtered(function + ("(" + NameOf(field) + ")")) + " AS DOUBLE)");
}

template <bool kLargest>
Result<ExpectationPlan> Extreme(const PlanInputs& inputs) {
  ARROW_ASSIGN_OR_RAISE(auto field, inputs.Column());
  const ValueKind kind = KindOfType(*field->type());
  if (kind == ValueKind::kBinary || kind == ValueKind::kNested) {
    return Invalid("the column '{}' is {}, which has no order", field->name(),
                   SqlTypeName(*field->type()));
  }
  return PlanBounds(inputs, inputs.Filtered((kLargest ? "max(" : "min(") + NameOf(field) + ")"));
}

Result<ExpectationPlan> UniqueCount(const PlanInputs& inputs) {
  ARROW_ASSIGN_OR_RAISE(auto field, inputs.Column());
  return PlanBounds(inputs, inputs.Filtered("count(DISTINCT " + NameOf(field) + ")"));
}

Result<ExpectationPlan> UniqueProportion(const PlanInputs& inputs) {
  ARROW_ASSIGN_OR_RAISE(auto field, inputs.Column());
  const std::string name = NameOf(field);
  return PlanBounds(inputs, inputs.Filtered("count(DISTINCT " + name + ")") + " / nullif(" +
                                inputs.Filtered("count(" + name + ")") + ", 0)");
}

Result<ExpectationPlan> PresentProportion(const PlanInputs& inputs) {
  ARROW_ASSIGN_OR_RAISE(auto field, inputs.Column());
  return PlanBounds(inputs, inputs.Filtered("count(" + NameOf(field) + ")") + " / nullif(" +
                                inputs.Count("true") + ", 0)");
}

Result<ExpectationPlan> Quantiles(const PlanInputs& inputs) {
  ARROW_ASSIGN_OR_RAISE(auto field, inputs.Column());
  ARROW_RETURN_NOT_OK(NeedNumbers(field));
  const Json& ranges = inputs.Raw("quantile_ranges");
  if (!ranges.is_object() || !ranges.contains("quantiles") || !ranges.contains("value_ranges") ||
      !ranges["quantiles"].is_array() || !ranges["value_ranges"].is_array() ||
      ranges["quantiles"].size() != ranges["value_ranges"].size()) {
    return Invalid(
        "the argument quantile_ranges must be {{quantiles: [0.5], value_ranges: [[1, 2]]}} with "
        "lists of one length");
  }
  ExpectationPlan plan;
  std::vector<Bounds> bounds;
  for (size_t i = 0; i < ranges["quantiles"].size(); ++i) {
    const Json& at = ranges["quantiles"][i];
    const Json& range = ranges["value_ranges"][i];
    if (!at.is_number() || at.get<double>() < 0 || at.get<double>() > 1 || !range.is_array() ||
        range.size() != 2) {
      return Invalid("quantile {} with range {}: give a probability and [low, high]",
                     base::CanonicalJson(at), base::CanonicalJson(range));
    }
    bounds.push_back({.low = range[0], .high = range[1]});
    plan.aggregates.push_back(
        "CAST(" + inputs.Filtered(fmt::format("quantile_cont({}, {})", NameOf(field), at.dump())) +
        " AS DOUBLE)");
  }
  plan.judge = [bounds, quantiles = ranges["quantiles"]](AggregateValues values,
                                                         ExpectationResult* result) {
    result->success = true;
    Json found = Json::array();
    for (size_t i = 0; i < bounds.size(); ++i) {
      result->success = result->success && Within(values[i], bounds[i]);
      found.push_back(values[i]);
    }
    result->observed = {{"quantiles", quantiles}, {"values", std::move(found)}};
  };
  return plan;
}

/// "x = literal"; false for a value that the column can never have.
std::string Equals(const FieldPtr& field, const Json& value) {
  const auto literal = SqlLiteral(value, *field->type());
  return literal.ok() && *literal != "NULL" ? NameOf(field) + " = " + *literal : "false";
}

enum class SetRule { kWithin, kContains, kEqual };

// Figures: distinct values, then for each wanted value whether it occurs, then rows with others.
template <SetRule kRule>
Result<ExpectationPlan> DistinctSet(const PlanInputs& inputs) {
  ARROW_ASSIGN_OR_RAISE(auto field, inputs.Column());
  ARROW_ASSIGN_OR_RAISE(auto values, inputs.List("value_set"));
  const std::string name = NameOf(field);
  std::vector<std::string> equal;
  for (const Json& value : values) equal.push_back("(" + Equals(field, value) + ")");
  const std::string known = equal.empty() ? "false" : base::Join(equal, " OR ");
  ExpectationPlan plan;
  plan.aggregates = {inputs.Filtered("count(DISTINCT " + name + ")"),
                     inputs.Count(name + " IS NOT NULL AND NOT (" + known + ")")};
  for (const std::string& one : equal) plan.aggregates.push_back(inputs.Count(one));
  plan.judge = [values](AggregateValues found, ExpectationResult* result) {
    Json absent = Json::array();
    for (size_t i = 0; i < values.size(); ++i) {
      if (found[i + 2] == 0) absent.push_back(values[i]);
    }
    const int64_t others = found[1].get<int64_t>();
    result->observed = {{"distinct", found[0]}, {"absent", absent}, {"rows_with_others", others}};
    if (kRule != SetRule::kContains) result->unexpected = others;
    result->success = (kRule == SetRule::kContains || others == 0) &&
                      (kRule == SetRule::kWithin || absent.empty());
  };
  if (kRule != SetRule::kContains) {
    plan.sample_where =
        inputs.Condition() + " AND " + name + " IS NOT NULL AND NOT (" + known + ")";
    plan.sample_values = {name};
  }
  return plan;
}

Result<ExpectationPlan> MostCommon(const PlanInputs& inputs) {
  ARROW_ASSIGN_OR_RAISE(auto field, inputs.Column());
  ARROW_ASSIGN_OR_RAISE(auto values, inputs.List("value_set"));
  ARROW_ASSIGN_OR_RAISE(const bool ties_okay, inputs.Flag("ties_okay", false));
  std::vector<std::string> equal;
  for (const Json& value : values) {
    const auto literal = SqlLiteral(value, *field->type());
    if (literal.ok() && *literal != "NULL") equal.push_back("v = " + *literal);
  }
  const std::string known = equal.empty() ? "false" : base::Join(equal, " OR ");
  ExpectationPlan plan;
  plan.from = "(SELECT v, n FROM (SELECT " + NameOf(field) + " AS v, count(*) AS n FROM " +
              inputs.view().sql + " WHERE " + NameOf(field) + " IS NOT NULL AND " +
              inputs.Condition() + " GROUP BY 1) QUALIFY n = max(n) OVER ())";
  plan.aggregates = {"count(*)", "count(*) FILTER (WHERE " + known + ")",
                     "CAST(min(v) AS VARCHAR)"};
  plan.judge = [ties_okay](AggregateValues found, ExpectationResult* result) {
    const auto modes = found[0].get<int64_t>(), good = found[1].get<int64_t>();
    result->observed = {{"most_common", found[2]}, {"ties", modes}};
    result->success = ties_okay ? good > 0 : modes == 1 && good == 1;
  };
  return plan;
}

using A = ArgumentInfo;
constexpr A kColumn{"column", true}, kRow{"row_condition"};
constexpr std::array kRange{kColumn,         A{"min_value"},  A{"max_value"},
                            A{"strict_min"}, A{"strict_max"}, kRow};
constexpr std::array kRanges{kColumn, A{"quantile_ranges", true}, kRow};
constexpr std::array kSet{kColumn, A{"value_set", true}, kRow};
constexpr std::array kTies{kColumn, A{"value_set", true}, A{"ties_okay"}, kRow};

// clang-format off
constexpr std::array kDefinitions = {
    ExpectationDefinition{{"expect_column_mean_to_be_between", kRange, "the mean lies within bounds"}, Moment<Figure::kMean>},
    ExpectationDefinition{{"expect_column_median_to_be_between", kRange, "the median lies within bounds"}, Moment<Figure::kMedian>},
    ExpectationDefinition{{"expect_column_stdev_to_be_between", kRange, "the sample standard deviation lies within bounds"}, Moment<Figure::kDeviation>},
    ExpectationDefinition{{"expect_column_sum_to_be_between", kRange, "the sum lies within bounds"}, Moment<Figure::kSum>},
    ExpectationDefinition{{"expect_column_min_to_be_between", kRange, "the least value lies within bounds"}, Extreme<false>},
    ExpectationDefinition{{"expect_column_max_to_be_between", kRange, "the greatest value lies within bounds"}, Extreme<true>},
    ExpectationDefinition{{"expect_column_unique_value_count_to_be_between", kRange, "so many values differ"}, UniqueCount},
    ExpectationDefinition{{"expect_column_proportion_of_unique_values_to_be_between", kRange, "distinct values per value"}, UniqueProportion},
    ExpectationDefinition{{"expect_column_proportion_of_non_null_values_to_be_between", kRange, "values per row"}, PresentProportion},
    ExpectationDefinition{{"expect_column_quantile_values_to_be_between", kRanges, "quantiles lie within their bounds"}, Quantiles},
    ExpectationDefinition{{"expect_column_distinct_values_to_be_in_set", kSet, "only these values occur"}, DistinctSet<SetRule::kWithin>},
    ExpectationDefinition{{"expect_column_distinct_values_to_contain_set", kSet, "all these values occur"}, DistinctSet<SetRule::kContains>},
    ExpectationDefinition{{"expect_column_distinct_values_to_equal_set", kSet, "exactly these values occur"}, DistinctSet<SetRule::kEqual>},
    ExpectationDefinition{{"expect_column_most_common_value_to_be_in_set", kTies, "the most frequent value is one of these"}, MostCommon},
};
// clang-format on

}  // namespace

std::span<const ExpectationDefinition> AggregateExpectations() { return kDefinitions; }

}  // namespace millpond::curate
