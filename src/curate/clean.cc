// Clean: compiles a recipe over the table's head, counts, and lands the outcome as one commit.
#include <arrow/api.h>

#include <algorithm>
#include <chrono>
#include <set>
#include <utility>

#include "base/text.h"
#include "curate/recipe.h"
#include "curate/step_chain.h"
#include "query/result_rows.h"
#include "table/commit.h"
#include "table/rejects_writer.h"
#include "table/schema.h"
#include "table/table_writer.h"

namespace millpond::curate {
namespace {

using base::Json;

class Cleaner {
 public:
  Cleaner(query::Session& session, const Recipe& recipe, const CleanRequest& request,
          const base::Context& context)
      : session_(session), recipe_(recipe), request_(request), context_(context) {}

  Status Run(CleanReport* report);

 private:
  Status CheckPolicy(const std::string& sql, Json* inputs);
  Status Steps(StepChain* chain);
  bool ChangesNothing(const StepChain& chain) const;
  Status Land(const StepChain& chain, Json inputs);
  Status WriteRows(const StepChain& chain, table::PendingCommit* commit);
  Status WriteRejects(const StepChain& chain, table::PendingCommit* commit);

  query::Session& session_;
  const Recipe& recipe_;
  const CleanRequest& request_;
  const base::Context& context_;
  TableView view_;
  CleanReport* report_ = nullptr;
};

Status Cleaner::CheckPolicy(const std::string& sql, Json* inputs) {
  ARROW_ASSIGN_OR_RAISE(const auto reads, session_.InputsOf(sql, view_.options));
  *inputs = Json::array();
  for (const query::TableRead& read : reads) {
    if (!read.policy_hash.empty()) {
      return base::Denied(
          "a policy filters or masks {} for {}: cleaning would store what the policy made of it. "
          "Ask someone who sees the whole table",
          read.table.ToString(), session_.principal().name);
    }
    inputs->push_back({{"table", read.table.ToString()},
                       {"snapshot", read.snapshot_id ? Json(*read.snapshot_id) : Json()}});
  }
  return Status::OK();
}

Status Cleaner::Steps(StepChain* chain) {
  ARROW_RETURN_NOT_OK(chain->CountRows());
  report_->rows_in = chain->rows();
  for (size_t i = 0; i < recipe_.steps.size(); ++i) {
    auto step = chain->Add(recipe_.steps[i]);
    if (!step.ok()) {
      return base::WithContext(
          fmt::format("step {} ({}) of {}", i + 1, recipe_.steps[i].kind, recipe_.name),
          step.status());
    }
    if (request_.strict && step->rejected > 0) {
      return base::Invalid(
          "step {} ({}) of {} refuses {} row{}; nothing was changed. Mend the values, or clean "
          "without --strict to keep such rows apart",
          i + 1, recipe_.steps[i].kind, recipe_.name, step->rejected,
          step->rejected == 1 ? "" : "s");
    }
    report_->rejected += step->rejected;
    report_->steps.push_back(*std::move(step));
    context_.Report({.phase = "clean " + view_.table.ToString(),
                     .done = static_cast<int64_t>(i + 1),
                     .total = static_cast<int64_t>(recipe_.steps.size()),
                     .unit = "steps"});
  }
  report_->rows_out = chain->rows();
  return Status::OK();
}

bool Cleaner::ChangesNothing(const StepChain& chain) const {
  return !chain.changes_schema() && report_->rows_in == report_->rows_out &&
         std::all_of(report_->steps.begin(), report_->steps.end(),
                     [](const StepReport& step) { return step.cells_changed == 0; });
}

Status Cleaner::WriteRows(const StepChain& chain, table::PendingCommit* commit) {
  if (chain.changes_schema()) {
    arrow::FieldVector fields;
    for (const StepColumn& column : chain.columns()) {
      std::shared_ptr<arrow::KeyValueMetadata> id;
      if (column.field_id) {
        id = arrow::key_value_metadata({table::kFieldIdKey}, {std::to_string(*column.field_id)});
      }
      fields.push_back(
          arrow::field(column.name, column.type, column.name != table::kSampleId, std::move(id)));
    }
    ARROW_RETURN_NOT_OK(commit->ReplaceSchema(view_.table, arrow::schema(std::move(fields))));
  }
  ARROW_ASSIGN_OR_RAISE(auto schema, commit->SchemaOf(view_.table));
  ARROW_ASSIGN_OR_RAISE(auto writer,
                        table::TableWriter::Open(session_.catalog(), view_.table, schema));
  writer->RowsStay();
  ARROW_ASSIGN_OR_RAISE(auto result, session_.Sql(chain.Sql(), view_.options, context_));
  while (true) {
    std::shared_ptr<arrow::RecordBatch> batch;
    ARROW_RETURN_NOT_OK(result.reader->ReadNext(&batch));
    if (batch == nullptr) break;
    ARROW_RETURN_NOT_OK(writer->Write(*batch, context_));
    context_.Report({.phase = "write " + view_.table.ToString(),
                     .done = writer->rows(),
                     .total = report_->rows_out,
                     .unit = "rows"});
  }
  if (writer->rows() != report_->rows_out) {
    return base::Invalid(
        "the recipe gave {} rows when counted and {} when written: an expression in it is not the "
        "same each time (random, now…); write one that is",
        report_->rows_out, writer->rows());
  }
  ARROW_ASSIGN_OR_RAISE(auto files, writer->Finish());
  return commit->Overwrite(view_.table, std::move(files), view_.snapshot);
}

Status Cleaner::WriteRejects(const StepChain& chain, table::PendingCommit* commit) {
  if (report_->rejected == 0) return Status::OK();
  table::RejectsWriter rejects(session_.catalog(), commit, view_.table);
  for (const RejectQuery& query : chain.rejects()) {
    ARROW_ASSIGN_OR_RAISE(auto result, session_.Sql(query.sql, view_.options, context_));
    while (true) {
      std::shared_ptr<arrow::RecordBatch> batch;
      ARROW_RETURN_NOT_OK(result.reader->ReadNext(&batch));
      if (batch == nullptr) break;
      for (int64_t row = 0; row < batch->num_rows(); ++row) {
        ARROW_ASSIGN_OR_RAISE(const Json id, query::CellOf(*batch->column(0), row));
        ARROW_ASSIGN_OR_RAISE(const Json which, query::CellOf(*batch->column(1), row));
        ARROW_ASSIGN_OR_RAISE(const Json value, query::CellOf(*batch->column(2), row));
        ARROW_ASSIGN_OR_RAISE(const Json raw, query::CellOf(*batch->column(3), row));
        const CastGuard& guard = query.guards[which.get<size_t>()];
        table::RejectedRow rejected{.file = view_.table.ToString(),
                                    .column = guard.column,
                                    .reason = fmt::format("expected {}, found '{}'", guard.wanted,
                                                          value.get<std::string>().substr(0, 200)),
                                    .raw = raw.get<std::string>()};
        if (!id.is_null()) rejected.refused_sample_id = id.get<int64_t>();
        ARROW_RETURN_NOT_OK(rejects.Add(rejected, context_));
      }
    }
  }
  report_->rejects_table = rejects.table();
  return rejects.Finish(context_);
}

Status Cleaner::Land(const StepChain& chain, Json inputs) {
  const Json report = ToJson(*report_);
  table::CommitInfo info{.author = request_.author,
                         .message = request_.message.empty() ? "clean " + view_.table.ToString() +
                                                                   " with " + recipe_.name
                                                             : request_.message,
                         .operation = "clean",
                         .branch = request_.branch,
                         .inputs = std::move(inputs),
                         .details = {{"recipe", recipe_.text},
                                     {"recipe_name", recipe_.name},
                                     {"recipe_hash", recipe_.hash},
                                     {"steps", report["steps"]},
                                     {"rows_in", report_->rows_in},
                                     {"rows_out", report_->rows_out},
                                     {"rejected", report_->rejected}},
                         .idempotency_key = request_.idempotency_key,
                         .request = {{"table", request_.table}, {"recipe", recipe_.hash}}};
  table::PendingCommit commit(session_.catalog(), std::move(info));
  ARROW_RETURN_NOT_OK(WriteRows(chain, &commit));
  ARROW_RETURN_NOT_OK(WriteRejects(chain, &commit));
  ARROW_ASSIGN_OR_RAISE(report_->commit, commit.Land(context_));
  return Status::OK();
}

Status Cleaner::Run(CleanReport* report) {
  report_ = report;
  ARROW_ASSIGN_OR_RAISE(const auto at, table::TableAtRef::Parse(request_.table));
  if (!at.ref.empty()) {
    return base::Invalid(
        "cleaning changes the head of a branch; name the table without '@{}' and the branch with "
        "--branch",
        at.ref);
  }
  const bool on_main = request_.branch == table::kMainBranch;
  ARROW_ASSIGN_OR_RAISE(
      view_,
      TableView::Open(session_, on_main ? request_.table : request_.table + "@" + request_.branch));
  if (!on_main) view_.options.ref = request_.branch;
  report->table = view_.table;
  report->base_snapshot = view_.snapshot;
  Json inputs;
  ARROW_RETURN_NOT_OK(CheckPolicy("SELECT * FROM " + view_.sql, &inputs));
  ARROW_ASSIGN_OR_RAISE(const auto stored,
                        table::History(session_.catalog()).OnBranch(view_.table, request_.branch));
  StepChain chain(session_, view_, *stored.metadata->schema().arrow, context_);
  ARROW_RETURN_NOT_OK(Steps(&chain));
  // Expressions may read other tables, whose policies count as well.
  ARROW_RETURN_NOT_OK(CheckPolicy(chain.Sql(), &inputs));
  if (request_.dry_run || ChangesNothing(chain)) return Status::OK();
  return Land(chain, std::move(inputs));
}

}  // namespace

Result<CleanReport> Clean(query::Session& session, const Recipe& recipe,
                          const CleanRequest& request, const base::Context& context) {
  const auto start = std::chrono::steady_clock::now();
  CleanReport report;
  ARROW_RETURN_NOT_OK(Cleaner(session, recipe, request, context).Run(&report));
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return report;
}

Json ToJson(const CleanReport& report) {
  Json steps = Json::array();
  for (const StepReport& step : report.steps) {
    steps.push_back({{"step", step.step.kind},
                     {"arguments", step.step.arguments},
                     {"rows_in", step.rows_in},
                     {"rows_out", step.rows_out},
                     {"rejected", step.rejected},
                     {"cells_changed", step.cells_changed},
                     {"values", step.values}});
  }
  return {{"table", report.table.ToString()},
          {"base_snapshot", report.base_snapshot ? Json(*report.base_snapshot) : Json()},
          {"steps", std::move(steps)},
          {"rows_in", report.rows_in},
          {"rows_out", report.rows_out},
          {"rejected", report.rejected},
          {"rejects_table", report.rejects_table ? Json(report.rejects_table->ToString()) : Json()},
          {"commit", report.commit ? Json(report.commit->id) : Json()},
          {"seconds", report.seconds}};
}

}  // namespace millpond::curate
