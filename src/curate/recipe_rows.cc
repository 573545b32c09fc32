// Steps that choose rows or columns: drop, rename, dedup, filter.
#include <arrow/api.h>

#include <array>
#include <utility>

#include "base/text.h"
#include "curate/recipe_step.h"
#include "query/sql_lexer.h"
#include "table/schema.h"

namespace millpond::curate {
namespace {

using base::Invalid;
using base::Json;
using base::QuoteIdentifier;

Result<StepSql> Drop(const StepInputs& inputs) {
  const Json& rows = inputs.Raw("rows_with_nulls");
  StepSql sql;
  if (rows.is_null()) {
    ARROW_ASSIGN_OR_RAISE(const auto columns, inputs.Columns());
    for (const StepColumn& column : columns) sql.dropped.insert(column.name);
    const size_t left = inputs.columns().size() - sql.dropped.size();
    if (left == 0 || (left == 1 && inputs.HasSampleId())) {
      return Invalid("drop would leave no column");
    }
    return sql;
  }
  if (!inputs.Raw("column").is_null() || !inputs.Raw("columns").is_null()) {
    return Invalid("drop takes columns or rows_with_nulls, not both; write two steps");
  }
  std::vector<StepColumn> columns = inputs.columns();
  if (rows.is_boolean()) {
    if (!rows.get<bool>()) return Invalid("drop: rows_with_nulls is true or a list of columns");
  } else {
    ARROW_ASSIGN_OR_RAISE(columns, inputs.ColumnsIn("rows_with_nulls"));
  }
  std::vector<std::string> present;
  for (const StepColumn& column : columns) {
    present.push_back(QuoteIdentifier(column.name) + " IS NOT NULL");
  }
  sql.keep = base::Join(present, " AND ");
  return sql;
}

Result<StepSql> Rename(const StepInputs& inputs) {
  std::vector<std::pair<std::string, Json>> pairs;
  const Json& columns = inputs.Raw("columns");
  if (columns.is_object()) {
    for (const auto& [from, to] : columns.items()) pairs.emplace_back(from, to);
  } else {
    ARROW_ASSIGN_OR_RAISE(const auto from, inputs.Text("column"));
    pairs.emplace_back(from, inputs.Raw("to"));
  }
  StepSql sql;
  for (const auto& [from, to] : pairs) {
    ARROW_RETURN_NOT_OK(inputs.Find(from).status());
    if (!to.is_string()) return Invalid("rename needs a new name for '{}'", from);
    const std::string name = to.get<std::string>();
    ARROW_RETURN_NOT_OK(base::CheckName(name, "column name"));
    if (from == table::kSampleId || name == table::kSampleId) {
      return Invalid("sample_id names the rows: it cannot be renamed, nor its name be given");
    }
    sql.renamed[from] = name;
  }
  if (sql.renamed.empty())
    return Invalid("rename needs 'column' and 'to', or 'columns': {{old: new}}");
  std::set<std::string> names;
  for (const StepColumn& column : inputs.columns()) {
    const auto renamed = sql.renamed.find(column.name);
    const std::string& name = renamed == sql.renamed.end() ? column.name : renamed->second;
    if (!names.insert(base::ToLower(name)).second) {
      return Invalid("rename would give two columns the name '{}'", name);
    }
  }
  return sql;
}

Result<StepSql> Dedup(const StepInputs& inputs) {
  ARROW_ASSIGN_OR_RAISE(const auto keep, inputs.Text("keep", "first"));
  if (keep != "first" && keep != "last") {
    return Invalid("the argument 'keep' of dedup must be first or last, not {}", keep);
  }
  if (!inputs.HasSampleId()) return Invalid("dedup needs sample_id to say which row is first");
  std::vector<std::string> names;
  if (inputs.Raw("columns").is_null() && inputs.Raw("column").is_null()) {
    for (const StepColumn& column : inputs.columns()) {
      if (column.name != table::kSampleId) names.push_back(QuoteIdentifier(column.name));
    }
  } else {
    ARROW_ASSIGN_OR_RAISE(const auto columns, inputs.Columns());
    for (const StepColumn& column : columns) names.push_back(QuoteIdentifier(column.name));
  }
  StepSql sql;
  sql.qualify = "row_number() OVER (PARTITION BY " + base::Join(names, ", ") +
                " ORDER BY sample_id" + (keep == "last" ? " DESC" : "") + ") = 1";
  sql.reorders = true;
  return sql;
}

Result<StepSql> Filter(const StepInputs& inputs) {
  ARROW_ASSIGN_OR_RAISE(const auto where, inputs.Text("where"));
  ARROW_RETURN_NOT_OK(query::CheckExpressionText(where, "filter"));
  StepSql sql;
  sql.keep = "(\n" + where + "\n)";
  return sql;
}

using Names = std::string_view;
constexpr std::array<Names, 3> kDrop{"column", "columns", "rows_with_nulls"};
constexpr std::array<Names, 3> kRename{"column", "columns", "to"};
constexpr std::array<Names, 3> kDedup{"column", "columns", "keep"};
constexpr std::array<Names, 1> kFilter{"where"};

constexpr std::array kDefinitions = {
    StepDefinition{"drop", kDrop, Drop},
    StepDefinition{"rename", kRename, Rename},
    StepDefinition{"dedup", kDedup, Dedup},
    StepDefinition{"filter", kFilter, Filter},
};

}  // namespace

std::span<const StepDefinition> RowSteps() { return kDefinitions; }

}  // namespace millpond::curate
