// The cast step: only values that keep their meaning pass; all others move their row to the
// rejects. SQL's own casts would round 1.5 to 2 and cut decimals, so each target has its own test.
#include <arrow/api.h>

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "curate/recipe_step.h"
#include "curate/table_view.h"
#include "source/source.h"

namespace millpond::curate {
namespace {

using base::Invalid;
using base::QuoteLiteral;
using TypePtr = std::shared_ptr<arrow::DataType>;

bool IsWhole(const arrow::DataType& type) { return arrow::is_integer(type.id()); }

Result<TypePtr> TargetType(const std::string& name) {
  ARROW_ASSIGN_OR_RAISE(TypePtr type, source::ParseTypeName(name));
  using arrow::Type;
  switch (type->id()) {
    case Type::TIMESTAMP:
      return arrow::timestamp(arrow::TimeUnit::MICRO,
                              static_cast<const arrow::TimestampType&>(*type).timezone());
    case Type::BOOL:
    case Type::INT32:
    case Type::INT64:
    case Type::FLOAT:
    case Type::DOUBLE:
    case Type::STRING:
    case Type::DATE32:
    case Type::DECIMAL128:
      return type;
    default:
      return Invalid(
          "cast has no target {}; use int32, int64, float, double, decimal(p,s), string, bool, "
          "date "
          "or timestamp",
          name);
  }
}

/// `cast` where it holds `condition`, else null.
std::string CastIf(const std::string& condition, const std::string& cast) {
  return "CASE WHEN " + condition + " THEN " + cast + " END";
}

std::string Matches(const std::string& value, const std::string& pattern) {
  return "regexp_full_match(" + value + ", '" + pattern + "')";
}

/// Text to a decimal by its digits; with an exponent, where a double holds all digits.
std::string TextToDecimal(const std::string& value, const std::string& cast, int32_t scale) {
  const std::string after = fmt::format("[0-9]{{0,{}}}0*", std::max(scale, 0));
  const std::string digits = "[+-]?([0-9]+([.]" + after + ")?|[.]" + after + ")";
  const std::string exponent = "[+-]?[0-9]{0,8}[.]?[0-9]{0,7}[eE][+-]?[0-9]+";
  return CastIf(Matches(value, digits) + " OR (" + Matches(value, exponent) + " AND CAST(" + cast +
                    " AS DOUBLE) = TRY_CAST(" + value + " AS DOUBLE))",
                cast);
}

/// From text that is trimmed and not empty.
std::string FromText(const std::string& value, const arrow::DataType& to,
                     const std::string& format) {
  const std::string sql_type = SqlTypeName(to);
  const bool is_date = to.id() == arrow::Type::DATE32;
  if (!format.empty()) {
    const std::string time = "try_strptime(" + value + ", " + QuoteLiteral(format) + ")";
    const std::string cast = "CAST(" + time + " AS " + sql_type + ")";
    return is_date ? CastIf(cast + " = " + time, cast) : cast;
  }
  const std::string cast = "TRY_CAST(" + value + " AS " + sql_type + ")";
  if (IsWhole(to)) return CastIf(Matches(value, "[+-]?[0-9]+([.]0*)?"), cast);
  if (to.id() == arrow::Type::BOOL) {
    return "CASE WHEN lower(" + value +
           ") IN ('true', 't', 'yes', 'y', '1', 'on') THEN true WHEN lower(" + value +
           ") IN ('false', 'f', 'no', 'n', '0', 'off') THEN false END";
  }
  if (to.id() == arrow::Type::DECIMAL128) {
    return TextToDecimal(value, cast, static_cast<const arrow::Decimal128Type&>(to).scale());
  }
  // Fractions become the nearest number, which is what these types are; whole numbers stay.
  if (arrow::is_floating(to.id())) {
    return CastIf("NOT " + Matches(value, "[+-]?[0-9]+") + " OR TRY_CAST(" + cast +
                      " AS HUGEINT) = TRY_CAST(" + value + " AS HUGEINT)",
                  cast);
  }
  if (is_date) return CastIf("TRY_CAST(" + value + " AS TIMESTAMP) = " + cast, cast);
  return cast;
}

/// From a number to float or double: whole numbers and decimals must come back as they were.
std::string ToFloating(const std::string& value, const arrow::DataType& from,
                       const std::string& cast) {
  if (arrow::is_floating(from.id())) {
    // Beyond 2^53 a double itself is the nearest number only.
    return CastIf("NOT (" + value + " = trunc(" + value + ") AND abs(" + value +
                      ") <= 9007199254740992) OR CAST(" + cast + " AS DOUBLE) = " + value,
                  cast);
  }
  const std::string exact = IsWhole(from) ? "HUGEINT" : SqlTypeName(from);
  return CastIf("TRY_CAST(" + cast + " AS " + exact + ") = " + value, cast);
}

std::string FromNumber(const std::string& value, const arrow::DataType& from,
                       const arrow::DataType& to) {
  const std::string cast = "TRY_CAST(" + value + " AS " + SqlTypeName(to) + ")";
  if (to.id() == arrow::Type::BOOL) {
    return "CASE WHEN " + value + " = 0 THEN false WHEN " + value + " = 1 THEN true END";
  }
  if (arrow::is_floating(to.id())) return ToFloating(value, from, cast);
  if ((IsWhole(to) && !IsWhole(from)) || to.id() == arrow::Type::DECIMAL128) {
    return CastIf(cast + " = " + value, cast);
  }
  return cast;
}

struct CastSql {
  std::string source;  ///< The value to cast; null where there is none.
  std::string result;
};

Result<CastSql> CastColumn(const StepColumn& column, const TypePtr& to, const std::string& format) {
  const std::string name = base::QuoteIdentifier(column.name);
  const ValueKind kind = KindOfType(*column.type);
  if (kind == ValueKind::kNested || kind == ValueKind::kBinary) {
    return Invalid("the column '{}' is {}, which cannot be cast", column.name,
                   SqlTypeName(*column.type));
  }
  if (!format.empty() && (kind != ValueKind::kText || KindOfType(*to) != ValueKind::kTime)) {
    return Invalid("'format' is for casts of text to date or timestamp; '{}' is {}", column.name,
                   SqlTypeName(*column.type));
  }
  if (kind == ValueKind::kText && to->id() != arrow::Type::STRING) {
    const std::string text = "nullif(trim(" + name + "), '')";
    return CastSql{text, FromText(text, *to, format)};
  }
  if (kind == ValueKind::kNumber) return CastSql{name, FromNumber(name, *column.type, *to)};
  const std::string cast = "TRY_CAST(" + name + " AS " + SqlTypeName(*to) + ")";
  // A date has no time: only midnight keeps its meaning.
  const bool drops_time = kind == ValueKind::kTime && to->id() == arrow::Type::DATE32;
  return CastSql{name, drops_time ? CastIf(cast + " = " + name, cast) : cast};
}

}  // namespace

Result<StepSql> CompileCast(const StepInputs& inputs) {
  ARROW_ASSIGN_OR_RAISE(const auto columns, inputs.Columns());
  ARROW_ASSIGN_OR_RAISE(const auto type_name, inputs.Text("to"));
  ARROW_ASSIGN_OR_RAISE(const auto format, inputs.Text("format", ""));
  ARROW_ASSIGN_OR_RAISE(const auto on_error, inputs.Text("on_error", "reject"));
  if (on_error != "reject" && on_error != "null") {
    return Invalid("the argument 'on_error' of cast must be reject or null, not {}", on_error);
  }
  ARROW_ASSIGN_OR_RAISE(const auto to, TargetType(type_name));
  StepSql sql;
  for (const StepColumn& column : columns) {
    ARROW_ASSIGN_OR_RAISE(const auto cast, CastColumn(column, to, format));
    sql.changed[column.name] = cast.result;
    sql.values[column.name] = {{"from", SqlTypeName(*column.type)}, {"to", SqlTypeName(*to)}};
    if (on_error == "reject") {
      sql.guards.push_back(
          {.column = column.name,
           .refused = "(" + cast.source + ") IS NOT NULL AND (" + cast.result + ") IS NULL",
           .wanted = SqlTypeName(*to)});
    }
  }
  return sql;
}

}  // namespace millpond::curate
