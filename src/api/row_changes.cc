// delete, update, upsert and changing SQL: the ingest room in the pond's name.
#include "api/row_changes.h"

#include <arrow/api.h>

#include "api/file_rows.h"
#include "ingest/row_change.h"

namespace millpond::api {
namespace {

using base::Json;
using query::ChangeStatement;

ingest::RowChangeOptions OptionsOf(const Pond& pond, const ChangeSettings& settings) {
  ingest::RowChangeOptions options;
  options.author = pond.author();
  options.message = settings.message;
  options.dry_run = settings.dry_run;
  options.branch = settings.branch;
  if (!settings.idempotency_key.empty()) options.idempotency_key = settings.idempotency_key;
  return options;
}

Result<ChangeStatement> StatementOn(const std::string& table, ChangeStatement::Kind kind) {
  ARROW_ASSIGN_OR_RAISE(const auto at, table::TableAtRef::Parse(table));
  if (!at.ref.empty()) {
    return base::Invalid("rows of a table's head are changed; name it without '@{}'", at.ref);
  }
  ChangeStatement statement;
  statement.kind = kind;
  statement.space = at.table.space;
  statement.table = at.table.name;
  return statement;
}

Result<Json> Run(Pond& pond, const ChangeStatement& statement,
                 const ingest::RowChangeOptions& options, const base::Context& context) {
  ARROW_ASSIGN_OR_RAISE(auto session, pond.session());
  ARROW_ASSIGN_OR_RAISE(const auto outcome,
                        ingest::ChangeRows(*session, statement, options, context));
  return ingest::ToJson(outcome);
}

}  // namespace

Result<Json> DeleteRows(Pond& pond, const std::string& table, const std::string& where,
                        const ChangeSettings& settings, const base::Context& context) {
  if (where.empty()) {
    return base::Invalid("say which rows of {} to delete, as an SQL condition (true: all)", table);
  }
  ARROW_ASSIGN_OR_RAISE(auto statement, StatementOn(table, ChangeStatement::Kind::kDelete));
  statement.condition = where;
  return Run(pond, statement, OptionsOf(pond, settings), context);
}

Result<Json> UpdateRows(Pond& pond, const std::string& table,
                        const std::vector<std::pair<std::string, std::string>>& set,
                        const std::string& where, const ChangeSettings& settings,
                        const base::Context& context) {
  if (set.empty()) return base::Invalid("say what to set in {}: column=expression", table);
  ARROW_ASSIGN_OR_RAISE(auto statement, StatementOn(table, ChangeStatement::Kind::kUpdate));
  statement.set = set;
  statement.condition = where;
  return Run(pond, statement, OptionsOf(pond, settings), context);
}

Result<Json> UpsertRows(Pond& pond, const std::string& table, const NewRows& rows,
                        const std::vector<std::string>& keys, const std::string& mode,
                        const ChangeSettings& settings, const base::Context& context) {
  ingest::UpsertRequest request;
  ARROW_ASSIGN_OR_RAISE(request.mode, ingest::ParseUpsertMode(mode));
  request.table = table;
  request.keys = keys;
  request.query = rows.query;
  request.reader = rows.reader;
  if (!rows.file.empty()) {
    if (!rows.query.empty()) return base::Invalid("give a file or a query, not both");
    ARROW_ASSIGN_OR_RAISE(request.reader, ReaderOfFile(rows.file, context));
    if (!settings.idempotency_key.empty()) {
      ARROW_ASSIGN_OR_RAISE(request.content_hash, ContentHash(rows.file));
    }
  }
  ARROW_ASSIGN_OR_RAISE(auto session, pond.session());
  ARROW_ASSIGN_OR_RAISE(const auto outcome,
                        ingest::UpsertRows(*session, request, OptionsOf(pond, settings), context));
  return ingest::ToJson(outcome);
}

Result<std::optional<Json>> RunChange(Pond& pond, const std::string& sql,
                                      const query::SqlOptions& reads,
                                      const ChangeSettings& settings,
                                      const base::Context& context) {
  ARROW_ASSIGN_OR_RAISE(const auto statement, query::ParseChangeStatement(sql));
  if (!statement) return std::nullopt;
  if (!reads.ref.empty()) {
    return base::Invalid(
        "a statement that changes rows works on the head of a branch, not at '{}'; say what it "
        "reads inside it, as in FROM t AT TAG v1, and name the branch that it changes",
        reads.ref);
  }
  ingest::RowChangeOptions options = OptionsOf(pond, settings);
  options.parameters = reads.parameters;
  ARROW_ASSIGN_OR_RAISE(auto report, Run(pond, *statement, options, context));
  return report;
}

Result<std::shared_ptr<arrow::RecordBatchReader>> ReportAsRows(const Json& report) {
  arrow::FieldVector fields;
  arrow::ArrayVector columns;
  for (const char* name : {"rows_deleted", "rows_updated", "rows_inserted"}) {
    fields.push_back(arrow::field(name, arrow::int64()));
    arrow::Int64Builder value;
    ARROW_RETURN_NOT_OK(value.Append(report[name].get<int64_t>()));
    ARROW_ASSIGN_OR_RAISE(columns.emplace_back(), value.Finish());
  }
  fields.push_back(arrow::field("commit", arrow::utf8()));
  arrow::StringBuilder commit;
  ARROW_RETURN_NOT_OK(report["commit"].is_null()
                          ? commit.AppendNull()
                          : commit.Append(report["commit"].get<std::string>()));
  ARROW_ASSIGN_OR_RAISE(columns.emplace_back(), commit.Finish());
  const auto schema = arrow::schema(std::move(fields));
  return arrow::RecordBatchReader::Make({arrow::RecordBatch::Make(schema, 1, columns)}, schema);
}

}  // namespace millpond::api
