// The cast step: only values that keep their meaning pass; all others move their row to the
// rejects. SQL's own casts would round 1.5 to 2 and cut decimals, so each target has its own test.
#include <arrow/api.h>

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

/// From text that is trimmed and not empty.
std::string FromText(const std::string& value, const arrow::DataType& to,
                     const std::string& format) {
  const std::string sql_type = SqlTypeName(to);
  if (!format.empty()) {
    return "CAST(try_strptime(" + value + ", " + QuoteLiteral(format) + ") AS " + sql_type + ")";
  }
  const std::string cast = "TRY_CAST(" + value + " AS " + sql_type + ")";
  if (IsWhole(to)) {
    return "CASE WHEN regexp_full_match(" + value + ", '[+-]?[0-9]+([.]0*)?') THEN " + cast +
           " END";
  }
  if (to.id() == arrow::Type::BOOL) {
    return "CASE WHEN lower(" + value +
           ") IN ('true', 't', 'yes', 'y', '1', 'on') THEN true WHEN lower(" + value +
           ") IN ('false', 'f', 'no', 'n', '0', 'off') THEN false END";
  }
  if (to.id() == arrow::Type::DECIMAL128) {
    return "CASE WHEN CAST(" + cast + " AS DOUBLE) = TRY_CAST(" + value + " AS DOUBLE) THEN " +
           cast + " END";
  }
  return cast;
}

std::string FromNumber(const std::string& value, const arrow::DataType& from,
                       const arrow::DataType& to) {
  const std::string cast = "TRY_CAST(" + value + " AS " + SqlTypeName(to) + ")";
  if (to.id() == arrow::Type::BOOL) {
    return "CASE WHEN " + value + " = 0 THEN false WHEN " + value + " = 1 THEN true END";
  }
  if ((IsWhole(to) && !IsWhole(from)) || to.id() == arrow::Type::DECIMAL128) {
    return "CASE WHEN " + cast + " = " + value + " THEN " + cast + " END";
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
  return CastSql{name, "TRY_CAST(" + name + " AS " + SqlTypeName(*to) + ")"};
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
