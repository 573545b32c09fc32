// One change of rows, attempt by attempt; see the header.
#include "ingest/row_changer.h"

#include <arrow/api.h>
#include <arrow/compute/api.h>

#include <algorithm>
#include <chrono>
#include <set>
#include <thread>
#include <utility>

#include "table/batch_fitter.h"
#include "table/row_lineage.h"
#include "table/schema.h"

namespace millpond::ingest {
namespace {

using base::Json;
using table::TableName;

// Rows are looked for anew this often where someone else changed the same ones.
constexpr int kAttempts = 5;
constexpr std::chrono::milliseconds kFirstPause{50};
constexpr size_t kMessageBytes = 300;

// "#file", "#pos", "#row", "#n" stand before the values.
constexpr int kFileColumn = 0, kPositionColumn = 1, kRowColumn = 2, kActionColumn = 3,
              kFirstValue = 4;

std::string Shortened(std::string text) {
  if (text.size() <= kMessageBytes) return text;
  size_t end = kMessageBytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  text.resize(end);
  return text + "…";
}

Result<std::shared_ptr<arrow::RecordBatch>> Filtered(const arrow::RecordBatch& batch,
                                                     const std::vector<bool>& keep) {
  arrow::BooleanBuilder builder;
  ARROW_RETURN_NOT_OK(builder.AppendValues(keep));
  ARROW_ASSIGN_OR_RAISE(auto mask, builder.Finish());
  ARROW_ASSIGN_OR_RAISE(auto kept,
                        arrow::compute::Filter(arrow::Datum(batch.Slice(0)), arrow::Datum(mask)));
  return kept.record_batch();
}

}  // namespace

Result<TableName> TargetOf(query::Session& session, const query::ChangeStatement& statement,
                           const std::string& branch) {
  query::SqlOptions options;
  options.ref = branch;
  ARROW_ASSIGN_OR_RAISE(const auto reads,
                        session.InputsOf("SELECT 1 FROM " + TableSql(statement), options));
  if (reads.size() != 1) return base::Invalid("{} is not a table", statement.table);
  return reads[0].table;
}

Result<TargetShape> ShapeOf(query::Session& session, const TableName& table,
                            const std::string& branch) {
  ARROW_ASSIGN_OR_RAISE(
      const auto stored,
      table::History(session.catalog())
          .OnBranch(table, branch.empty() ? std::string(table::kMainBranch) : branch));
  return TargetShape{stored.metadata->schema().arrow, stored.metadata->format_version >= 3};
}

table::CommitInfo InfoOf(const RowChangeOptions& options, const std::string& operation,
                         const std::string& words, const Json& request) {
  table::CommitInfo info;
  info.author = options.author;
  info.message = Shortened(options.message.empty() ? words : options.message);
  info.operation = operation;
  if (!options.branch.empty()) info.branch = options.branch;
  info.idempotency_key = options.idempotency_key;
  info.request = {{"what", request}, {"parameters", options.parameters}};
  return info;
}

Result<Json> InputsWithoutPolicy(const query::Session& session,
                                 const std::vector<query::TableRead>& reads) {
  Json inputs = Json::array();
  for (const query::TableRead& read : reads) {
    if (!read.policy_hash.empty()) {
      return base::Denied(
          "a policy filters or masks {} for {}: the change would store what the policy made of it. "
          "Ask someone who sees the whole table",
          read.table.ToString(), session.principal().name);
    }
    inputs.push_back({{"table", read.table.ToString()},
                      {"snapshot", read.snapshot_id ? Json(*read.snapshot_id) : Json()}});
  }
  return inputs;
}

struct RowChanger::Attempt {
  Attempt(std::shared_ptr<table::Catalog> catalog, table::CommitInfo info)
      : commit(std::move(catalog), std::move(info)) {}

  table::PendingCommit commit;
  table::RowDelta delta;
  std::unique_ptr<table::TableWriter> writer;     // Opened with the first new value.
  std::unique_ptr<table::TableWriter> newcomers;  // Of rows that bring a sample_id.
  std::shared_ptr<arrow::Schema> written;         // With what writers add to `schema`.
  std::shared_ptr<arrow::Schema> schema;          // Of the writer.
  std::string file;                               // The last one, whose positions are:
  table::RowPositions* positions = nullptr;
  RowChangeOutcome outcome;
};

Result<RowChangeOutcome> RowChanger::Run() {
  // Before anything is read: a policy may also hide where rows are.
  ARROW_ASSIGN_OR_RAISE(const auto reads, session_.InputsOf(change_.selection.sql, change_.query));
  ARROW_RETURN_NOT_OK(InputsWithoutPolicy(session_, reads).status());
  auto pause = kFirstPause;
  for (int attempt = 1;; ++attempt) {
    auto outcome = TryOnce();
    const bool lost = !outcome.ok() && base::KindOf(outcome.status()) == base::ErrorKind::kConflict;
    if (!lost || change_.read_once || attempt == kAttempts) return outcome;
    ARROW_RETURN_NOT_OK(context_.CheckStop());
    std::this_thread::sleep_for(pause);
    pause *= 2;
  }
}

Result<RowChangeOutcome> RowChanger::TryOnce() {
  ARROW_ASSIGN_OR_RAISE(auto result, session_.Sql(change_.selection.sql, change_.query, context_));
  table::CommitInfo info = InfoOf(options_, change_.operation, change_.words, change_.request);
  ARROW_ASSIGN_OR_RAISE(info.inputs, InputsWithoutPolicy(session_, result.inputs));
  Attempt attempt(session_.catalog(), std::move(info));
  attempt.outcome.table = change_.target;
  attempt.delta.verb = change_.selection.verb;
  for (const query::TableRead& read : result.inputs) {
    if (read.table == change_.target) attempt.delta.base_snapshot = read.snapshot_id;
  }
  while (true) {
    std::shared_ptr<arrow::RecordBatch> batch;
    ARROW_RETURN_NOT_OK(result.reader->ReadNext(&batch));
    if (batch == nullptr) break;
    ARROW_RETURN_NOT_OK(TakeBatch(*batch, &attempt));
    const RowChangeOutcome& so_far = attempt.outcome;
    context_.Report({.phase = change_.operation + " " + change_.target.ToString(),
                     .done = so_far.rows_deleted + so_far.rows_updated + so_far.rows_inserted,
                     .total = -1,
                     .unit = "rows"});
  }
  result.reader.reset();  // Gives the connection back before files are rewritten.
  ARROW_RETURN_NOT_OK(Finish(&attempt));
  return std::move(attempt.outcome);
}

Status RowChanger::TakeBatch(const arrow::RecordBatch& batch, Attempt* attempt) {
  ARROW_RETURN_NOT_OK(TakePositions(batch, attempt));
  return change_.selection.has_values ? WriteValues(batch, attempt) : Status::OK();
}

Status RowChanger::TakePositions(const arrow::RecordBatch& batch, Attempt* attempt) {
  ARROW_ASSIGN_OR_RAISE(auto numbers,
                        arrow::compute::Cast(*batch.column(kActionColumn), arrow::int64()));
  const auto& actions = static_cast<const arrow::Int64Array&>(*numbers);
  const auto& files = static_cast<const arrow::StringArray&>(*batch.column(kFileColumn));
  const auto& rows = static_cast<const arrow::Int64Array&>(*batch.column(kPositionColumn));
  RowChangeOutcome& outcome = attempt->outcome;
  for (int64_t i = 0; i < batch.num_rows(); ++i) {
    const RowAction action = change_.selection.actions[static_cast<size_t>(actions.Value(i))];
    if (action == RowAction::kNothing) continue;
    if (action == RowAction::kRefuse) {
      return base::Invalid(
          "two of the new rows for {} have the same key, or one has no key; leave one of them, or "
          "choose other key columns",
          change_.target.ToString());
    }
    if (action == RowAction::kInsert) {
      ++outcome.rows_inserted;
      continue;
    }
    const auto file = files.GetView(i);
    if (attempt->positions == nullptr || attempt->file != file) {
      attempt->file = file;
      attempt->positions = &attempt->delta.deleted[attempt->file];
    }
    if (attempt->positions->Contains(rows.Value(i))) {
      if (!change_.selection.each_row_once) continue;
      return base::Invalid(
          "more than one of the new rows is meant for the same row of {}; make the condition name "
          "one",
          change_.target.ToString());
    }
    attempt->positions->Add(rows.Value(i));
    (action == RowAction::kUpdate ? outcome.rows_updated : outcome.rows_deleted) += 1;
  }
  return Status::OK();
}

Status RowChanger::WriteValues(const arrow::RecordBatch& batch, Attempt* attempt) {
  if (options_.dry_run) return Status::OK();
  if (attempt->writer == nullptr) {
    ARROW_ASSIGN_OR_RAISE(attempt->schema, attempt->commit.SchemaOf(change_.target));
    auto written = attempt->schema;
    if (change_.lineage) {
      ARROW_ASSIGN_OR_RAISE(
          written, written->AddField(written->num_fields(),
                                     table::LineageField(table::kRowId, table::kRowIdFieldId)));
    }
    ARROW_ASSIGN_OR_RAISE(attempt->writer,
                          table::TableWriter::Open(session_.catalog(), change_.target, written));
    attempt->writer->RowsStay();
    attempt->written = std::move(written);
  }
  const arrow::Schema& schema = *attempt->schema;
  if (batch.num_columns() != kFirstValue + schema.num_fields()) {
    return base::Conflict("the columns of {} changed meanwhile; try again",
                          change_.target.ToString());
  }
  arrow::ArrayVector columns;
  arrow::FieldVector fields;
  for (int i = 0; i < schema.num_fields(); ++i) {
    ARROW_ASSIGN_OR_RAISE(columns.emplace_back(),
                          table::AsStored(batch.column(kFirstValue + i), *schema.field(i)));
    fields.push_back(arrow::field(schema.field(i)->name(), columns.back()->type()));
  }
  if (change_.lineage) {
    columns.push_back(batch.column(kRowColumn));
    fields.push_back(arrow::field(std::string(table::kRowId), columns.back()->type()));
  }
  const auto values = arrow::RecordBatch::Make(arrow::schema(fields), batch.num_rows(), columns);
  ARROW_ASSIGN_OR_RAISE(auto numbers,
                        arrow::compute::Cast(*batch.column(kActionColumn), arrow::int64()));
  const auto& actions = static_cast<const arrow::Int64Array&>(*numbers);
  const int id = values->schema()->GetFieldIndex(std::string(table::kSampleId));
  // Rows without a number are written apart: those are numbered. So are inserted rows with one,
  // which no row of the table may have.
  std::vector<bool> numbered, unnumbered, brought;
  for (int64_t i = 0; i < batch.num_rows(); ++i) {
    const RowAction action = change_.selection.actions[static_cast<size_t>(actions.Value(i))];
    const bool writes = action == RowAction::kUpdate || action == RowAction::kInsert;
    const bool has_number = id < 0 || values->column(id)->IsValid(i);
    const bool inserts = action == RowAction::kInsert;
    numbered.push_back(writes && has_number && !(inserts && id >= 0));
    brought.push_back(inserts && has_number && id >= 0);
    unnumbered.push_back(writes && !has_number);
  }
  ARROW_ASSIGN_OR_RAISE(const auto known, Filtered(*values, numbered));
  if (known->num_rows() > 0) ARROW_RETURN_NOT_OK(attempt->writer->Write(*known, context_));
  if (id < 0) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(const auto named, Filtered(*values, brought));
  if (named->num_rows() > 0) {
    if (attempt->newcomers == nullptr) {
      ARROW_ASSIGN_OR_RAISE(
          attempt->newcomers,
          table::TableWriter::Open(session_.catalog(), change_.target, attempt->written));
    }
    ARROW_RETURN_NOT_OK(attempt->newcomers->Write(*named, context_));
  }
  ARROW_ASSIGN_OR_RAISE(const auto fresh, Filtered(*values, unnumbered));
  if (fresh->num_rows() == 0) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(const auto without, fresh->RemoveColumn(id));
  return attempt->writer->Write(*without, context_);
}

// Without conditions every row that others add meanwhile counts as one that was looked for.
Status RowChanger::AddConditions(table::RowDelta* delta) {
  if (change_.filter.empty()) return Status::OK();
  auto predicates = session_.PredicatesOf(change_.target, change_.filter);
  if (predicates.ok()) delta->looked_for = *std::move(predicates);
  return Status::OK();
}

Status RowChanger::Finish(Attempt* attempt) {
  RowChangeOutcome& outcome = attempt->outcome;
  const bool changes = outcome.rows_deleted + outcome.rows_updated + outcome.rows_inserted > 0;
  if (options_.dry_run) return Status::OK();
  if (attempt->writer != nullptr) {
    ARROW_ASSIGN_OR_RAISE(attempt->delta.added, attempt->writer->Finish());
  }
  if (attempt->newcomers != nullptr) {
    ARROW_ASSIGN_OR_RAISE(auto files, attempt->newcomers->Finish());
    attempt->delta.added.insert(attempt->delta.added.end(), files.begin(), files.end());
  }
  if (!changes) {
    if (!options_.idempotency_key) return Status::OK();
    // The same change may have landed before, which is why there is nothing left to do.
    auto earlier = attempt->commit.Land(context_);
    if (base::KindOf(earlier.status()) == base::ErrorKind::kAlreadyExists) return earlier.status();
    if (earlier.ok()) outcome.commit = *std::move(earlier);
    return Status::OK();
  }
  ARROW_RETURN_NOT_OK(AddConditions(&attempt->delta));
  ARROW_ASSIGN_OR_RAISE(outcome.files, attempt->commit.ChangeRows(
                                           change_.target, std::move(attempt->delta), context_));
  attempt->commit.info().details = ToJson(outcome);
  attempt->commit.info().details.erase("commit");
  ARROW_ASSIGN_OR_RAISE(outcome.commit, attempt->commit.Land(context_));
  return Status::OK();
}

}  // namespace millpond::ingest
