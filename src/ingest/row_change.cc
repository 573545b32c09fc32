// Finding rows, writing what becomes of them, landing it, and trying again where others were
// quicker; see the header. Upserts are made into statements in upsert.cc, inserts are in
// row_insert.cc.
#include "ingest/row_change.h"

#include <arrow/api.h>

#include <algorithm>
#include <utility>

#include "ingest/row_changer.h"
#include "ingest/row_insert.h"
#include "query/sql_lexer.h"

namespace millpond::ingest {
namespace {

const char* OperationOf(const query::ChangeStatement& statement) {
  using Kind = query::ChangeStatement::Kind;
  switch (statement.kind) {
    case Kind::kInsert:
      return "insert";
    case Kind::kDelete:
      return "delete";
    case Kind::kUpdate:
      return "update";
    case Kind::kMerge:
      break;
  }
  return "merge";
}

// Expressions and conditions are put into SELECTs as text: each must be one, so that none reaches
// more rows than it says.
Status CheckExpressions(const query::ChangeStatement& statement) {
  if (!statement.condition.empty()) {
    ARROW_RETURN_NOT_OK(query::CheckExpressionText(statement.condition, "condition"));
  }
  for (const auto& [column, value] : statement.set) {
    ARROW_RETURN_NOT_OK(query::CheckExpressionText(value, column));
  }
  for (const query::MergeClause& clause : statement.clauses) {
    if (!clause.condition.empty()) {
      ARROW_RETURN_NOT_OK(query::CheckExpressionText(clause.condition, "condition"));
    }
    for (const auto& [column, value] : clause.set) {
      ARROW_RETURN_NOT_OK(query::CheckExpressionText(value, column));
    }
  }
  return Status::OK();
}

}  // namespace

base::Json ToJson(const RowChangeOutcome& outcome) {
  return {{"table", outcome.table.ToString()},
          {"rows_deleted", outcome.rows_deleted},
          {"rows_updated", outcome.rows_updated},
          {"rows_inserted", outcome.rows_inserted},
          {"files_removed", outcome.files.files_removed},
          {"files_rewritten", outcome.files.files_rewritten},
          {"files_marked", outcome.files.files_marked},
          {"bytes_written", outcome.files.bytes_written},
          {"commit", outcome.commit ? base::Json(outcome.commit->id) : base::Json()}};
}

base::Json RequestOf(const query::ChangeStatement& statement) {
  base::Json clauses = base::Json::array();
  for (const query::MergeClause& clause : statement.clauses) {
    clauses.push_back({static_cast<int>(clause.when), clause.condition,
                       static_cast<int>(clause.action), clause.set, clause.all});
  }
  return {{"with", statement.with},       {"table", {statement.space, statement.table}},
          {"columns", statement.columns}, {"by_name", statement.by_name},
          {"query", statement.query},     {"set", statement.set},
          {"source", statement.source},   {"condition", statement.condition},
          {"clauses", std::move(clauses)}};
}

Result<RowChangeOutcome> ChangeRows(query::Session& session,
                                    const query::ChangeStatement& statement,
                                    const RowChangeOptions& options, const base::Context& context) {
  if (statement.kind == query::ChangeStatement::Kind::kInsert) {
    return InsertRows(session, statement, options, context);
  }
  ARROW_RETURN_NOT_OK(CheckExpressions(statement));
  RowChange change;
  change.operation = OperationOf(statement);
  change.query.parameters = options.parameters;
  change.query.ref = options.branch;
  ARROW_ASSIGN_OR_RAISE(change.target, TargetOf(session, statement, options.branch));
  ARROW_ASSIGN_OR_RAISE(const auto shape, ShapeOf(session, change.target, options.branch));
  change.lineage = shape.lineage;
  ARROW_ASSIGN_OR_RAISE(change.selection, SelectRows(session, statement, change.query,
                                                     *shape.columns, shape.lineage));
  change.request = RequestOf(statement);
  change.words = fmt::format("{} {}{}", change.operation, change.target.ToString(),
                             statement.condition.empty() ? "" : " where " + statement.condition);
  if (statement.kind != query::ChangeStatement::Kind::kMerge && statement.source.empty()) {
    change.filter = statement.condition;
  }
  return RowChanger(session, std::move(change), options, context).Run();
}

}  // namespace millpond::ingest
