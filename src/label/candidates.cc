// Reading labels; see the header.
#include "label/candidates.h"

#include <arrow/api.h>

#include <utility>

#include "base/text.h"
#include "base/time.h"
#include "query/result_rows.h"
#include "table/schema.h"

namespace millpond::label {
namespace {

using base::Invalid;
using base::Json;

/// A label as text: text as it is, other values as JSON.
std::string LabelText(const Json& value) {
  return value.is_string() ? value.get<std::string>() : base::CanonicalJson(value);
}

const std::string& AnnotatorOf(const LabelRequest& request) {
  return request.annotator.empty() ? request.author : request.annotator;
}

/// The columns of a label file, by what they say.
struct FileColumns {
  int sample = -1, label = -1, annotator = -1, confidence = -1, time = -1;
  std::vector<int> key;
};

Result<int> FindColumn(const arrow::Schema& schema, const std::string& name,
                       const std::string& url) {
  const int index = schema.GetFieldIndex(name);
  if (index >= 0) return index;
  const auto names = schema.field_names();
  return Invalid("{} has no column '{}'.{} Its columns: {}", url, name,
                 base::DidYouMean(name, names), base::Join(names, ", "));
}

std::string SampleColumn(const LabelRequest& request, const arrow::Schema& schema) {
  if (!request.sample_column.empty()) return request.sample_column;
  // Sources keep the name sample_id for the pond and rename a file's own.
  return schema.GetFieldIndex("source_sample_id") >= 0 ? "source_sample_id"
                                                       : std::string(table::kSampleId);
}

Result<FileColumns> FindColumns(const arrow::Schema& schema, const LabelRequest& request) {
  FileColumns columns;
  for (const std::string& name : request.key) {
    ARROW_ASSIGN_OR_RAISE(const int index, FindColumn(schema, name, request.url));
    columns.key.push_back(index);
  }
  if (request.key.empty()) {
    std::string name = SampleColumn(request, schema);
    if (name == table::kSampleId && schema.GetFieldIndex(name) < 0) name = "source_sample_id";
    const auto found = FindColumn(schema, name, request.url);
    if (!found.ok() && request.sample_column.empty()) {
      return Invalid(
          "{} has no column sample_id; name the column that holds it, or the key columns "
          "that name a sample. Its columns: {}",
          request.url, base::Join(schema.field_names(), ", "));
    }
    ARROW_ASSIGN_OR_RAISE(columns.sample, found);
  }
  ARROW_ASSIGN_OR_RAISE(columns.label, FindColumn(schema, request.label_column, request.url));
  const std::pair<const std::string*, int*> optional[] = {
      {&request.annotator_column, &columns.annotator},
      {&request.confidence_column, &columns.confidence},
      {&request.time_column, &columns.time}};
  for (const auto& [name, index] : optional) {
    if (name->empty()) continue;
    ARROW_ASSIGN_OR_RAISE(*index, FindColumn(schema, *name, request.url));
  }
  return columns;
}

/// Types that a text file's columns must have so that labels keep their text and keys compare with
/// the table's.
void SetTypes(const arrow::Schema& schema, const FileColumns& columns, const LabelledTable& table,
              source::SourceOptions* options) {
  const auto set = [&](int index, const std::string& type) {
    if (index >= 0) options->types.try_emplace(schema.field(index)->name(), type);
  };
  set(columns.sample, "int64");
  set(columns.label, "string");
  set(columns.annotator, "string");
  set(columns.confidence, "double");
  for (const int index : columns.key) {
    const auto own = table.schema->GetFieldByName(schema.field(index)->name());
    if (own != nullptr) set(index, own->type()->ToString());
  }
}

class FileCandidates final : public CandidateReader {
 public:
  FileCandidates(std::unique_ptr<source::Source> source,
                 std::unique_ptr<source::StreamReader> reader, FileColumns columns,
                 const LabelRequest& request)
      : source_(std::move(source)),
        reader_(std::move(reader)),
        columns_(std::move(columns)),
        request_(request) {}

  Result<std::vector<Candidate>> Next() override {
    while (true) {
      ARROW_ASSIGN_OR_RAISE(auto batch, reader_->Next());
      for (source::Reject& reject : reader_->TakeRejects()) {
        rejects_.push_back({.file = std::move(reject.file),
                            .line = reject.line,
                            .column = std::move(reject.column),
                            .reason = std::move(reject.reason),
                            .raw = std::move(reject.raw)});
      }
      if (batch == nullptr) return std::vector<Candidate>();
      std::vector<Candidate> candidates;
      for (int64_t row = 0; row < batch->num_rows(); ++row) {
        ARROW_ASSIGN_OR_RAISE(auto candidate, Read(*batch, row));
        if (candidate) candidates.push_back(*std::move(candidate));
      }
      if (!candidates.empty()) return candidates;
    }
  }

  std::vector<table::RejectedRow> TakeRejects() override { return std::exchange(rejects_, {}); }

  Json Inputs() const override {
    Json inputs = Json::array();
    const Json cursor = reader_->Cursor();
    if (!cursor.is_object() || !cursor.contains("files")) return inputs;
    for (const auto& [path, file] : cursor["files"].items()) {
      inputs.push_back({{"file", path},
                        {"size", file.value("size", Json())},
                        {"hash", file.value("hash", Json())}});
    }
    return inputs;
  }

 private:
  void Refuse(const arrow::RecordBatch& batch, int column, const Json& value, std::string reason) {
    rejects_.push_back({.file = request_.url,
                        .column = batch.column_name(column),
                        .reason = std::move(reason),
                        .raw = base::CanonicalJson(value)});
  }

  Result<std::optional<Candidate>> Read(const arrow::RecordBatch& batch, int64_t row) {
    const auto cell = [&](int column) { return query::CellOf(*batch.column(column), row); };
    Candidate candidate;
    if (columns_.sample >= 0) {
      ARROW_ASSIGN_OR_RAISE(const Json id, cell(columns_.sample));
      if (!id.is_number_integer()) {
        Refuse(batch, columns_.sample, id, "a sample id is a whole number");
        return std::nullopt;
      }
      candidate.sample_id = id.get<int64_t>();
    }
    Json key = Json::array();
    for (const int column : columns_.key) {
      ARROW_ASSIGN_OR_RAISE(auto value, cell(column));
      key.push_back(std::move(value));
    }
    if (!key.empty()) candidate.key = base::CanonicalJson(key);
    ARROW_ASSIGN_OR_RAISE(const Json label, cell(columns_.label));
    if (!label.is_null()) candidate.label = LabelText(label);
    candidate.annotator = AnnotatorOf(request_);
    if (columns_.annotator >= 0) {
      ARROW_ASSIGN_OR_RAISE(const Json annotator, cell(columns_.annotator));
      if (!annotator.is_null()) candidate.annotator = LabelText(annotator);
    }
    if (columns_.confidence >= 0) {
      ARROW_ASSIGN_OR_RAISE(const Json confidence, cell(columns_.confidence));
      const bool fits =
          confidence.is_number() && confidence.get<double>() >= 0 && confidence.get<double>() <= 1;
      if (!fits && !confidence.is_null()) {
        Refuse(batch, columns_.confidence, confidence, "a confidence lies between 0 and 1");
        return std::nullopt;
      }
      if (fits) candidate.confidence = confidence.get<double>();
    }
    if (columns_.time >= 0) {
      ARROW_ASSIGN_OR_RAISE(const Json at, cell(columns_.time));
      const auto parsed = base::ParseTime(at.is_string() ? at.get<std::string>() : "");
      if (!parsed.ok() && !at.is_null()) {
        Refuse(batch, columns_.time, at, "not an ISO date or time");
        return std::nullopt;
      }
      if (parsed.ok()) candidate.labelled_ms = *parsed;
    }
    return candidate;
  }

  std::unique_ptr<source::Source> source_;
  std::unique_ptr<source::StreamReader> reader_;
  FileColumns columns_;
  const LabelRequest& request_;
  std::vector<table::RejectedRow> rejects_;
};

class ExpressionCandidates final : public CandidateReader {
 public:
  ExpressionCandidates(std::shared_ptr<arrow::RecordBatchReader> reader,
                       const LabelRequest& request)
      : reader_(std::move(reader)), request_(request) {}

  Result<std::vector<Candidate>> Next() override {
    std::vector<Candidate> candidates;
    std::shared_ptr<arrow::RecordBatch> batch;
    ARROW_RETURN_NOT_OK(reader_->ReadNext(&batch));
    if (batch == nullptr) return candidates;
    for (int64_t row = 0; row < batch->num_rows(); ++row) {
      ARROW_ASSIGN_OR_RAISE(const Json id, query::CellOf(*batch->column(0), row));
      ARROW_ASSIGN_OR_RAISE(const Json label, query::CellOf(*batch->column(1), row));
      candidates.push_back({.sample_id = id.get<int64_t>(),
                            .key = {},
                            .label = label.get<std::string>(),
                            .annotator = AnnotatorOf(request_),
                            .confidence = {},
                            .labelled_ms = {}});
    }
    return candidates;
  }

  std::vector<table::RejectedRow> TakeRejects() override { return {}; }
  Json Inputs() const override { return Json::array({{{"expression", request_.expression}}}); }

 private:
  std::shared_ptr<arrow::RecordBatchReader> reader_;
  const LabelRequest& request_;
};

}  // namespace

std::string QuotedName(const table::TableName& table, const std::string& ref) {
  return base::QuoteIdentifier(table.space) + "." +
         base::QuoteIdentifier(ref.empty() ? table.name : table.name + "@" + ref);
}

table::TableName LabelsTableOf(const table::TableName& table) {
  return {table.space, table.name + "_labels"};
}

Result<std::unique_ptr<CandidateReader>> ReadLabelFile(const LabelledTable& table,
                                                       const LabelRequest& request,
                                                       const base::Context& context) {
  for (const std::string& name : request.key) {
    if (table.schema->GetFieldIndex(name) >= 0) continue;
    const auto names = table.schema->field_names();
    return Invalid("the key column '{}' is not a column of {}.{}", name, table.name.ToString(),
                   base::DidYouMean(name, names));
  }
  source::SourceOptions options = request.source;
  ARROW_ASSIGN_OR_RAISE(auto source, source::OpenSource(request.url, options));
  ARROW_ASSIGN_OR_RAISE(auto streams, source->Describe(context));
  if (streams.size() != 1) {
    return Invalid("{} holds {} streams; labels come from one", request.url, streams.size());
  }
  ARROW_ASSIGN_OR_RAISE(auto columns, FindColumns(*streams[0].schema, request));
  if (streams[0].report.is_object() && streams[0].report.value("format", Json()) == "csv") {
    SetTypes(*streams[0].schema, columns, table, &options);
    ARROW_ASSIGN_OR_RAISE(source, source::OpenSource(request.url, options));
    ARROW_ASSIGN_OR_RAISE(streams, source->Describe(context));
  }
  ARROW_ASSIGN_OR_RAISE(auto reader, source->Open(streams[0].name, context));
  ARROW_ASSIGN_OR_RAISE(columns, FindColumns(*reader->schema(), request));
  return std::make_unique<FileCandidates>(std::move(source), std::move(reader), std::move(columns),
                                          request);
}

Result<std::unique_ptr<CandidateReader>> ReadLabelExpression(query::Session& session,
                                                             const LabelledTable& table,
                                                             const LabelRequest& request,
                                                             const base::Context& context) {
  // On lines of its own: a comment in the expression ends with it.
  const std::string sql = "SELECT sample_id, label FROM (SELECT sample_id, CAST((\n" +
                          request.expression + "\n) AS VARCHAR) AS label FROM " + table.sql +
                          ") WHERE label IS NOT NULL";
  ARROW_ASSIGN_OR_RAISE(const auto inputs, session.InputsOf(sql, table.options));
  for (const query::TableRead& read : inputs) {
    if (read.policy_hash.empty()) continue;
    return base::Denied(
        "a policy filters or masks {} for {}: its labels would say what the policy "
        "made of it",
        read.table.ToString(), session.principal().name);
  }
  ARROW_ASSIGN_OR_RAISE(auto result, session.Sql(sql, table.options, context));
  return std::make_unique<ExpressionCandidates>(std::move(result.reader), request);
}

}  // namespace millpond::label
