// Expectations about the table itself: its columns, their types, how many rows. sample_id is the
// pond's own column and counts only where an expectation names it.
#include <arrow/api.h>

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "base/text.h"
#include "curate/expectation_plan.h"
#include "table/schema.h"

namespace millpond::curate {
namespace {

using base::Invalid;
using base::Json;

/// Answered by the schema: no data is read.
ExpectationPlan Answer(bool success, Json observed) {
  ExpectationPlan plan;
  plan.judge = [success, observed = std::move(observed)](AggregateValues,
                                                         ExpectationResult* result) {
    result->success = success;
    result->observed = observed;
  };
  return plan;
}

std::vector<std::string> ColumnsOf(const TableView& view, const std::vector<std::string>& wanted) {
  std::vector<std::string> names;
  const bool named =
      std::find(wanted.begin(), wanted.end(), std::string(table::kSampleId)) != wanted.end();
  for (const std::string& name : view.schema->field_names()) {
    if (named || name != table::kSampleId) names.push_back(name);
  }
  return names;
}

Result<ExpectationPlan> Exists(const PlanInputs& inputs) {
  ARROW_ASSIGN_OR_RAISE(const auto column, inputs.Text("column"));
  const auto names = ColumnsOf(inputs.view(), {column});
  const auto found = std::find(names.begin(), names.end(), column);
  if (found == names.end()) return Answer(false, names);
  ARROW_ASSIGN_OR_RAISE(const double wanted, inputs.Number("column_index", -1));
  const auto index = found - names.begin();
  return Answer(wanted < 0 || static_cast<double>(index) == wanted, index);
}

Result<ExpectationPlan> MatchSet(const PlanInputs& inputs) {
  ARROW_ASSIGN_OR_RAISE(const auto wanted, inputs.Texts("column_set"));
  ARROW_ASSIGN_OR_RAISE(const bool exact, inputs.Flag("exact_match", true));
  const auto names = ColumnsOf(inputs.view(), wanted);
  const std::set<std::string> have(names.begin(), names.end()), want(wanted.begin(), wanted.end());
  Json absent = Json::array(), extra = Json::array();
  for (const std::string& name : want) {
    if (!have.contains(name)) absent.push_back(name);
  }
  for (const std::string& name : have) {
    if (!want.contains(name)) extra.push_back(name);
  }
  const bool success = absent.empty() && (!exact || extra.empty());
  return Answer(success, {{"columns", names}, {"absent", absent}, {"extra", extra}});
}

Result<ExpectationPlan> MatchList(const PlanInputs& inputs) {
  ARROW_ASSIGN_OR_RAISE(const auto wanted, inputs.Texts("column_list"));
  const auto names = ColumnsOf(inputs.view(), wanted);
  return Answer(names == wanted, names);
}

Result<ExpectationPlan> ColumnCountBetween(const PlanInputs& inputs) {
  ARROW_ASSIGN_OR_RAISE(const auto bounds, BoundsOf(inputs));
  const Json count = ColumnsOf(inputs.view(), {}).size();
  return Answer(Within(count, bounds), count);
}

Result<ExpectationPlan> ColumnCountEquals(const PlanInputs& inputs) {
  ARROW_ASSIGN_OR_RAISE(const double value, inputs.Number("value", -1));
  const auto count = ColumnsOf(inputs.view(), {}).size();
  return Answer(static_cast<double>(count) == value, count);
}

Result<ExpectationPlan> RowCountBetween(const PlanInputs& inputs) {
  ARROW_ASSIGN_OR_RAISE(const auto bounds, BoundsOf(inputs));
  ExpectationPlan plan;
  plan.aggregates = {inputs.Count("true")};
  plan.judge = [bounds](AggregateValues values, ExpectationResult* result) {
    result->observed = values[0];
    result->success = Within(values[0], bounds);
  };
  return plan;
}

Result<ExpectationPlan> RowCountEquals(const PlanInputs& inputs) {
  ARROW_ASSIGN_OR_RAISE(const double value, inputs.Number("value", -1));
  ExpectationPlan plan;
  plan.aggregates = {inputs.Count("true")};
  plan.judge = [value](AggregateValues values, ExpectationResult* result) {
    result->observed = values[0];
    result->success = values[0].get<double>() == value;
  };
  return plan;
}

/// Names that people give a type: SQL's, Arrow's, NumPy's, Python's.
std::set<std::string> NamesOfType(const arrow::DataType& type) {
  std::set<std::string> names = {base::ToLower(SqlTypeName(type)), base::ToLower(type.ToString())};
  const auto add = [&](std::initializer_list<const char*> more) {
    names.insert(more.begin(), more.end());
  };
  switch (type.id()) {
    case arrow::Type::BOOL:
      add({"bool", "boolean"});
      break;
    case arrow::Type::INT32:
      add({"int", "integer", "int4"});
      break;
    case arrow::Type::INT64:
      add({"int", "integer", "long", "int8"});
      break;
    case arrow::Type::FLOAT:
      add({"float", "float32", "real", "float4"});
      break;
    case arrow::Type::DOUBLE:
      add({"float", "float64", "double precision", "float8"});
      break;
    case arrow::Type::DECIMAL128:
      add({"decimal", "numeric"});
      break;
    case arrow::Type::STRING:
      add({"string", "str", "text", "object", "char", "utf8"});
      break;
    case arrow::Type::BINARY:
    case arrow::Type::FIXED_SIZE_BINARY:
      add({"binary", "bytes", "bytea"});
      break;
    case arrow::Type::DATE32:
      add({"date"});
      break;
    case arrow::Type::TIMESTAMP:
      add({"timestamp", "datetime", "datetime64", "datetime64[us]"});
      break;
    case arrow::Type::LIST:
      add({"list", "array"});
      break;
    case arrow::Type::STRUCT:
      add({"struct", "dict"});
      break;
    case arrow::Type::MAP:
      add({"map", "dict"});
      break;
    default:
      break;
  }
  return names;
}

Result<ExpectationPlan> OfType(const PlanInputs& inputs) {
  ARROW_ASSIGN_OR_RAISE(auto field, inputs.Column());
  ARROW_ASSIGN_OR_RAISE(const auto wanted, inputs.Text("type_"));
  return Answer(NamesOfType(*field->type()).contains(base::ToLower(wanted)),
                SqlTypeName(*field->type()));
}

Result<ExpectationPlan> InTypeList(const PlanInputs& inputs) {
  ARROW_ASSIGN_OR_RAISE(auto field, inputs.Column());
  ARROW_ASSIGN_OR_RAISE(const auto wanted, inputs.Texts("type_list"));
  const auto names = NamesOfType(*field->type());
  const bool found = std::any_of(wanted.begin(), wanted.end(), [&](const std::string& name) {
    return names.contains(base::ToLower(name));
  });
  return Answer(found, SqlTypeName(*field->type()));
}

using A = ArgumentInfo;
constexpr A kColumn{"column", true}, kRow{"row_condition"};
constexpr std::array kExists{kColumn, A{"column_index"}};
constexpr std::array kSet{A{"column_set", true}, A{"exact_match"}};
constexpr std::array kList{A{"column_list", true}};
constexpr std::array kBetween{A{"min_value"}, A{"max_value"}, A{"strict_min"}, A{"strict_max"}};
constexpr std::array kValue{A{"value", true}};
constexpr std::array kRows{A{"min_value"}, A{"max_value"}, A{"strict_min"}, A{"strict_max"}, kRow};
constexpr std::array kRowValue{A{"value", true}, kRow};
constexpr std::array kType{kColumn, A{"type_", true}};
constexpr std::array kTypes{kColumn, A{"type_list", true}};

// clang-format off
constexpr std::array kDefinitions = {
    ExpectationDefinition{{"expect_column_to_exist", kExists, "the table has this column"}, Exists},
    ExpectationDefinition{{"expect_table_columns_to_match_set", kSet, "the table has these columns (and no others)"}, MatchSet},
    ExpectationDefinition{{"expect_table_columns_to_match_ordered_list", kList, "the table has these columns in this order"}, MatchList},
    ExpectationDefinition{{"expect_table_column_count_to_be_between", kBetween, "so many columns"}, ColumnCountBetween},
    ExpectationDefinition{{"expect_table_column_count_to_equal", kValue, "exactly so many columns"}, ColumnCountEquals},
    ExpectationDefinition{{"expect_table_row_count_to_be_between", kRows, "so many rows"}, RowCountBetween},
    ExpectationDefinition{{"expect_table_row_count_to_equal", kRowValue, "exactly so many rows"}, RowCountEquals},
    ExpectationDefinition{{"expect_column_values_to_be_of_type", kType, "the column has this type"}, OfType},
    ExpectationDefinition{{"expect_column_values_to_be_in_type_list", kTypes, "the column has one of these types"}, InTypeList},
};
// clang-format on

}  // namespace

std::span<const ExpectationDefinition> TableExpectations() { return kDefinitions; }

}  // namespace millpond::curate
