// Adding labels: candidates are taken in chunks, each checked against the table's samples and the
// labels that exist, and what is good is added in one commit with what was refused beside it.
#include "label/labels.h"

#include <arrow/api.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>

#include "base/text.h"
#include "base/time.h"
#include "label/candidates.h"
#include "label/label_rows.h"
#include "query/result_rows.h"
#include "query/sql_lexer.h"
#include "table/commit.h"
#include "table/rejects_writer.h"
#include "table/schema.h"
#include "table/table_writer.h"

namespace millpond::label {
namespace {

using base::Invalid;
using base::Json;

// Labels checked at once: bounds memory, and each chunk asks for its range of samples only.
constexpr size_t kChunk = 100000;
// Fewer ids than this are asked for one by one, so that files are pruned by them.
constexpr size_t kListedIds = 500;

class Labeller {
 public:
  Labeller(query::Session& session, const LabelRequest& request, const base::Context& context,
           LabelReport* report)
      : session_(session), request_(request), context_(context), report_(report) {}

  Status Run();

 private:
  struct Said {
    std::string label;
    std::optional<double> confidence;
    bool added = true;  // No: left out, because it repeats the one before it.
  };
  using Course = std::map<int64_t, Said>;  // What one annotator said of one sample, by time.
  using SampleAndAnnotator = std::pair<int64_t, std::string>;

  Status CheckRequest();
  Status OpenTable();
  Status OpenLabels(table::PendingCommit* commit);
  Status Take(CandidateReader* candidates);
  Status CheckChunk(std::vector<Candidate> chunk);
  Status ResolveKeys(std::vector<Candidate>* chunk);
  Result<std::set<int64_t>> ExistingOf(const std::vector<Candidate>& chunk);
  Status LoadStored(const std::vector<Candidate>& chunk);
  query::SqlOptions StoredOptions() const;
  std::string Fault(const Candidate& candidate, const std::set<int64_t>& existing,
                    std::string* kind) const;
  void Accept(const Candidate& candidate, std::vector<LabelRow>* rows);
  Status Refuse(const std::string& kind, table::RejectedRow row);
  Status Refuse(const std::string& kind, const std::string& reason, const Candidate& candidate);

  query::Session& session_;
  const LabelRequest& request_;
  const base::Context& context_;
  LabelReport* report_;
  LabelledTable table_;
  bool labels_exist_ = false;
  int64_t now_ms_ = base::NowMs();
  std::map<SampleAndAnnotator, Course> said_;
  std::unique_ptr<table::TableWriter> writer_;
  std::unique_ptr<table::RejectsWriter> rejects_;
};

Status Labeller::CheckRequest() {
  if (request_.url.empty() == request_.expression.empty()) {
    return Invalid("give the labels either as a file or as an expression");
  }
  if (!request_.expression.empty()) {
    ARROW_RETURN_NOT_OK(query::CheckExpressionText(request_.expression, "label expression"));
  }
  if (request_.author.empty()) return Invalid("labels need an author");
  if (!request_.key.empty() && !request_.sample_column.empty()) {
    return Invalid("name the sample by its id or by key columns, not both");
  }
  return base::CheckName(request_.label_set, "label set");
}

Status Labeller::OpenTable() {
  ARROW_ASSIGN_OR_RAISE(const auto at, table::TableAtRef::Parse(request_.table));
  if (!at.ref.empty()) {
    return Invalid(
        "labels are for the samples at the head of a branch; name the table without '@{}' and the "
        "branch with --branch",
        at.ref);
  }
  if (request_.branch != table::kMainBranch) table_.options.ref = request_.branch;
  const std::string sql = QuotedName(at.table, table_.options.ref);
  ARROW_ASSIGN_OR_RAISE(auto inputs, session_.InputsOf("SELECT * FROM " + sql, {}));
  table_.name = inputs.at(0).table;
  table_.snapshot = inputs[0].snapshot_id;
  table_.policy_hash = inputs[0].policy_hash;
  table_.sql = QuotedName(table_.name, "");
  table_.options.pins[table_.name].snapshot_id = table_.snapshot;
  ARROW_ASSIGN_OR_RAISE(table_.schema,
                        session_.SchemaOf("SELECT * FROM " + table_.sql, table_.options));
  if (table_.schema->GetFieldIndex(std::string(table::kSampleId)) < 0) {
    return Invalid("{} has no sample_id, so its rows cannot be labelled", table_.name.ToString());
  }
  report_->table = table_.name;
  report_->labels_table = LabelsTableOf(table_.name);
  report_->label_set = request_.label_set;
  const auto labels =
      table::History(session_.catalog()).OnBranch(report_->labels_table, request_.branch);
  if (!labels.ok() && base::KindOf(labels.status()) != base::ErrorKind::kNotFound) {
    return labels.status();
  }
  labels_exist_ = labels.ok();
  return Status::OK();
}

Status Labeller::OpenLabels(table::PendingCommit* commit) {
  const table::TableName& name = report_->labels_table;
  if (labels_exist_) {
    ARROW_RETURN_NOT_OK(commit->EvolveTo(name, LabelsSchema()));
  } else {
    ARROW_RETURN_NOT_OK(commit->Create(name, LabelsSchema(), LabelsIdentifier()));
  }
  ARROW_ASSIGN_OR_RAISE(auto schema, commit->SchemaOf(name));
  ARROW_ASSIGN_OR_RAISE(writer_, table::TableWriter::Open(session_.catalog(), name, schema));
  rejects_ = std::make_unique<table::RejectsWriter>(session_.catalog(), commit, name);
  return Status::OK();
}

Status Labeller::Refuse(const std::string& kind, table::RejectedRow row) {
  if (request_.strict) {
    return Invalid(
        "{}: {} ({}); nothing was labelled. Mend it, or label without --strict to keep "
        "such labels apart",
        row.file, row.reason, row.raw);
  }
  ++report_->rejected;
  ++report_->reasons[kind];
  return rejects_->Add(row, context_);
}

Status Labeller::Refuse(const std::string& kind, const std::string& reason,
                        const Candidate& candidate) {
  Json raw = {{"label", candidate.label ? Json(*candidate.label) : Json()},
              {"annotator", candidate.annotator}};
  if (candidate.sample_id) raw["sample_id"] = *candidate.sample_id;
  if (!candidate.key.empty()) raw["key"] = candidate.key;
  table::RejectedRow row{.file = request_.url.empty() ? request_.expression : request_.url,
                         .reason = reason,
                         .raw = base::CanonicalJson(raw)};
  row.refused_sample_id = candidate.sample_id;
  return Refuse(kind, std::move(row));
}

/// Finds the sample of each key in one pass over the key columns; candidates without one are
/// refused and removed.
Status Labeller::ResolveKeys(std::vector<Candidate>* chunk) {
  struct Found {
    int64_t sample_id = 0, samples = 0;
  };
  std::unordered_map<std::string, Found> found;
  for (const Candidate& candidate : *chunk) found[candidate.key];
  std::vector<std::string> names;
  for (const std::string& name : request_.key) names.push_back(base::QuoteIdentifier(name));
  ARROW_ASSIGN_OR_RAISE(auto result, session_.Sql("SELECT sample_id, " + base::Join(names, ", ") +
                                                      " FROM " + table_.sql,
                                                  table_.options, context_));
  while (true) {
    std::shared_ptr<arrow::RecordBatch> batch;
    ARROW_RETURN_NOT_OK(result.reader->ReadNext(&batch));
    if (batch == nullptr) break;
    for (int64_t row = 0; row < batch->num_rows(); ++row) {
      Json key = Json::array();
      for (int i = 1; i < batch->num_columns(); ++i) {
        ARROW_ASSIGN_OR_RAISE(auto cell, query::CellOf(*batch->column(i), row));
        key.push_back(std::move(cell));
      }
      const auto known = found.find(base::CanonicalJson(key));
      if (known == found.end()) continue;
      ARROW_ASSIGN_OR_RAISE(const Json id, query::CellOf(*batch->column(0), row));
      known->second.sample_id = id.get<int64_t>();
      ++known->second.samples;
    }
  }
  std::vector<Candidate> resolved;
  for (Candidate& candidate : *chunk) {
    const Found& sample = found[candidate.key];
    if (sample.samples == 1) {
      candidate.sample_id = sample.sample_id;
      resolved.push_back(std::move(candidate));
    } else if (sample.samples == 0) {
      ARROW_RETURN_NOT_OK(Refuse(
          "no sample has this key",
          fmt::format("no sample of {} has the key {}", table_.name.ToString(), candidate.key),
          candidate));
    } else {
      ARROW_RETURN_NOT_OK(Refuse("several samples have this key",
                                 fmt::format("{} samples of {} have the key {}", sample.samples,
                                             table_.name.ToString(), candidate.key),
                                 candidate));
    }
  }
  *chunk = std::move(resolved);
  return Status::OK();
}

/// "sample_id IN (…)" for few samples, else their range.
std::string SampleCondition(const std::vector<Candidate>& chunk) {
  std::set<int64_t> ids;
  for (const Candidate& candidate : chunk) ids.insert(*candidate.sample_id);
  if (ids.size() > kListedIds) {
    return fmt::format("sample_id BETWEEN {} AND {}", *ids.begin(), *ids.rbegin());
  }
  std::vector<std::string> texts;
  for (const int64_t id : ids) texts.push_back(std::to_string(id));
  return "sample_id IN (" + base::Join(texts, ", ") + ")";
}

Result<std::set<int64_t>> Labeller::ExistingOf(const std::vector<Candidate>& chunk) {
  std::unordered_map<int64_t, bool> wanted;
  for (const Candidate& candidate : chunk) wanted[*candidate.sample_id] = true;
  ARROW_ASSIGN_OR_RAISE(auto result, session_.Sql("SELECT sample_id FROM " + table_.sql +
                                                      " WHERE " + SampleCondition(chunk),
                                                  table_.options, context_));
  std::set<int64_t> existing;
  while (true) {
    std::shared_ptr<arrow::RecordBatch> batch;
    ARROW_RETURN_NOT_OK(result.reader->ReadNext(&batch));
    if (batch == nullptr) return existing;
    const auto& ids = static_cast<const arrow::Int64Array&>(*batch->column(0));
    for (int64_t row = 0; row < ids.length(); ++row) {
      if (wanted.contains(ids.Value(row))) existing.insert(ids.Value(row));
    }
  }
}

query::SqlOptions Labeller::StoredOptions() const {
  return {.ref = table_.options.ref, .pins = {}, .parameters = {}};
}

/// Loads all that is stored of the chunk's samples, not the latest only: labels may come in any
/// order of their times.
Status Labeller::LoadStored(const std::vector<Candidate>& chunk) {
  if (!labels_exist_) return Status::OK();
  std::set<int64_t> wanted;
  for (const Candidate& candidate : chunk) wanted.insert(*candidate.sample_id);
  ARROW_ASSIGN_OR_RAISE(
      auto result, session_.Sql("SELECT sample_id, annotator, label, epoch_ms(labelled_at) FROM " +
                                    QuotedName(report_->labels_table, "") +
                                    " WHERE label_set = " + base::QuoteLiteral(request_.label_set) +
                                    " AND " + SampleCondition(chunk),
                                StoredOptions(), context_));
  while (true) {
    std::shared_ptr<arrow::RecordBatch> batch;
    ARROW_RETURN_NOT_OK(result.reader->ReadNext(&batch));
    if (batch == nullptr) return Status::OK();
    for (int64_t row = 0; row < batch->num_rows(); ++row) {
      ARROW_ASSIGN_OR_RAISE(const Json id, query::CellOf(*batch->column(0), row));
      if (!wanted.contains(id.get<int64_t>())) continue;
      ARROW_ASSIGN_OR_RAISE(const Json annotator, query::CellOf(*batch->column(1), row));
      ARROW_ASSIGN_OR_RAISE(const Json label, query::CellOf(*batch->column(2), row));
      ARROW_ASSIGN_OR_RAISE(const Json at, query::CellOf(*batch->column(3), row));
      said_[{id.get<int64_t>(), annotator.get<std::string>()}].try_emplace(
          at.get<int64_t>(), Said{label.get<std::string>(), std::nullopt});
    }
  }
}

std::string Labeller::Fault(const Candidate& candidate, const std::set<int64_t>& existing,
                            std::string* kind) const {
  if (!existing.contains(*candidate.sample_id)) {
    *kind = "no such sample";
    return fmt::format("{} has no sample {}", table_.name.ToString(), *candidate.sample_id);
  }
  if (!candidate.label) {
    *kind = "no label";
    return "the label is missing";
  }
  const auto& classes = request_.classes;
  if (!classes.empty() &&
      std::find(classes.begin(), classes.end(), *candidate.label) == classes.end()) {
    *kind = "not one of the classes";
    return fmt::format("'{}' is not one of the classes {}.{}", *candidate.label,
                       base::Join(classes, ", "), base::DidYouMean(*candidate.label, classes));
  }
  const auto known = said_.find({*candidate.sample_id, candidate.annotator});
  if (known == said_.end()) return "";
  const auto same = known->second.find(candidate.labelled_ms.value_or(now_ms_));
  if (same != known->second.end() && same->second.label != *candidate.label) {
    *kind = "labelled twice at one time";
    return fmt::format("{} labels sample {} as '{}' and as '{}' at the same time",
                       candidate.annotator, *candidate.sample_id, same->second.label,
                       *candidate.label);
  }
  return "";
}

void Labeller::Accept(const Candidate& candidate, std::vector<LabelRow>* rows) {
  const int64_t at = candidate.labelled_ms.value_or(now_ms_);
  Course& course = said_[{*candidate.sample_id, candidate.annotator}];
  auto next = course.upper_bound(at);
  if (next != course.begin() && std::prev(next)->second.label == *candidate.label) {
    course.try_emplace(at, Said{*candidate.label, candidate.confidence, false});
    ++report_->unchanged;
    return;
  }
  course[at] = {*candidate.label, candidate.confidence};
  rows->push_back(
      {*candidate.sample_id, *candidate.label, candidate.annotator, at, candidate.confidence});
  // A later one that was left out as a repetition is none any more.
  if (next == course.end() || next->second.added || next->second.label == *candidate.label) return;
  next->second.added = true;
  --report_->unchanged;
  rows->push_back({*candidate.sample_id, next->second.label, candidate.annotator, next->first,
                   next->second.confidence});
}

Status Labeller::CheckChunk(std::vector<Candidate> chunk) {
  if (!request_.key.empty()) ARROW_RETURN_NOT_OK(ResolveKeys(&chunk));
  if (chunk.empty()) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(const auto existing, ExistingOf(chunk));
  ARROW_RETURN_NOT_OK(LoadStored(chunk));
  std::vector<LabelRow> rows;
  for (const Candidate& candidate : chunk) {
    std::string kind;
    const std::string fault = Fault(candidate, existing, &kind);
    if (fault.empty()) {
      Accept(candidate, &rows);
    } else {
      ARROW_RETURN_NOT_OK(Refuse(kind, fault, candidate));
    }
  }
  report_->labels += static_cast<int64_t>(rows.size());
  if (rows.empty()) return Status::OK();
  const std::string source = request_.url.empty() ? "sql: " + request_.expression : request_.url;
  ARROW_ASSIGN_OR_RAISE(auto batch, LabelBatch(rows, request_.label_set, source));
  return writer_->Write(*batch, context_);
}

Status Labeller::Take(CandidateReader* candidates) {
  std::vector<Candidate> chunk;
  while (true) {
    ARROW_RETURN_NOT_OK(context_.CheckStop());
    ARROW_ASSIGN_OR_RAISE(auto next, candidates->Next());
    for (table::RejectedRow& reject : candidates->TakeRejects()) {
      ARROW_RETURN_NOT_OK(Refuse("the row could not be read", std::move(reject)));
    }
    if (next.empty()) break;
    std::move(next.begin(), next.end(), std::back_inserter(chunk));
    if (chunk.size() < kChunk) continue;
    ARROW_RETURN_NOT_OK(CheckChunk(std::exchange(chunk, {})));
    context_.Report({.phase = "label " + table_.name.ToString(),
                     .done = report_->labels + report_->unchanged + report_->rejected,
                     .total = -1,
                     .unit = "labels"});
  }
  return CheckChunk(std::move(chunk));
}

Status Labeller::Run() {
  ARROW_RETURN_NOT_OK(CheckRequest());
  ARROW_RETURN_NOT_OK(OpenTable());
  const std::string from = request_.url.empty() ? "an expression" : request_.url;
  table::CommitInfo info{.author = request_.author,
                         .message = request_.message.empty()
                                        ? "label " + table_.name.ToString() + " from " + from
                                        : request_.message,
                         .operation = "label",
                         .branch = request_.branch,
                         .idempotency_key = request_.idempotency_key,
                         .request = {{"table", request_.table},
                                     {"label_set", request_.label_set},
                                     {"from", request_.url},
                                     {"expression", request_.expression}}};
  table::PendingCommit commit(session_.catalog(), std::move(info));
  auto candidates = request_.url.empty() ? ReadLabelExpression(session_, table_, request_, context_)
                                         : ReadLabelFile(table_, request_, context_);
  ARROW_RETURN_NOT_OK(candidates.status());
  ARROW_RETURN_NOT_OK(OpenLabels(&commit));
  ARROW_RETURN_NOT_OK(Take(candidates->get()));
  if (report_->labels == 0 && report_->rejected == 0) return Status::OK();
  Json& inputs = commit.info().inputs;
  inputs = (*candidates)->Inputs();
  inputs.push_back({{"table", table_.name.ToString()},
                    {"snapshot", table_.snapshot ? Json(*table_.snapshot) : Json()}});
  commit.info().details = ToJson(*report_);
  commit.info().details["classes"] = request_.classes;
  ARROW_ASSIGN_OR_RAISE(auto files, writer_->Finish());
  ARROW_RETURN_NOT_OK(commit.Append(report_->labels_table, std::move(files)));
  ARROW_RETURN_NOT_OK(rejects_->Finish(context_));
  if (report_->rejected > 0) report_->rejects_table = rejects_->table();
  ARROW_ASSIGN_OR_RAISE(report_->commit, commit.Land(context_));
  return Status::OK();
}

}  // namespace

Result<LabelReport> AddLabels(query::Session& session, const LabelRequest& request,
                              const base::Context& context) {
  const auto start = std::chrono::steady_clock::now();
  LabelReport report;
  ARROW_RETURN_NOT_OK(Labeller(session, request, context, &report).Run());
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return report;
}

}  // namespace millpond::label
