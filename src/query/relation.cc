// The relation of a table version: its files' rows, then the policy around them.
#include "query/relation.h"

#include <arrow/type.h>

#include <vector>

#include "base/text.h"
#include "query/column_expression.h"

namespace millpond::query {
namespace {

using base::QuoteIdentifier;

// DuckDB has no relation without columns: a table that has none shows one that is always absent.
Result<std::string> SelectNothing(const FileSelection& selection) {
  std::vector<std::string> columns;
  for (const auto& field : selection.plan.schema->fields()) {
    ARROW_ASSIGN_OR_RAISE(const std::string type, SqlTypeOf(*field->type()));
    columns.push_back("CAST(NULL AS " + type + ") AS " + QuoteIdentifier(field->name()));
  }
  for (const std::string& name : selection.hidden) {
    const std::string type = name == kFileColumn ? "VARCHAR" : "BIGINT";
    columns.push_back("CAST(NULL AS " + type + ") AS " + QuoteIdentifier(name));
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

Result<std::string> ApplyPolicy(const std::string& rows, const FileSelection& selection,
                                const ReadDecision& decision) {
  const bool filtered = !decision.row_filter.empty();
  if (!filtered && decision.masks.empty()) return rows;
  const std::string filter = "(" + decision.row_filter + "\n)";
  std::vector<std::string> columns;
  for (const auto& field : selection.plan.schema->fields()) {
    const std::string name = QuoteIdentifier(field->name());
    std::string value = name;
    if (const std::string* mask = MaskOf(decision, field->name())) {
      ARROW_ASSIGN_OR_RAISE(const std::string type, SqlTypeOf(*field->type()));
      value = "CAST((" + *mask + "\n) AS " + type + ")";
    }
    if (filtered) value = "CASE WHEN " + filter + " THEN " + value + " END";
    columns.push_back(value + " AS " + name);
  }
  for (const std::string& hidden : selection.hidden) {
    const std::string name = QuoteIdentifier(hidden);
    columns.push_back(filtered ? "CASE WHEN " + filter + " THEN " + name + " END AS " + name
                               : name);
  }
  return "SELECT " + base::Join(columns, ", ") + " FROM (" + rows + ")" +
         (filtered ? " WHERE " + filter : "");
}

}  // namespace

Result<std::string> RelationSql(const FileSelection& selection, const ReadDecision& decision) {
  const table::ScanPlan& plan = selection.plan;
  const bool empty =
      plan.files.empty() || (plan.schema->num_fields() == 0 && selection.hidden.empty());
  ARROW_ASSIGN_OR_RAISE(const std::string rows,
                        empty ? SelectNothing(selection) : SelectScan(selection));
  return ApplyPolicy(rows, selection, decision);
}

}  // namespace millpond::query
