// Builds the relation of a table version: runs of files with one schema, in the plan's order,
// joined with UNION ALL; then the policy around them.
#include "query/relation.h"

#include <arrow/type.h>

#include <algorithm>
#include <vector>

#include "base/text.h"
#include "table/metadata.h"
#include "table/schema.h"

namespace millpond::query {
namespace {

using base::QuoteIdentifier;

Result<std::string> StructType(const arrow::DataType& type) {
  std::vector<std::string> fields;
  for (const auto& field : type.fields()) {
    ARROW_ASSIGN_OR_RAISE(const std::string child, SqlTypeOf(*field->type()));
    fields.push_back(QuoteIdentifier(field->name()) + " " + child);
  }
  return "STRUCT(" + base::Join(fields, ", ") + ")";
}

// Whether nested fields pair up by name as they do by field id: nested values are cast by name.
bool NestedFieldsAgree(const arrow::DataType& now, const arrow::DataType& then) {
  if (now.id() != then.id()) return now.num_fields() == 0 && then.num_fields() == 0;
  if (now.id() != arrow::Type::STRUCT) {
    for (int i = 0; i < now.num_fields(); ++i) {
      if (!NestedFieldsAgree(*now.field(i)->type(), *then.field(i)->type())) return false;
    }
    return true;
  }
  for (const auto& field : now.fields()) {
    for (const auto& old : then.fields()) {
      const bool same_id = table::FieldIdOf(*field) == table::FieldIdOf(*old);
      const bool same_name = base::ToLower(field->name()) == base::ToLower(old->name());
      if (same_id != same_name) return false;
      if (same_id && !NestedFieldsAgree(*field->type(), *old->type())) return false;
    }
  }
  return true;
}

std::shared_ptr<arrow::Field> FieldWithId(const arrow::Schema& schema, int32_t id) {
  for (const auto& field : schema.fields()) {
    if (table::FieldIdOf(*field) == id) return field;
  }
  return nullptr;
}

// How the column `field` of the version is read from files that were written with `then`.
Result<std::string> ColumnFrom(const arrow::Field& field, const arrow::Schema& then,
                               const table::TableName& name) {
  const auto id = table::FieldIdOf(field);
  const auto old = id ? FieldWithId(then, *id) : then.GetFieldByName(field.name());
  const std::string as = " AS " + QuoteIdentifier(field.name());
  if (old != nullptr && old->type()->Equals(*field.type()))
    return QuoteIdentifier(old->name()) + as;
  ARROW_ASSIGN_OR_RAISE(const std::string type, SqlTypeOf(*field.type()));
  if (old == nullptr) return "CAST(NULL AS " + type + ")" + as;
  if (!NestedFieldsAgree(*field.type(), *old->type())) {
    return base::Invalid(
        "{}: fields inside column '{}' were renamed or replaced after some of its files were "
        "written; "
        "rewrite the table to read it",
        name.ToString(), field.name());
  }
  return "CAST(" + QuoteIdentifier(old->name()) + " AS " + type + ")" + as;
}

// A SELECT over files [begin, end) of the plan, which were written with one schema.
Result<std::string> SelectFiles(const table::TableVersion& version, const table::ScanPlan& plan,
                                size_t begin, size_t end) {
  const table::Schema* stored = version.table.metadata->SchemaById(plan.files[begin].schema_id);
  const bool current = plan.same_schema || stored == nullptr;
  std::vector<std::string> columns;
  for (const auto& field : plan.schema->fields()) {
    if (current) {
      columns.push_back(QuoteIdentifier(field->name()));
      continue;
    }
    ARROW_ASSIGN_OR_RAISE(columns.emplace_back(),
                          ColumnFrom(*field, *stored->arrow, version.table.name));
  }
  std::vector<std::string> paths;
  for (size_t i = begin; i < end; ++i) {
    if (plan.files[i].file.format != "PARQUET") {
      return base::Invalid("{}: file {} is {}; only Parquet can be read",
                           version.table.name.ToString(), plan.files[i].path,
                           plan.files[i].file.format);
    }
    paths.push_back(base::QuoteLiteral(plan.files[i].path));
  }
  return fmt::format("SELECT {} FROM read_parquet([{}], hive_partitioning = false)",
                     base::Join(columns, ", "), base::Join(paths, ", "));
}

Result<std::string> SelectAllFiles(const table::TableVersion& version,
                                   const table::ScanPlan& plan) {
  std::vector<std::string> runs;
  for (size_t begin = 0; begin < plan.files.size();) {
    size_t end = begin + 1;
    while (end < plan.files.size() &&
           (plan.same_schema || plan.files[end].schema_id == plan.files[begin].schema_id)) {
      ++end;
    }
    ARROW_ASSIGN_OR_RAISE(runs.emplace_back(), SelectFiles(version, plan, begin, end));
    begin = end;
  }
  return base::Join(runs, " UNION ALL ");
}

// DuckDB has no relation without columns: a table that has none shows one that is always absent.
Result<std::string> SelectNothing(const arrow::Schema& schema) {
  std::vector<std::string> columns;
  for (const auto& field : schema.fields()) {
    ARROW_ASSIGN_OR_RAISE(const std::string type, SqlTypeOf(*field->type()));
    columns.push_back("CAST(NULL AS " + type + ") AS " + QuoteIdentifier(field->name()));
  }
  if (columns.empty()) columns.push_back("NULL AS \"(no columns)\"");
  return "SELECT " + base::Join(columns, ", ") + " WHERE false";
}

const std::string* MaskOf(const ReadDecision& decision, const std::string& column) {
  for (const auto& [masked, expression] : decision.masks) {
    if (base::ToLower(masked) == base::ToLower(column)) return &expression;
  }
  return nullptr;
}

Result<std::string> ApplyPolicy(const std::string& rows, const arrow::Schema& schema,
                                const ReadDecision& decision) {
  const bool filtered = !decision.row_filter.empty();
  if (!filtered && decision.masks.empty()) return rows;
  const std::string filter = "(" + decision.row_filter + "\n)";
  std::vector<std::string> columns;
  for (const auto& field : schema.fields()) {
    const std::string name = QuoteIdentifier(field->name());
    std::string value = name;
    if (const std::string* mask = MaskOf(decision, field->name())) {
      ARROW_ASSIGN_OR_RAISE(const std::string type, SqlTypeOf(*field->type()));
      value = "CAST((" + *mask + "\n) AS " + type + ")";
    }
    if (filtered) value = "CASE WHEN " + filter + " THEN " + value + " END";
    columns.push_back(value + " AS " + name);
  }
  return "SELECT " + base::Join(columns, ", ") + " FROM (" + rows + ")" +
         (filtered ? " WHERE " + filter : "");
}

}  // namespace

Result<std::string> SqlTypeOf(const arrow::DataType& type) {
  // clang-format off
  switch (type.id()) {
    case arrow::Type::BOOL: return "BOOLEAN";
    case arrow::Type::INT8: return "TINYINT";
    case arrow::Type::INT16: return "SMALLINT";
    case arrow::Type::INT32: return "INTEGER";
    case arrow::Type::INT64: return "BIGINT";
    case arrow::Type::FLOAT: return "FLOAT";
    case arrow::Type::DOUBLE: return "DOUBLE";
    case arrow::Type::DATE32: return "DATE";
    case arrow::Type::STRING: case arrow::Type::LARGE_STRING: return "VARCHAR";
    case arrow::Type::BINARY: case arrow::Type::LARGE_BINARY:
    case arrow::Type::FIXED_SIZE_BINARY: return "BLOB";
    default: break;
  }
  // clang-format on
  if (type.id() == arrow::Type::TIMESTAMP) {
    const bool zoned = !static_cast<const arrow::TimestampType&>(type).timezone().empty();
    return zoned ? "TIMESTAMP WITH TIME ZONE" : "TIMESTAMP";
  }
  if (type.id() == arrow::Type::DECIMAL128) {
    const auto& decimal = static_cast<const arrow::Decimal128Type&>(type);
    return fmt::format("DECIMAL({}, {})", decimal.precision(), decimal.scale());
  }
  if (type.id() == arrow::Type::STRUCT) return StructType(type);
  if (type.id() == arrow::Type::LIST || type.id() == arrow::Type::LARGE_LIST) {
    ARROW_ASSIGN_OR_RAISE(const std::string item, SqlTypeOf(*type.field(0)->type()));
    return item + "[]";
  }
  if (type.id() == arrow::Type::MAP) {
    const auto& map = static_cast<const arrow::MapType&>(type);
    ARROW_ASSIGN_OR_RAISE(const std::string key, SqlTypeOf(*map.key_type()));
    ARROW_ASSIGN_OR_RAISE(const std::string item, SqlTypeOf(*map.item_type()));
    return "MAP(" + key + ", " + item + ")";
  }
  return base::Invalid("a table column of type {} cannot be queried", type.ToString());
}

Result<std::string> RelationSql(const table::TableVersion& version, const table::ScanPlan& plan,
                                const ReadDecision& decision) {
  const bool empty = plan.files.empty() || plan.schema->num_fields() == 0;
  ARROW_ASSIGN_OR_RAISE(const std::string rows,
                        empty ? SelectNothing(*plan.schema) : SelectAllFiles(version, plan));
  return ApplyPolicy(rows, *plan.schema, decision);
}

}  // namespace millpond::query
