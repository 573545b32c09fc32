// Resolving a table to a pinned version, and the SQL text of values; see the header.
#include "curate/table_view.h"

#include <arrow/api.h>

#include <charconv>
#include <cmath>
#include <utility>

#include "base/text.h"
#include "base/time.h"
#include "table/schema.h"

namespace millpond::curate {
namespace {

using base::Invalid;
using base::Json;

std::string QuotedTable(const table::TableName& table, const std::string& ref) {
  return base::QuoteIdentifier(table.space) + "." +
         base::QuoteIdentifier(ref.empty() ? table.name : table.name + "@" + ref);
}

std::string NumberLiteral(double value) {
  if (std::isnan(value)) return "CAST('NaN' AS DOUBLE)";
  if (std::isinf(value))
    return value > 0 ? "CAST('Infinity' AS DOUBLE)" : "CAST('-Infinity' AS DOUBLE)";
  return fmt::format("CAST({} AS DOUBLE)", value);
}

Result<std::string> NumberFrom(const Json& value, const arrow::DataType& type) {
  if (value.is_number_integer()) return value.dump();
  if (value.is_number_float()) return NumberLiteral(value.get<double>());
  if (value.is_boolean()) return std::string(value.get<bool>() ? "1" : "0");
  if (value.is_string()) {
    const std::string text(base::Trim(value.get_ref<const std::string&>()));
    double number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc() && end == text.data() + text.size() && !text.empty()) {
      return NumberLiteral(number);
    }
  }
  return Invalid("{} is not a {}", base::CanonicalJson(value), SqlTypeName(type));
}

Result<std::string> TimeFrom(const Json& value, const arrow::DataType& type) {
  if (!value.is_string() || !base::ParseTime(value.get_ref<const std::string&>()).ok()) {
    return Invalid("{} is not a {}; write it as \"2026-11-01\" or \"2026-11-01T12:00:00\"",
                   base::CanonicalJson(value), SqlTypeName(type));
  }
  return fmt::format("CAST({} AS {})", base::QuoteLiteral(value.get_ref<const std::string&>()),
                     SqlTypeName(type));
}

}  // namespace

Result<TableView> TableView::Open(query::Session& session, const std::string& text) {
  ARROW_ASSIGN_OR_RAISE(auto at, table::TableAtRef::Parse(text));
  const std::string select = "SELECT * FROM " + QuotedTable(at.table, at.ref);
  ARROW_ASSIGN_OR_RAISE(auto inputs, session.InputsOf(select, {}));
  if (inputs.size() != 1) return base::Internal("{} resolves to {} tables", text, inputs.size());
  TableView view;
  view.table = inputs[0].table;
  view.snapshot = inputs[0].snapshot_id;
  view.policy_hash = inputs[0].policy_hash;
  view.sql = QuotedTable(view.table, "");
  view.options.pins[view.table].snapshot_id = view.snapshot;
  ARROW_ASSIGN_OR_RAISE(view.schema, session.SchemaOf("SELECT * FROM " + view.sql, view.options));
  view.has_sample_id = view.schema->GetFieldIndex(std::string(table::kSampleId)) >= 0;
  return view;
}

Result<std::shared_ptr<arrow::Field>> TableView::Column(const std::string& name) const {
  if (auto field = schema->GetFieldByName(name)) return field;
  const auto names = schema->field_names();
  return base::NotFound("{} has no column '{}'.{}", table.ToString(), name,
                        base::DidYouMean(name, names));
}

ValueKind KindOfType(const arrow::DataType& type) {
  if (arrow::is_numeric(type.id()) || arrow::is_decimal(type.id())) return ValueKind::kNumber;
  if (arrow::is_string(type.id())) return ValueKind::kText;
  if (type.id() == arrow::Type::BOOL) return ValueKind::kBoolean;
  if (arrow::is_temporal(type.id())) return ValueKind::kTime;
  if (arrow::is_nested(type.id())) return ValueKind::kNested;
  return ValueKind::kBinary;
}

bool IsFloating(const arrow::DataType& type) { return arrow::is_floating(type.id()); }

std::string SqlTypeName(const arrow::DataType& type) {
  switch (type.id()) {
    case arrow::Type::BOOL:
      return "BOOLEAN";
    case arrow::Type::INT32:
      return "INTEGER";
    case arrow::Type::INT64:
      return "BIGINT";
    case arrow::Type::FLOAT:
      return "FLOAT";
    case arrow::Type::DOUBLE:
      return "DOUBLE";
    case arrow::Type::STRING:
    case arrow::Type::LARGE_STRING:
      return "VARCHAR";
    case arrow::Type::BINARY:
    case arrow::Type::LARGE_BINARY:
    case arrow::Type::FIXED_SIZE_BINARY:
      return "BLOB";
    case arrow::Type::DATE32:
      return "DATE";
    case arrow::Type::TIMESTAMP:
      return static_cast<const arrow::TimestampType&>(type).timezone().empty() ? "TIMESTAMP"
                                                                               : "TIMESTAMPTZ";
    case arrow::Type::DECIMAL128: {
      const auto& decimal = static_cast<const arrow::DecimalType&>(type);
      return fmt::format("DECIMAL({},{})", decimal.precision(), decimal.scale());
    }
    default:
      return type.ToString();
  }
}

Result<std::string> SqlLiteral(const Json& value, const arrow::DataType& type) {
  if (value.is_null()) return std::string("NULL");
  if (value.is_structured()) {
    return Invalid("{} is not a {}", base::CanonicalJson(value), SqlTypeName(type));
  }
  switch (KindOfType(type)) {
    case ValueKind::kNumber:
      return NumberFrom(value, type);
    case ValueKind::kTime:
      return TimeFrom(value, type);
    case ValueKind::kBoolean:
      if (value.is_boolean()) return std::string(value.get<bool>() ? "true" : "false");
      return Invalid("{} is not true or false", base::CanonicalJson(value));
    case ValueKind::kText:
      return base::QuoteLiteral(value.is_string() ? value.get<std::string>()
                                                  : base::CanonicalJson(value));
    default:
      return Invalid("columns of type {} have no values to compare with", SqlTypeName(type));
  }
}

}  // namespace millpond::curate
