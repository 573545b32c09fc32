// One table's rows, joined; see the header.
#include "version/row_merge.h"

#include <arrow/api.h>
#include <arrow/compute/api.h>

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "query/result_rows.h"
#include "table/batch_fitter.h"
#include "table/row_delta.h"
#include "table/row_lineage.h"
#include "table/table_writer.h"

namespace millpond::version {
namespace {

using base::Json;

constexpr int kFileColumn = 0, kPositionColumn = 1, kRowColumn = 2, kStepColumn = 3,
              kConflictColumn = 4, kRepeatedColumn = 5, kFirstValue = 6;
constexpr size_t kShownBytes = 200;  // Of a text in a conflict.

query::SqlOptions Differences(const RowMerge& merge) {
  query::SqlOptions options;
  options.differences_only = true;
  options.columns_of_schema[merge.table] = merge.schema_id;
  return options;
}

// What a policy makes of a table must not be stored as if it were the table.
Status CheckInputs(const query::Session& session, const RowMerge& merge,
                   const std::vector<query::TableRead>& inputs) {
  bool reads_ours = false;
  for (const auto& read : inputs) {
    if (!read.policy_hash.empty()) {
      return base::Denied(
          "a policy filters or masks {} for {}, so its rows cannot be joined; ask someone who sees "
          "the whole table",
          merge.table.ToString(), session.principal().name);
    }
    reads_ours |= read.snapshot_id == merge.ours_snapshot;
  }
  if (reads_ours) return Status::OK();
  return base::Conflict("{} has moved on meanwhile; run the command again", merge.table.ToString());
}

class Run {
 public:
  Run(query::Session& session, const RowMerge& merge, table::PendingCommit* pending,
      const base::Context& context)
      : session_(session), merge_(merge), pending_(pending), context_(context) {}

  Result<RowMergeReport> Do() {
    ARROW_ASSIGN_OR_RAISE(const bool repeats, HasRepeats());
    ARROW_ASSIGN_OR_RAISE(auto result, Ask(merge_.query.ChangesSql(repeats)));
    while (true) {
      std::shared_ptr<arrow::RecordBatch> batch;
      ARROW_RETURN_NOT_OK(result.reader->ReadNext(&batch));
      if (batch == nullptr) break;
      ARROW_RETURN_NOT_OK(context_.CheckStop());
      ARROW_RETURN_NOT_OK(Take(*batch));
      context_.Report({.phase = "join " + merge_.table.ToString(),
                       .done = report_.added + report_.removed + report_.changed,
                       .total = -1,
                       .unit = "rows"});
    }
    result.reader.reset();  // Gives the connection back before files are rewritten.
    if (Writes()) ARROW_RETURN_NOT_OK(HandOver());
    return report_;
  }

 private:
  Result<query::QueryResult> Ask(const std::string& sql) {
    // Before anything is read: a policy may also hide where rows are.
    ARROW_ASSIGN_OR_RAISE(auto inputs, session_.InputsOf(sql, Differences(merge_)));
    ARROW_RETURN_NOT_OK(CheckInputs(session_, merge_, inputs));
    ARROW_ASSIGN_OR_RAISE(auto result, session_.Sql(sql, Differences(merge_), context_));
    ARROW_RETURN_NOT_OK(CheckInputs(session_, merge_, result.inputs));
    return result;
  }

  Result<bool> HasRepeats() {
    ARROW_ASSIGN_OR_RAISE(auto result, Ask(merge_.query.RepeatsSql()));
    std::shared_ptr<arrow::RecordBatch> batch;
    ARROW_RETURN_NOT_OK(result.reader->ReadNext(&batch));
    if (batch == nullptr || batch->num_rows() != 1) return base::Internal("no answer");
    return static_cast<const arrow::BooleanArray&>(*batch->column(0)).Value(0);
  }

  Status Repeated(const arrow::RecordBatch& batch, int64_t row) const {
    std::vector<std::string> key;
    for (const size_t i : merge_.query.key()) {
      ARROW_ASSIGN_OR_RAISE(const auto value,
                            batch.column(kFirstValue + static_cast<int>(i))->GetScalar(row));
      key.push_back(merge_.columns->field(static_cast<int>(i))->name() + " " + value->ToString());
    }
    return base::Invalid(
        "more than one row has the key {}, so the rows cannot be told apart; remove the "
        "repeated ones on both branches, or bring the whole table from one to the other with "
        "`millpond restore`",
        base::Join(key, ", "));
  }

  bool Writes() const {
    return pending_ != nullptr && (report_.conflicts == 0 || merge_.prefer != Prefer::kNone);
  }

  Status Take(const arrow::RecordBatch& batch) {
    ARROW_ASSIGN_OR_RAISE(auto numbers,
                          arrow::compute::Cast(*batch.column(kStepColumn), arrow::int64()));
    const auto& steps = static_cast<const arrow::Int64Array&>(*numbers);
    const auto& clashes = static_cast<const arrow::BooleanArray&>(*batch.column(kConflictColumn));
    const auto& repeated = static_cast<const arrow::BooleanArray&>(*batch.column(kRepeatedColumn));
    std::vector<bool> writes(static_cast<size_t>(batch.num_rows()), false);
    bool any = false;
    for (int64_t i = 0; i < batch.num_rows(); ++i) {
      if (repeated.Value(i)) return Repeated(batch, i);
      if (clashes.Value(i)) {
        ++report_.conflicts;
        if (merge_.prefer != Prefer::kTheirs) continue;
      }
      const auto step = static_cast<RowStep>(steps.Value(i));
      report_.added += step == RowStep::kInsert;
      report_.removed += step == RowStep::kDelete;
      report_.changed += step == RowStep::kUpdate;
      const bool is_in_ours = step == RowStep::kDelete || step == RowStep::kUpdate;
      if (is_in_ours) TakePlace(batch, i);
      if (step == RowStep::kInsert || step == RowStep::kUpdate) {
        writes[static_cast<size_t>(i)] = any = true;
      }
    }
    return any && Writes() ? Write(batch, writes) : Status::OK();
  }

  void TakePlace(const arrow::RecordBatch& batch, int64_t row) {
    const auto& files = static_cast<const arrow::StringArray&>(*batch.column(kFileColumn));
    const auto& positions = static_cast<const arrow::Int64Array&>(*batch.column(kPositionColumn));
    const auto file = files.GetView(row);
    if (places_ == nullptr || file_ != file) {
      file_ = file;
      places_ = &delta_.deleted[file_];
    }
    places_->Add(positions.Value(row));
  }

  Status Write(const arrow::RecordBatch& batch, const std::vector<bool>& writes) {
    if (writer_ == nullptr) {
      ARROW_ASSIGN_OR_RAISE(auto schema, pending_->SchemaOf(merge_.table));
      if (merge_.row_ids) {
        ARROW_ASSIGN_OR_RAISE(
            schema, schema->AddField(schema->num_fields(),
                                     table::LineageField(table::kRowId, table::kRowIdFieldId)));
      }
      ARROW_ASSIGN_OR_RAISE(
          writer_, table::TableWriter::Open(session_.catalog(), merge_.table, std::move(schema)));
      // Rows are joined by what names them: those of the other side keep their numbers.
      writer_->RowsStay();
    }
    arrow::BooleanBuilder builder;
    ARROW_RETURN_NOT_OK(builder.AppendValues(writes));
    ARROW_ASSIGN_OR_RAISE(auto mask, builder.Finish());
    arrow::FieldVector fields;
    arrow::ArrayVector columns;
    for (int i = 0; i < merge_.columns->num_fields(); ++i) {
      ARROW_ASSIGN_OR_RAISE(columns.emplace_back(), table::AsStored(batch.column(kFirstValue + i),
                                                                    *merge_.columns->field(i)));
      fields.push_back(arrow::field(merge_.columns->field(i)->name(), columns.back()->type()));
    }
    if (merge_.row_ids) {
      columns.push_back(batch.column(kRowColumn));
      fields.push_back(arrow::field(std::string(table::kRowId), columns.back()->type()));
    }
    const auto values =
        arrow::RecordBatch::Make(arrow::schema(fields), batch.num_rows(), std::move(columns));
    ARROW_ASSIGN_OR_RAISE(auto kept,
                          arrow::compute::Filter(arrow::Datum(values), arrow::Datum(mask)));
    return writer_->Write(*kept.record_batch(), context_);
  }

  Status HandOver() {
    if (writer_ != nullptr) {
      ARROW_ASSIGN_OR_RAISE(delta_.added, writer_->Finish());
    }
    if (delta_.added.empty() && delta_.deleted.empty()) return Status::OK();
    delta_.verb = table::RowVerb::kMerge;
    delta_.base_snapshot = merge_.ours_snapshot;
    return pending_->ChangeRows(merge_.table, std::move(delta_), context_).status();
  }

  query::Session& session_;
  const RowMerge& merge_;
  table::PendingCommit* pending_;
  const base::Context& context_;
  RowMergeReport report_;
  table::RowDelta delta_;
  std::unique_ptr<table::TableWriter> writer_;  // Opened with the first new value.
  std::string file_;                            // The last one, whose positions are:
  table::RowPositions* places_ = nullptr;
};

Json Shown(Json value) {
  if (!value.is_string()) return value;
  auto text = value.get<std::string>();
  if (text.size() <= kShownBytes) return value;
  size_t end = kShownBytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return text.substr(0, end) + "…";
}

Json ObjectOf(const std::vector<std::string>& names, const query::ResultRow& row, size_t* at) {
  Json object = Json::object();
  for (const auto& name : names) object[name] = Shown(row[(*at)++]);
  return object;
}

Json SideOf(const std::vector<std::string>& names, const query::ResultRow& row, size_t* at) {
  const bool present = row[(*at)++].get<bool>();
  Json object = ObjectOf(names, row, at);
  return present ? object : Json(nullptr);
}

}  // namespace

Result<RowMergeReport> MergeRows(query::Session& session, const RowMerge& merge,
                                 table::PendingCommit* pending, const base::Context& context) {
  return Run(session, merge, pending, context).Do();
}

Result<std::vector<Json>> ListConflicts(query::Session& session, const RowMerge& merge,
                                        int64_t limit, const base::Context& context) {
  ARROW_ASSIGN_OR_RAISE(auto rows, query::RowsOf(session, merge.query.ConflictsSql(limit),
                                                 Differences(merge), context));
  const auto names = merge.query.names(), key = merge.query.key_names();
  std::vector<Json> conflicts;
  for (const auto& row : rows) {
    size_t at = 0;
    Json conflict = {{"table", merge.table.ToString()}};
    conflict["key"] = ObjectOf(key, row, &at);
    conflict["base"] = SideOf(names, row, &at);
    conflict["ours"] = SideOf(names, row, &at);
    conflict["theirs"] = SideOf(names, row, &at);
    conflicts.push_back(std::move(conflict));
  }
  return conflicts;
}

}  // namespace millpond::version
