// Steps that change values in place: cast, fill, clip, normalise, text, replace, derive.
#include <arrow/api.h>

#include <array>
#include <cmath>
#include <utility>

#include "base/text.h"
#include "curate/recipe_step.h"
#include "curate/table_view.h"
#include "query/sql_lexer.h"
#include "table/schema.h"

namespace millpond::curate {
namespace {

using base::Invalid;
using base::Json;
using base::QuoteIdentifier;
using base::QuoteLiteral;

Status NeedNumber(const StepColumn& column, const char* step) {
  if (KindOfType(*column.type) == ValueKind::kNumber) return Status::OK();
  return Invalid("{} needs numbers; '{}' is {}: cast it first", step, column.name,
                 SqlTypeName(*column.type));
}

Status NeedText(const StepColumn& column, const char* step) {
  if (KindOfType(*column.type) == ValueKind::kText) return Status::OK();
  return Invalid("{} needs text; '{}' is {}", step, column.name, SqlTypeName(*column.type));
}

std::string NameOf(const StepColumn& column) { return QuoteIdentifier(column.name); }

/// The value without NaN and infinities, which would be every mean and every extreme.
std::string FiniteOf(const StepColumn& column) {
  const std::string name = NameOf(column);
  return IsFloating(*column.type) ? "CASE WHEN isfinite(" + name + ") THEN " + name + " END" : name;
}

/// A value as a literal of exactly the column's type, so that the column keeps it.
Result<std::string> TypedLiteral(const Json& value, const StepColumn& column) {
  const auto literal = SqlLiteral(value, *column.type);
  if (!literal.ok()) return base::WithContext("column '" + column.name + "'", literal.status());
  if (arrow::is_integer(column.type->id()) && value.is_number_float() &&
      value.get<double>() != std::trunc(value.get<double>())) {
    return Invalid("{} is no whole number, but '{}' is {}", base::CanonicalJson(value), column.name,
                   SqlTypeName(*column.type));
  }
  return "CAST(" + *literal + " AS " + SqlTypeName(*column.type) + ")";
}

/// The value that fills gaps of one column; null where there is nothing to fit on.
Result<Json> FillValue(const StepInputs& inputs, const StepColumn& column,
                       const std::string& method) {
  if (method == "mode") {
    // Of equally frequent values the least, so that every run fills the same.
    const std::string name = NameOf(column);
    ARROW_ASSIGN_OR_RAISE(
        auto fitted, inputs.Fitted({name}, "WHERE " + name + " IS NOT NULL GROUP BY " + name +
                                               " ORDER BY count(*) DESC, " + name + " LIMIT 1"));
    return fitted[0];
  }
  ARROW_RETURN_NOT_OK(NeedNumber(column, "fill"));
  if (method != "mean" && method != "median") {
    return Invalid("fill has no method '{}'; use mean, median, mode or forward", method);
  }
  const std::string function = method == "mean" ? "avg" : "median";
  ARROW_ASSIGN_OR_RAISE(
      auto fitted, inputs.Fitted({"CAST(" + function + "(" + FiniteOf(column) + ") AS DOUBLE)"}));
  Json value = std::move(fitted[0]);
  if (value.is_number() && arrow::is_integer(column.type->id())) {
    value = std::llround(value.get<double>());
  }
  return value;
}

Result<StepSql> Fill(const StepInputs& inputs) {
  ARROW_ASSIGN_OR_RAISE(const auto columns, inputs.Columns());
  const bool has_value = !inputs.Raw("value").is_null();
  if (has_value == !inputs.Raw("method").is_null()) {
    return Invalid("fill needs either 'value' or 'method' (mean, median, mode, forward)");
  }
  ARROW_ASSIGN_OR_RAISE(const auto method, inputs.Text("method", ""));
  ARROW_ASSIGN_OR_RAISE(const bool nan, inputs.Flag("nan", false));
  StepSql sql;
  for (const StepColumn& column : columns) {
    std::string present = NameOf(column);
    if (nan && IsFloating(*column.type)) {
      present = "CASE WHEN NOT isnan(" + present + ") THEN " + present + " END";
    }
    if (method == "forward") {
      if (!inputs.HasSampleId()) return Invalid("fill forward needs sample_id for the rows' order");
      sql.changed[column.name] =
          "last_value(" + present + " IGNORE NULLS) OVER (ORDER BY sample_id)";
      sql.values[column.name] = {{"method", "forward"}};
      sql.reorders = true;
      continue;
    }
    Json value = inputs.Raw("value");
    if (!has_value) {
      ARROW_ASSIGN_OR_RAISE(value, FillValue(inputs, column, method));
    }
    sql.values[column.name] = {{has_value ? "value" : method, value}};
    if (value.is_null()) continue;  // No value to fit on: the gaps stay.
    ARROW_ASSIGN_OR_RAISE(const auto literal, TypedLiteral(value, column));
    sql.changed[column.name] = "coalesce(" + present + ", " + literal + ")";
  }
  return sql;
}

/// The bounds of clip for one column: as given, or fitted quantiles.
Result<std::pair<Json, Json>> ClipBounds(const StepInputs& inputs, const StepColumn& column) {
  const auto probability = [&](const char* name) -> Result<Json> {
    const Json& value = inputs.Raw(name);
    if (value.is_null()) return Json();
    if (!value.is_number() || value.get<double>() < 0 || value.get<double>() > 1) {
      return Invalid("the argument '{}' of clip must be between 0 and 1, not {}", name,
                     base::CanonicalJson(value));
    }
    // An actual value of the column, so that its type is kept.
    ARROW_ASSIGN_OR_RAISE(auto fitted,
                          inputs.Fitted({fmt::format("quantile_disc({}, {})", FiniteOf(column),
                                                     value.get<double>())}));
    return std::move(fitted[0]);
  };
  ARROW_ASSIGN_OR_RAISE(Json low, probability("lower_quantile"));
  ARROW_ASSIGN_OR_RAISE(Json high, probability("upper_quantile"));
  if (!inputs.Raw("min").is_null()) low = inputs.Raw("min");
  if (!inputs.Raw("max").is_null()) high = inputs.Raw("max");
  return std::make_pair(std::move(low), std::move(high));
}

Result<StepSql> Clip(const StepInputs& inputs) {
  ARROW_ASSIGN_OR_RAISE(const auto columns, inputs.Columns());
  const auto given = [&](const char* name) { return !inputs.Raw(name).is_null(); };
  if (!given("min") && !given("max") && !given("lower_quantile") && !given("upper_quantile")) {
    return Invalid("clip needs min, max, lower_quantile or upper_quantile");
  }
  if ((given("min") && given("lower_quantile")) || (given("max") && given("upper_quantile"))) {
    return Invalid("clip takes a bound or a quantile for each side, not both");
  }
  StepSql sql;
  for (const StepColumn& column : columns) {
    ARROW_RETURN_NOT_OK(NeedNumber(column, "clip"));
    ARROW_ASSIGN_OR_RAISE(auto bounds, ClipBounds(inputs, column));
    const std::string name = NameOf(column);
    std::string cases;
    // NaN is greater than every number in SQL, but it is no outlier to clip.
    if (IsFloating(*column.type)) cases += " WHEN isnan(" + name + ") THEN " + name;
    if (!bounds.first.is_null()) {
      ARROW_ASSIGN_OR_RAISE(const auto low, TypedLiteral(bounds.first, column));
      cases += " WHEN " + name + " < " + low + " THEN " + low;
    }
    if (!bounds.second.is_null()) {
      ARROW_ASSIGN_OR_RAISE(const auto high, TypedLiteral(bounds.second, column));
      cases += " WHEN " + name + " > " + high + " THEN " + high;
    }
    sql.values[column.name] = {{"min", bounds.first}, {"max", bounds.second}};
    if (bounds.first.is_null() && bounds.second.is_null()) continue;
    sql.changed[column.name] = "CASE" + cases + " ELSE " + name + " END";
  }
  return sql;
}

Result<StepSql> Normalise(const StepInputs& inputs) {
  ARROW_ASSIGN_OR_RAISE(const auto columns, inputs.Columns());
  ARROW_ASSIGN_OR_RAISE(const auto method, inputs.Text("method", "zscore"));
  if (method != "zscore" && method != "minmax") {
    return Invalid("normalise has no method '{}'; use zscore or minmax", method);
  }
  std::vector<std::string> figures;
  for (const StepColumn& column : columns) {
    ARROW_RETURN_NOT_OK(NeedNumber(column, "normalise"));
    const std::string value = "(CAST(" + FiniteOf(column) + " AS DOUBLE))";
    figures.push_back((method == "zscore" ? "avg" : "min") + value);
    figures.push_back((method == "zscore" ? "stddev_pop" : "max") + value);
  }
  ARROW_ASSIGN_OR_RAISE(const auto fitted, inputs.Fitted(figures));
  StepSql sql;
  for (size_t i = 0; i < columns.size(); ++i) {
    const Json& first = fitted[2 * i];
    const Json& second = fitted[2 * i + 1];
    const bool zscore = method == "zscore";
    sql.values[columns[i].name] = {{zscore ? "mean" : "min", first},
                                   {zscore ? "stddev" : "max", second}};
    const std::string value = "CAST(" + NameOf(columns[i]) + " AS DOUBLE)";
    if (!first.is_number() || !second.is_number()) {
      sql.changed[columns[i].name] = value;
      continue;
    }
    const double centre = first.get<double>();
    const double width = zscore ? second.get<double>() : second.get<double>() - centre;
    // A column of one value carries nothing: all zeros, as scikit-learn's scalers give.
    sql.changed[columns[i].name] = fmt::format("({} - CAST({} AS DOUBLE)) / CAST({} AS DOUBLE)",
                                               value, centre, width == 0 ? 1.0 : width);
  }
  return sql;
}

Result<std::string> ApplyText(const Json& operation, std::string value) {
  const std::string name = operation.is_string() ? operation.get<std::string>() : "";
  if (name == "trim") return "regexp_replace(" + value + ", '^\\s+|\\s+$', '', 'g')";
  if (name == "lower") return "lower(" + value + ")";
  if (name == "upper") return "upper(" + value + ")";
  if (name == "collapse") return "regexp_replace(" + value + ", '\\s+', ' ', 'g')";
  if (name == "strip_accents") return "strip_accents(" + value + ")";
  if (name == "nfc") return "nfc_normalize(" + value + ")";
  if (name == "empty_to_null") return "nullif(" + value + ", '')";
  return Invalid(
      "text has no operation {}; use trim, lower, upper, collapse, strip_accents, nfc, strip or "
      "empty_to_null",
      base::CanonicalJson(operation));
}

Result<StepSql> CompileText(const StepInputs& inputs, const Json& operations) {
  ARROW_ASSIGN_OR_RAISE(const auto columns, inputs.Columns());
  StepSql sql;
  for (const StepColumn& column : columns) {
    ARROW_RETURN_NOT_OK(NeedText(column, "text"));
    std::string value = NameOf(column);
    for (const Json& operation : operations) {
      if (operation.is_object() && operation.size() == 1 && operation.contains("strip") &&
          operation["strip"].is_string()) {
        value = "trim(" + value + ", " + QuoteLiteral(operation["strip"].get<std::string>()) + ")";
        continue;
      }
      ARROW_ASSIGN_OR_RAISE(value, ApplyText(operation, std::move(value)));
    }
    sql.changed[column.name] = std::move(value);
  }
  return sql;
}

Result<StepSql> TextStep(const StepInputs& inputs) {
  const Json& apply = inputs.Raw("apply");
  if (apply.is_string()) return CompileText(inputs, Json::array({apply}));
  if (!apply.is_array() || apply.empty()) {
    return Invalid("text needs 'apply', as in [trim, lower]");
  }
  return CompileText(inputs, apply);
}

Result<StepSql> Trim(const StepInputs& inputs) { return CompileText(inputs, {"trim"}); }
Result<StepSql> Lower(const StepInputs& inputs) { return CompileText(inputs, {"lower"}); }
Result<StepSql> Upper(const StepInputs& inputs) { return CompileText(inputs, {"upper"}); }

Result<std::string> ReplaceValues(const Json& values, const StepColumn& column) {
  Json pairs = values;
  if (values.is_object()) {
    pairs = Json::array();
    for (const auto& [from, to] : values.items()) pairs.push_back({from, to});
  }
  const std::string name = NameOf(column);
  std::string cases;
  for (const Json& pair : pairs) {
    if (!pair.is_array() || pair.size() != 2) {
      return Invalid("replace: write 'values' as {{old: new}} or [[old, new]], found {}",
                     base::CanonicalJson(pair));
    }
    // Keys of YAML maps are text; a boolean column's are true and false.
    Json from = pair[0];
    if (KindOfType(*column.type) == ValueKind::kBoolean && (from == "true" || from == "false")) {
      from = from == "true";
    }
    ARROW_ASSIGN_OR_RAISE(const auto old_value, SqlLiteral(from, *column.type));
    std::string new_value = "NULL";
    if (!pair[1].is_null()) {
      ARROW_ASSIGN_OR_RAISE(new_value, TypedLiteral(pair[1], column));
    }
    cases +=
        " WHEN " + name + (from.is_null() ? " IS NULL" : " = " + old_value) + " THEN " + new_value;
  }
  if (cases.empty()) return Invalid("replace: 'values' is empty");
  return "CASE" + cases + " ELSE " + name + " END";
}

Result<StepSql> Replace(const StepInputs& inputs) {
  ARROW_ASSIGN_OR_RAISE(const auto columns, inputs.Columns());
  const Json& values = inputs.Raw("values");
  if (values.is_null() == inputs.Raw("regex").is_null()) {
    return Invalid("replace needs either 'values' or 'regex' and 'with'");
  }
  StepSql sql;
  for (const StepColumn& column : columns) {
    if (!values.is_null()) {
      if (!values.is_structured()) return Invalid("replace: 'values' must be {{old: new}}");
      ARROW_ASSIGN_OR_RAISE(sql.changed[column.name], ReplaceValues(values, column));
      continue;
    }
    ARROW_RETURN_NOT_OK(NeedText(column, "replace with a regex"));
    ARROW_ASSIGN_OR_RAISE(const auto regex, inputs.Text("regex"));
    ARROW_ASSIGN_OR_RAISE(const auto with, inputs.Text("with"));
    sql.changed[column.name] = "regexp_replace(" + NameOf(column) + ", " + QuoteLiteral(regex) +
                               ", " + QuoteLiteral(with) + ", 'g')";
  }
  return sql;
}

Result<StepSql> Derive(const StepInputs& inputs) {
  ARROW_ASSIGN_OR_RAISE(const auto column, inputs.Text("column"));
  ARROW_ASSIGN_OR_RAISE(const auto expression, inputs.Text("as"));
  ARROW_RETURN_NOT_OK(query::CheckExpressionText(expression, "derive"));
  ARROW_RETURN_NOT_OK(base::CheckName(column, "column name"));
  if (column == table::kSampleId) return Invalid("sample_id names the rows and cannot be derived");
  for (const StepColumn& other : inputs.columns()) {
    if (other.name != column && base::ToLower(other.name) == base::ToLower(column)) {
      return Invalid(
          "derive: '{}' differs from the column '{}' in case only; SQL takes them for one", column,
          other.name);
    }
  }
  StepSql sql;
  // On lines of its own: a comment in the expression ends with it.
  const std::string value = "(\n" + expression + "\n)";
  if (inputs.Find(column).ok()) {
    sql.changed[column] = value;
  } else {
    sql.added.emplace_back(column, value);
  }
  return sql;
}

using Names = std::string_view;
constexpr std::array<Names, 5> kCast{"column", "columns", "to", "format", "on_error"};
constexpr std::array<Names, 5> kFill{"column", "columns", "value", "method", "nan"};
constexpr std::array<Names, 6> kClip{"column", "columns",        "min",
                                     "max",    "lower_quantile", "upper_quantile"};
constexpr std::array<Names, 3> kNormalise{"column", "columns", "method"};
constexpr std::array<Names, 3> kText{"column", "columns", "apply"};
constexpr std::array<Names, 2> kColumns{"column", "columns"};
constexpr std::array<Names, 5> kReplace{"column", "columns", "values", "regex", "with"};
constexpr std::array<Names, 2> kDerive{"column", "as"};

constexpr std::array kDefinitions = {
    StepDefinition{"cast", kCast, CompileCast},
    StepDefinition{"fill", kFill, Fill},
    StepDefinition{"clip", kClip, Clip},
    StepDefinition{"normalise", kNormalise, Normalise},
    StepDefinition{"normalize", kNormalise, Normalise},
    StepDefinition{"text", kText, TextStep},
    StepDefinition{"trim", kColumns, Trim},
    StepDefinition{"lower", kColumns, Lower},
    StepDefinition{"upper", kColumns, Upper},
    StepDefinition{"replace", kReplace, Replace},
    StepDefinition{"derive", kDerive, Derive},
};

}  // namespace

std::span<const StepDefinition> ValueSteps() { return kDefinitions; }

}  // namespace millpond::curate
