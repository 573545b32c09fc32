// Inserts from queries; see the header.
#include "ingest/row_insert.h"

#include <arrow/api.h>

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "ingest/row_changer.h"
#include "query/column_expression.h"
#include "table/schema.h"
#include "table/table_writer.h"

namespace millpond::ingest {
namespace {

using base::QuoteIdentifier;
using query::ChangeStatement;

std::string QueryOf(const ChangeStatement& statement) {
  return (statement.with.empty() ? "" : statement.with + " ") + statement.query;
}

// Which columns of the table the query's columns are for.
Result<std::vector<std::string>> TargetColumns(const ChangeStatement& statement,
                                               const arrow::Schema& table,
                                               const arrow::Schema& given) {
  if (statement.by_name) return given.field_names();
  std::vector<std::string> names = statement.columns;
  if (names.empty()) {
    names = table.field_names();
    if (given.num_fields() + 1 == table.num_fields()) {
      std::erase(names, std::string(table::kSampleId));
    }
  }
  if (static_cast<int>(names.size()) == given.num_fields()) return names;
  return base::Invalid("the query gives {} columns for {} ({}) of {}; name them, or use BY NAME",
                       given.num_fields(), names.size(), base::Join(names, ", "), statement.table);
}

// The query's rows under the names, and in the types, of the table's columns.
Result<std::string> InsertSql(const ChangeStatement& statement, const arrow::Schema& table,
                              const std::vector<std::string>& names) {
  std::vector<std::string> inner, outer;
  for (size_t i = 0; i < names.size(); ++i) {
    std::shared_ptr<arrow::Field> field;
    for (const auto& candidate : table.fields()) {
      if (base::ToLower(candidate->name()) == base::ToLower(names[i])) field = candidate;
    }
    if (field == nullptr) {
      const auto known = table.field_names();
      return base::Invalid("{} has no column '{}'.{}", statement.table, names[i],
                           base::DidYouMean(names[i], known));
    }
    ARROW_ASSIGN_OR_RAISE(const std::string type, query::SqlTypeOf(*field->type()));
    inner.push_back(fmt::format("\"#{}\"", i));
    outer.push_back(
        fmt::format("CAST(\"#{}\" AS {}) AS {}", i, type, QuoteIdentifier(field->name())));
  }
  return "SELECT " + base::Join(outer, ", ") + " FROM (" + QueryOf(statement) +
         "\n) AS \"#rows\"(" + base::Join(inner, ", ") + ")";
}

}  // namespace

Result<RowChangeOutcome> InsertRows(query::Session& session, const ChangeStatement& statement,
                                    const RowChangeOptions& options, const base::Context& context) {
  RowChangeOutcome outcome;
  query::SqlOptions query;
  query.parameters = options.parameters;
  query.ref = options.branch;
  ARROW_ASSIGN_OR_RAISE(outcome.table, TargetOf(session, statement, options.branch));
  ARROW_ASSIGN_OR_RAISE(const auto shape, ShapeOf(session, outcome.table, options.branch));
  const auto& columns = shape.columns;
  ARROW_ASSIGN_OR_RAISE(const auto reads, session.InputsOf(QueryOf(statement), query));
  ARROW_RETURN_NOT_OK(InputsWithoutPolicy(session, reads).status());
  ARROW_ASSIGN_OR_RAISE(const auto given, session.SchemaOf(QueryOf(statement), query));
  ARROW_ASSIGN_OR_RAISE(const auto names, TargetColumns(statement, *columns, *given));
  ARROW_ASSIGN_OR_RAISE(const std::string sql, InsertSql(statement, *columns, names));
  ARROW_ASSIGN_OR_RAISE(auto result, session.Sql(sql, query, context));
  table::CommitInfo info =
      InfoOf(options, "insert", "insert into " + outcome.table.ToString(), RequestOf(statement));
  ARROW_ASSIGN_OR_RAISE(info.inputs, InputsWithoutPolicy(session, result.inputs));
  table::PendingCommit commit(session.catalog(), std::move(info));
  ARROW_ASSIGN_OR_RAISE(auto schema, commit.SchemaOf(outcome.table));
  ARROW_ASSIGN_OR_RAISE(auto writer,
                        table::TableWriter::Open(session.catalog(), outcome.table, schema));
  while (true) {
    std::shared_ptr<arrow::RecordBatch> batch;
    ARROW_RETURN_NOT_OK(result.reader->ReadNext(&batch));
    if (batch == nullptr) break;
    outcome.rows_inserted += batch->num_rows();
    if (!options.dry_run) ARROW_RETURN_NOT_OK(writer->Write(*batch, context));
    context.Report({.phase = "insert into " + outcome.table.ToString(),
                    .done = outcome.rows_inserted,
                    .total = -1,
                    .unit = "rows"});
  }
  if (options.dry_run || outcome.rows_inserted == 0) return outcome;
  ARROW_ASSIGN_OR_RAISE(auto files, writer->Finish());
  ARROW_RETURN_NOT_OK(commit.Append(outcome.table, std::move(files)));
  commit.info().details = {{"rows_inserted", outcome.rows_inserted}};
  ARROW_ASSIGN_OR_RAISE(outcome.commit, commit.Land(context));
  return outcome;
}

}  // namespace millpond::ingest
