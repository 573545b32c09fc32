// The rejects table of a table; see the header. Rows are held up to a megabyte before they are
// written, so that millions of rejects cost no memory.
#include "table/rejects_writer.h"

#include <arrow/api.h>

#include <utility>

#include "base/text.h"
#include "base/time.h"
#include "table/schema.h"

namespace millpond::table {
namespace {

constexpr size_t kHeldBytes = 1 << 20;

/// Text that a string column takes: bytes that are no UTF-8 become \xNN.
std::string AsText(const std::string& bytes) {
  if (base::IsValidUtf8(bytes)) return bytes;
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      text += c;
    } else {
      text += fmt::format("\\x{:02x}", byte);
    }
  }
  return text;
}

Status AppendOptional(arrow::StringBuilder* builder, const std::string& text) {
  return text.empty() ? builder->AppendNull() : builder->Append(AsText(text));
}

struct Columns {
  arrow::StringBuilder file, column, reason, raw;
  arrow::Int64Builder line, refused;
  arrow::TimestampBuilder at{arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"),
                             arrow::default_memory_pool()};

  Status Append(const RejectedRow& row, int64_t rejected_ms) {
    ARROW_RETURN_NOT_OK(AppendOptional(&file, row.file));
    ARROW_RETURN_NOT_OK(row.line > 0 ? line.Append(row.line) : line.AppendNull());
    ARROW_RETURN_NOT_OK(AppendOptional(&column, row.column));
    ARROW_RETURN_NOT_OK(reason.Append(AsText(row.reason)));
    ARROW_RETURN_NOT_OK(raw.Append(AsText(row.raw)));
    ARROW_RETURN_NOT_OK(at.Append(rejected_ms * 1000));
    return row.refused_sample_id ? refused.Append(*row.refused_sample_id) : refused.AppendNull();
  }
};

}  // namespace

std::shared_ptr<arrow::Schema> RejectsSchema() {
  const auto text = arrow::utf8();
  return arrow::schema(
      {arrow::field(std::string(kSampleId), arrow::int64(), false), arrow::field("file", text),
       arrow::field("line", arrow::int64()), arrow::field("column", text),
       arrow::field("reason", text), arrow::field("raw", text),
       arrow::field("rejected_at", arrow::timestamp(arrow::TimeUnit::MICRO, "UTC")),
       arrow::field("refused_sample_id", arrow::int64())});
}

TableName RejectsTableOf(const TableName& table) { return {table.space, table.name + "_rejects"}; }

RejectsWriter::RejectsWriter(std::shared_ptr<Catalog> catalog, PendingCommit* commit,
                             const TableName& table)
    : catalog_(std::move(catalog)),
      commit_(commit),
      name_(RejectsTableOf(table)),
      rejected_ms_(base::NowMs()) {}

Status RejectsWriter::Add(const RejectedRow& row, const base::Context& context) {
  held_bytes_ += sizeof(row) + row.raw.size() + row.reason.size() + row.file.size();
  held_.push_back(row);
  ++rows_;
  return held_bytes_ >= kHeldBytes ? Flush(context) : Status::OK();
}

Status RejectsWriter::Open() {
  const auto existing = commit_->Existing(name_);
  if (existing.ok()) {
    ARROW_RETURN_NOT_OK(base::WithContext(
        "the rejects cannot be kept: the table " + name_.ToString() + " is of another shape",
        commit_->EvolveTo(name_, RejectsSchema())));
  } else if (base::KindOf(existing.status()) == base::ErrorKind::kNotFound) {
    ARROW_RETURN_NOT_OK(commit_->Create(name_, RejectsSchema()));
  } else {
    return existing.status();
  }
  ARROW_ASSIGN_OR_RAISE(auto schema, commit_->SchemaOf(name_));
  ARROW_ASSIGN_OR_RAISE(writer_, TableWriter::Open(catalog_, name_, schema));
  return Status::OK();
}

Status RejectsWriter::Flush(const base::Context& context) {
  if (held_.empty()) return Status::OK();
  if (writer_ == nullptr) ARROW_RETURN_NOT_OK(Open());
  Columns columns;
  for (const RejectedRow& row : held_) ARROW_RETURN_NOT_OK(columns.Append(row, rejected_ms_));
  const auto rows = static_cast<int64_t>(held_.size());
  held_.clear();
  held_bytes_ = 0;
  arrow::ArrayVector arrays;
  arrow::ArrayBuilder* const builders[] = {&columns.file,   &columns.line, &columns.column,
                                           &columns.reason, &columns.raw,  &columns.at,
                                           &columns.refused};
  for (arrow::ArrayBuilder* builder : builders) {
    ARROW_ASSIGN_OR_RAISE(auto array, builder->Finish());
    arrays.push_back(std::move(array));
  }
  auto fields = RejectsSchema()->fields();
  fields.erase(fields.begin());  // The writer numbers the rows.
  return writer_->Write(*arrow::RecordBatch::Make(arrow::schema(fields), rows, std::move(arrays)),
                        context);
}

Status RejectsWriter::Finish(const base::Context& context) {
  ARROW_RETURN_NOT_OK(Flush(context));
  if (writer_ == nullptr) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(auto files, writer_->Finish());
  return commit_->Append(name_, std::move(files));
}

}  // namespace millpond::table
