// Opening a segment: ask the gate what the principal may see, find or build the files, map one
// part.
#include "train/segment.h"

#include <arrow/api.h>
#include <arrow/compute/api.h>
#include <arrow/io/file.h>
#include <arrow/ipc/reader.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "base/json.h"
#include "base/text.h"
#include "train/dataset_checks.h"
#include "train/segment_writer.h"

namespace millpond::train {
namespace {

using base::ErrorKind;
using base::Json;

// What is asked of the cache.
struct Request {
  bool by_part = false;              // Else all rows in one file.
  std::string part;                  // "all" where not by part.
  std::vector<std::string> columns;  // That batches will hold.
  std::vector<std::string> stored;   // These and the key.
};

std::vector<std::string> DefaultColumns(const Dataset& dataset) {
  const DatasetDefinition& definition = dataset.definition;
  std::vector<std::string> columns = definition.features;
  if (columns.empty()) {
    for (const Json& field : dataset.schema) {
      columns.push_back(field.value("name", std::string()));
    }
    return columns;
  }
  columns.insert(columns.end(), definition.labels.begin(), definition.labels.end());
  return columns;
}

Result<Request> MakeRequest(const Dataset& dataset, const std::string& part,
                            const std::vector<std::string>& columns) {
  Request request;
  request.part = part.empty() ? "all" : part;
  request.by_part = request.part != "all";
  const std::vector<std::string>& parts = dataset.plan.parts;
  if (request.by_part && std::ranges::find(parts, part) == parts.end()) {
    return base::NotFound("dataset {} has no part '{}'.{} It has: {}", dataset.FullName(), part,
                          base::DidYouMean(part, parts),
                          parts.empty() ? "all" : base::Join(parts, ", "));
  }
  std::vector<std::string> known;
  for (const Json& field : dataset.schema) known.push_back(field.value("name", std::string()));
  for (const std::string& column : columns) {
    if (std::ranges::find(known, column) == known.end()) {
      return base::NotFound("dataset {} has no column '{}'.{} It has: {}", dataset.FullName(),
                            column, base::DidYouMean(column, known), base::Join(known, ", "));
    }
    if (std::ranges::count(columns, column) > 1) {
      return base::Invalid("the column '{}' is asked for twice", column);
    }
  }
  request.columns = columns.empty() ? DefaultColumns(dataset) : columns;
  request.stored = request.columns;
  for (const std::string& key : dataset.definition.key) {
    if (std::ranges::find(request.stored, key) == request.stored.end()) {
      request.stored.push_back(key);
    }
  }
  std::ranges::sort(request.stored);  // One segment whatever the order they are asked in.
  return request;
}

// Everything the bytes of the segment depend on; policies are asked anew at every opening.
Result<Json> CacheInputs(query::Session& session, const Dataset& dataset, const Request& request) {
  ARROW_ASSIGN_OR_RAISE(auto reads, session.InputsOf(dataset.definition.query, PinsOf(dataset)));
  Json policies = Json::object();
  for (const query::TableRead& read : reads) policies[read.table.ToString()] = read.policy_hash;
  return Json{{"format", kSegmentFormat},
              {"dataset", dataset.hash},
              {"policies", std::move(policies)},
              {"columns", request.stored},
              {"by_part", request.by_part}};
}

Result<std::shared_ptr<arrow::RecordBatch>> Convert(const arrow::RecordBatch& batch,
                                                    const std::shared_ptr<arrow::Schema>& schema) {
  arrow::ArrayVector arrays;
  for (const auto& field : schema->fields()) {
    auto array = batch.GetColumnByName(field->name());
    if (!array->type()->Equals(field->type())) {
      auto options = arrow::compute::CastOptions::Safe(field->type());
      options.allow_decimal_truncate = options.allow_float_truncate = true;
      ARROW_ASSIGN_OR_RAISE(arrow::Datum cast, arrow::compute::Cast(array, options));
      array = cast.make_array();
    }
    arrays.push_back(std::move(array));
  }
  return arrow::RecordBatch::Make(schema, batch.num_rows(), std::move(arrays));
}

Status Build(query::Session& session, const Dataset& dataset, const Request& request,
             const std::string& folder, const base::Context& context) {
  const DatasetDefinition& definition = dataset.definition;
  std::vector<std::string> columns = request.stored;
  SplitPlan plan;
  if (request.by_part) {
    plan = dataset.plan;
    for (const std::string& column : PlanColumns(definition)) {
      if (std::ranges::find(columns, column) == columns.end()) columns.push_back(column);
    }
  }
  ARROW_ASSIGN_OR_RAISE(auto reader,
                        SelectPinned(session, dataset, QuotedColumns(columns),
                                     "ORDER BY " + QuotedColumns(definition.key), context));
  arrow::FieldVector fields;
  for (const std::string& column : request.stored) {
    auto field = reader->schema()->GetFieldByName(column);
    if (field == nullptr) return base::Internal("the query did not give '{}'", column);
    ARROW_ASSIGN_OR_RAISE(auto type, StoredType(*field));
    fields.push_back(arrow::field(column, std::move(type)));
  }
  auto schema = arrow::schema(std::move(fields));
  std::vector<std::string> parts = request.by_part ? plan.parts : std::vector<std::string>{"all"};
  ARROW_ASSIGN_OR_RAISE(auto writer, SegmentWriter::Open(folder, schema, parts));
  KeyCheck check(definition.key);
  int64_t done = 0;
  std::shared_ptr<arrow::RecordBatch> batch;
  while (true) {
    ARROW_RETURN_NOT_OK(context.CheckStop());
    ARROW_RETURN_NOT_OK(reader->ReadNext(&batch));
    if (batch == nullptr) break;
    ARROW_RETURN_NOT_OK(check.Check(*batch));
    ARROW_ASSIGN_OR_RAISE(auto assigned, AssignParts(plan, definition.key, *batch));
    ARROW_ASSIGN_OR_RAISE(auto converted, Convert(*batch, schema));
    ARROW_RETURN_NOT_OK(writer->Write(converted, assigned));
    context.Report({"prepare " + dataset.FullName(), done += batch->num_rows(), -1, "rows"});
  }
  return writer->Finish();
}

Result<Json> ReadSegmentJson(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return base::Corrupt("{} is missing; delete the folder to have it built again", path);
  std::string text(std::istreambuf_iterator<char>(in), {});
  auto json = base::ParseJson(text, path);
  return json.ok() ? json : base::WithKind(ErrorKind::kCorrupt, json.status());
}

class MappedSegment final : public Segment {
 public:
  Status Map(const Dataset& dataset, const Request& request,
             std::shared_ptr<const derived::Artefact> artefact) {
    artefact_ = std::move(artefact);
    part_ = request.part;
    dataset_name_ = dataset.FullName();
    dataset_hash_ = dataset.hash;
    key_ = dataset.definition.key;
    for (const std::string& label : dataset.definition.labels) {
      if (std::ranges::find(request.columns, label) != request.columns.end()) {
        labels_.push_back(label);
      }
    }
    std::string path = artefact_->FilePath("segment.json");
    ARROW_ASSIGN_OR_RAISE(Json json, ReadSegmentJson(path));
    ARROW_ASSIGN_OR_RAISE(const Json* parts, base::GetArray(json, "parts", path));
    for (const Json& part : *parts) {
      if (part.value("name", std::string()) == part_) return MapPart(part, request.columns, path);
    }
    return base::Corrupt("{} does not list the part '{}'", path, part_);
  }

 private:
  Status MapPart(const Json& part, const std::vector<std::string>& columns,
                 const std::string& origin) {
    ARROW_ASSIGN_OR_RAISE(std::string file, base::GetString(part, "file", origin));
    ARROW_ASSIGN_OR_RAISE(auto mapped, arrow::io::MemoryMappedFile::Open(
                                           artefact_->FilePath(file), arrow::io::FileMode::READ));
    ARROW_ASSIGN_OR_RAISE(auto reader, arrow::ipc::RecordBatchFileReader::Open(mapped));
    for (int i = 0; i < reader->num_record_batches(); ++i) {
      ARROW_ASSIGN_OR_RAISE(auto batch, reader->ReadRecordBatch(i));
      starts_.push_back(rows_);
      rows_ += batch->num_rows();
      batches_.push_back(std::move(batch));
    }
    schema_ = reader->schema();
    ARROW_ASSIGN_OR_RAISE(const Json* facts, base::GetArray(part, "columns", origin));
    for (const std::string& name : columns) {
      SegmentColumn column;
      column.name = name;
      auto field = schema_->GetFieldByName(name);
      if (field == nullptr) return base::Corrupt("{} lacks the column '{}'", origin, name);
      column.type = field->type();
      for (const Json& fact : *facts) {
        if (fact.value("name", std::string()) != name) continue;
        ARROW_ASSIGN_OR_RAISE(column.null_count, base::GetInt(fact, "nulls", origin));
        ARROW_ASSIGN_OR_RAISE(column.shortest, base::GetInt(fact, "shortest", origin));
        ARROW_ASSIGN_OR_RAISE(column.longest, base::GetInt(fact, "longest", origin));
      }
      columns_.push_back(std::move(column));
    }
    return Status::OK();
  }

  std::shared_ptr<const derived::Artefact> artefact_;  // Keeps eviction away.
};

}  // namespace

Result<std::shared_ptr<const Segment>> Segment::Open(query::Session& session, derived::Cache& cache,
                                                     const Dataset& dataset,
                                                     const std::string& part,
                                                     const std::vector<std::string>& columns,
                                                     const base::Context& context) {
  ARROW_ASSIGN_OR_RAISE(Request request, MakeRequest(dataset, part, columns));
  ARROW_ASSIGN_OR_RAISE(Json inputs, CacheInputs(session, dataset, request));
  auto build = [&](const std::string& folder, const base::Context& build_context) {
    return Build(session, dataset, request, folder, build_context);
  };
  ARROW_ASSIGN_OR_RAISE(auto artefact, cache.GetOrBuild("segment", inputs, build, context));
  auto segment = std::make_shared<MappedSegment>();
  ARROW_RETURN_NOT_OK(segment->Map(dataset, request, std::move(artefact)));
  return segment;
}

Segment::Place Segment::PlaceOf(int64_t row) const {
  auto after = std::ranges::upper_bound(starts_, row);
  size_t batch = static_cast<size_t>(after - starts_.begin()) - 1;
  return {static_cast<int32_t>(batch), static_cast<int32_t>(row - starts_[batch])};
}

std::string Segment::KeyOf(int64_t row) const {
  Place place = PlaceOf(row);
  std::vector<std::string> parts;
  for (const std::string& column : key_) {
    auto value = batches_[static_cast<size_t>(place.batch)]->GetColumnByName(column)->GetScalar(
        place.offset);
    parts.push_back(column + "=" + (value.ok() ? (*value)->ToString() : "?"));
  }
  return base::Join(parts, ", ");
}

int Segment::ColumnIndex(const std::string& name) const { return schema_->GetFieldIndex(name); }

}  // namespace millpond::train
