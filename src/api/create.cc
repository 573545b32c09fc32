// Tables from a list of columns, whose types the SQL engine reads.
#include "api/create.h"

#include <arrow/type.h>

#include "api/alter.h"
#include "base/text.h"
#include "query/sql_lexer.h"
#include "table/commit.h"
#include "table/schema.h"
#include "table/table_property.h"

namespace millpond::api {
namespace {

using base::Json;

struct ColumnText {
  std::string name, type;
  bool required = false;
};

// "a INT, b DECIMAL(10, 2) NOT NULL" at its commas.
Result<std::vector<ColumnText>> SplitColumns(const std::string& text) {
  const auto tokens = query::LexSql(text);
  std::vector<ColumnText> columns;
  size_t begin = 0;
  int depth = 0;
  for (size_t i = 0; i <= tokens.size(); ++i) {
    const std::string_view word =
        i < tokens.size()
            ? std::string_view(text).substr(tokens[i].begin, tokens[i].end - tokens[i].begin)
            : ",";
    depth += word == "(" || word == "[" ? 1 : word == ")" || word == "]" ? -1 : 0;
    if (i < tokens.size() && (depth > 0 || word != ",")) continue;
    if (i < begin + 2) {
      return base::Invalid("columns are given as 'name TYPE, name TYPE', not '{}'", text);
    }
    ColumnText column;
    column.name = query::TokenText(text, tokens[begin]);
    size_t end = i;
    if (i >= begin + 4 && base::ToLower(query::TokenText(text, tokens[i - 1])) == "null" &&
        base::ToLower(query::TokenText(text, tokens[i - 2])) == "not") {
      column.required = true;
      end -= 2;
    }
    column.type =
        text.substr(tokens[begin + 1].begin, tokens[end - 1].end - tokens[begin + 1].begin);
    columns.push_back(std::move(column));
    begin = i + 1;
  }
  return columns;
}

}  // namespace

Result<Json> CreateTable(Pond& pond, const CreateRequest& request) {
  ARROW_ASSIGN_OR_RAISE(const auto name, table::TableName::Parse(request.table));
  ARROW_ASSIGN_OR_RAISE(const auto columns, SplitColumns(request.columns));
  const std::string id(table::kSampleId);
  arrow::FieldVector fields;
  bool has_id = false;
  for (const ColumnText& column : columns) {
    ARROW_RETURN_NOT_OK(base::CheckName(column.name, "column name"));
    ARROW_ASSIGN_OR_RAISE(auto type, SqlType(pond, column.type));
    fields.push_back(arrow::field(column.name, std::move(type), !column.required));
    has_id = has_id || column.name == id;
  }
  if (!has_id) fields.insert(fields.begin(), arrow::field(id, arrow::int64(), false));
  auto properties = request.properties;
  properties[table::kFormatVersion] = std::to_string(request.format_version);
  table::CommitInfo info;
  info.author = pond.author();
  info.message = request.message.empty() ? "create " + name.ToString() : request.message;
  info.operation = "create";
  if (!request.branch.empty()) info.branch = request.branch;
  table::PendingCommit commit(pond.catalog(), std::move(info));
  ARROW_RETURN_NOT_OK(
      commit.Create(name, arrow::schema(std::move(fields)), request.keys, properties));
  ARROW_ASSIGN_OR_RAISE(const auto schema, commit.SchemaOf(name));
  ARROW_ASSIGN_OR_RAISE(const auto landed, commit.Land({}));
  return Json{
      {"commit", landed.id}, {"table", name.ToString()}, {"columns", ColumnsToJson(*schema)}};
}

}  // namespace millpond::api
