// Rows are gathered per part until a chunk is worth writing; chunks are bounded in rows and bytes,
// so that memory is bounded too.
#include "train/segment_writer.h"

#include <arrow/api.h>
#include <arrow/compute/api.h>
#include <arrow/io/file.h>
#include <arrow/ipc/writer.h>
#include <arrow/util/byte_size.h>

#include <algorithm>
#include <fstream>

#include "base/json.h"
#include "train/segment.h"
#include "train/split.h"

namespace millpond::train {
namespace {

constexpr int64_t kChunkRows = 65536;
constexpr int64_t kChunkBytes = 16 << 20;

bool IsFixedWidth(const arrow::DataType& type) {
  switch (type.id()) {
    case arrow::Type::BOOL:
    case arrow::Type::HALF_FLOAT:
    case arrow::Type::FLOAT:
    case arrow::Type::DOUBLE:
    case arrow::Type::DATE32:
    case arrow::Type::TIMESTAMP:
      return true;
    default:
      return arrow::is_integer(type.id());
  }
}

// What a part's column is like as a whole; decides its shape in batches.
struct ColumnFacts {
  int64_t nulls = 0;
  int64_t shortest = std::numeric_limits<int64_t>::max(), longest = 0;

  void Add(const arrow::Array& array) {
    nulls += array.null_count();
    if (array.type_id() != arrow::Type::LIST) return;
    const auto& list = static_cast<const arrow::ListArray&>(array);
    nulls += list.Flatten().ValueOr(list.values())->null_count();
    for (int64_t row = 0; row < list.length(); ++row) {
      if (list.IsNull(row)) continue;
      shortest = std::min<int64_t>(shortest, list.value_length(row));
      longest = std::max<int64_t>(longest, list.value_length(row));
    }
  }
};

}  // namespace

Result<std::shared_ptr<arrow::DataType>> StoredType(const arrow::Field& field) {
  const auto& type = field.type();
  if (IsFixedWidth(*type)) return type;
  switch (type->id()) {
    case arrow::Type::STRING:
    case arrow::Type::BINARY:
      return type;
    case arrow::Type::LARGE_STRING:
    case arrow::Type::STRING_VIEW:
      return arrow::utf8();
    case arrow::Type::LARGE_BINARY:
    case arrow::Type::BINARY_VIEW:
    case arrow::Type::FIXED_SIZE_BINARY:
      return arrow::binary();
    case arrow::Type::DECIMAL128:
      return arrow::float64();
    case arrow::Type::DICTIONARY:
      return StoredType(
          *field.WithType(static_cast<const arrow::DictionaryType&>(*type).value_type()));
    case arrow::Type::LIST:
    case arrow::Type::LARGE_LIST:
    case arrow::Type::FIXED_SIZE_LIST: {
      const auto& item = static_cast<const arrow::BaseListType&>(*type).value_type();
      if (IsFixedWidth(*item) && item->id() != arrow::Type::BOOL) return arrow::list(item);
      break;
    }
    default:
      break;
  }
  return base::Invalid(
      "column '{}' of type {} cannot go into a training batch; take its parts in the query, cast "
      "it, or leave it out of the columns",
      field.name(), type->ToString());
}

class SegmentWriter::PartFile {
 public:
  static Result<std::unique_ptr<PartFile>> Open(std::string name, const std::string& folder,
                                                std::string file,
                                                const std::shared_ptr<arrow::Schema>& schema) {
    auto part = std::make_unique<PartFile>();
    part->name_ = std::move(name);
    part->file_ = std::move(file);
    part->schema_ = schema;
    part->facts_.resize(static_cast<size_t>(schema->num_fields()));
    ARROW_ASSIGN_OR_RAISE(part->stream_,
                          arrow::io::FileOutputStream::Open(folder + "/" + part->file_));
    auto options = arrow::ipc::IpcWriteOptions::Defaults();
    options.alignment = 64;
    ARROW_ASSIGN_OR_RAISE(part->writer_,
                          arrow::ipc::MakeFileWriter(part->stream_, schema, options));
    return part;
  }

  Status Write(std::shared_ptr<arrow::RecordBatch> batch) {
    rows_ += batch->num_rows();
    pending_rows_ += batch->num_rows();
    pending_bytes_ += arrow::util::TotalBufferSize(*batch);
    for (int i = 0; i < batch->num_columns(); ++i) {
      facts_[static_cast<size_t>(i)].Add(*batch->column(i));
    }
    pending_.push_back(std::move(batch));
    return pending_rows_ >= kChunkRows || pending_bytes_ >= kChunkBytes ? Flush() : Status::OK();
  }

  Status Finish() {
    ARROW_RETURN_NOT_OK(Flush());
    ARROW_RETURN_NOT_OK(writer_->Close());
    return stream_->Close();
  }

  base::Json Describe() const {
    base::Json columns = base::Json::array();
    for (size_t i = 0; i < facts_.size(); ++i) {
      const ColumnFacts& facts = facts_[i];
      columns.push_back({{"name", schema_->field(static_cast<int>(i))->name()},
                         {"nulls", facts.nulls},
                         {"shortest", std::min(facts.shortest, facts.longest)},
                         {"longest", facts.longest}});
    }
    return {{"name", name_}, {"file", file_}, {"rows", rows_}, {"columns", std::move(columns)}};
  }

 private:
  Status Flush() {
    if (pending_.empty()) return Status::OK();
    std::shared_ptr<arrow::RecordBatch> chunk = pending_.front();
    if (pending_.size() > 1) {
      ARROW_ASSIGN_OR_RAISE(chunk, arrow::ConcatenateRecordBatches(pending_));
    }
    pending_.clear();
    pending_rows_ = pending_bytes_ = 0;
    return writer_->WriteRecordBatch(*chunk);
  }

  std::string name_, file_;
  std::shared_ptr<arrow::Schema> schema_;
  std::shared_ptr<arrow::io::FileOutputStream> stream_;
  std::shared_ptr<arrow::ipc::RecordBatchWriter> writer_;
  arrow::RecordBatchVector pending_;
  int64_t rows_ = 0, pending_rows_ = 0, pending_bytes_ = 0;
  std::vector<ColumnFacts> facts_;
};

SegmentWriter::SegmentWriter() = default;
SegmentWriter::~SegmentWriter() = default;

Result<std::unique_ptr<SegmentWriter>> SegmentWriter::Open(std::string folder,
                                                           std::shared_ptr<arrow::Schema> schema,
                                                           const std::vector<std::string>& parts) {
  std::unique_ptr<SegmentWriter> writer(new SegmentWriter);
  writer->folder_ = std::move(folder);
  writer->schema_ = std::move(schema);
  for (const std::string& part : parts) {
    ARROW_ASSIGN_OR_RAISE(
        auto file, PartFile::Open(part, writer->folder_,
                                  fmt::format("{}.arrow", writer->parts_.size()), writer->schema_));
    writer->parts_.push_back(std::move(file));
  }
  return writer;
}

Status SegmentWriter::Write(const std::shared_ptr<arrow::RecordBatch>& batch,
                            const std::vector<int32_t>& parts) {
  std::vector<arrow::Int32Builder> rows(parts_.size());
  for (size_t row = 0; row < parts.size(); ++row) {
    if (parts[row] == kNoPart) continue;
    ARROW_RETURN_NOT_OK(rows[static_cast<size_t>(parts[row])].Append(static_cast<int32_t>(row)));
  }
  for (size_t part = 0; part < parts_.size(); ++part) {
    if (rows[part].length() == 0) continue;
    if (rows[part].length() == batch->num_rows()) return parts_[part]->Write(batch);
    ARROW_ASSIGN_OR_RAISE(auto indices, rows[part].Finish());
    ARROW_ASSIGN_OR_RAISE(arrow::Datum taken, arrow::compute::Take(batch, indices));
    ARROW_RETURN_NOT_OK(parts_[part]->Write(taken.record_batch()));
  }
  return Status::OK();
}

Status SegmentWriter::Finish() {
  base::Json parts = base::Json::array();
  for (auto& part : parts_) {
    ARROW_RETURN_NOT_OK(part->Finish());
    parts.push_back(part->Describe());
  }
  std::string path = folder_ + "/segment.json";
  std::ofstream out(path, std::ios::binary);
  out << base::CanonicalJson({{"format", kSegmentFormat}, {"parts", std::move(parts)}});
  out.close();
  return out ? Status::OK() : base::FromErrno(errno, "write " + path);
}

}  // namespace millpond::train
