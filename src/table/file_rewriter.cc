// Copying rows between data files; see the header.
#include "table/file_rewriter.h"

#include <arrow/api.h>
#include <arrow/compute/api.h>
#include <parquet/arrow/reader.h>

#include <algorithm>
#include <utility>

#include "base/random_id.h"
#include "table/file_projection.h"
#include "table/row_lineage.h"
#include "table/schema.h"
#include "table/table_folder.h"

namespace millpond::table {
namespace {

// What one batch of rows should hold, decoded.
constexpr int64_t kBatchBytes = 16LL << 20;
constexpr int64_t kBatchRowsMost = 65536;
// Parquet is a few times smaller than what it decodes to.
constexpr int64_t kDecodedPerByte = 4;

struct OpenedFile {
  std::unique_ptr<parquet::arrow::FileReader> reader;
  std::unique_ptr<arrow::RecordBatchReader> batches;
};

Result<OpenedFile> OpenFile(store::BlobStore& store, const DataFile& file) {
  ARROW_ASSIGN_OR_RAISE(std::string path, store.PathOf(file.uri));
  ARROW_ASSIGN_OR_RAISE(auto input, store.OpenRead(path));
  const int64_t row_bytes =
      std::max<int64_t>(1, kDecodedPerByte * file.size / std::max<int64_t>(1, file.record_count));
  parquet::ArrowReaderProperties properties;
  properties.set_use_threads(true);
  properties.set_batch_size(std::clamp<int64_t>(kBatchBytes / row_bytes, 16, kBatchRowsMost));
  properties.set_pre_buffer(false);  // It would hold whole row groups.
  OpenedFile opened;
  try {
    parquet::arrow::FileReaderBuilder builder;
    auto reading = parquet::default_reader_properties();
    reading.enable_buffered_stream();
    ARROW_RETURN_NOT_OK(builder.Open(input, reading));
    builder.properties(properties);
    ARROW_ASSIGN_OR_RAISE(opened.reader, builder.Build());
    ARROW_ASSIGN_OR_RAISE(opened.batches, opened.reader->GetRecordBatchReader());
  } catch (const std::exception& error) {
    return base::Corrupt("{}", error.what());
  }
  return opened;
}

// The rows of `batch`, which begins at `first`, that are not deleted.
Result<std::shared_ptr<arrow::RecordBatch>> Survivors(
    const std::shared_ptr<arrow::RecordBatch>& batch, int64_t first, const RowPositions& deleted) {
  arrow::BooleanBuilder keep;
  ARROW_RETURN_NOT_OK(keep.Reserve(batch->num_rows()));
  int64_t kept = 0;
  for (int64_t i = 0; i < batch->num_rows(); ++i) {
    const bool stays = !deleted.Contains(first + i);
    keep.UnsafeAppend(stays);
    kept += stays ? 1 : 0;
  }
  if (kept == batch->num_rows()) return batch;
  ARROW_ASSIGN_OR_RAISE(auto mask, keep.Finish());
  ARROW_ASSIGN_OR_RAISE(auto rows, arrow::compute::Filter(arrow::Datum(batch), arrow::Datum(mask)));
  return rows.record_batch();
}

}  // namespace

Result<bool> CanRewrite(store::BlobStore& store, const DataFile& file,
                        const std::set<int32_t>& must_store) {
  if (file.format != "PARQUET") return false;
  auto opened = OpenFile(store, file);
  if (!opened.ok()) return base::WithContext(file.uri, opened.status());
  const arrow::Schema& schema = *opened->batches->schema();
  std::set<int32_t> stored;
  for (const auto& field : schema.fields()) stored.insert(FieldIdOf(*field).value_or(-1));
  return HasFieldIds(schema) &&
         std::includes(stored.begin(), stored.end(), must_store.begin(), must_store.end());
}

FileRewriter::FileRewriter(Catalog* catalog, std::string location, const arrow::Schema& schema,
                           bool lineage, const WriteSettings& settings)
    : catalog_(catalog), location_(std::move(location)), lineage_(lineage), settings_(settings) {
  arrow::FieldVector fields = schema.fields();
  if (lineage) {
    fields.push_back(LineageField(kRowId, kRowIdFieldId));
    fields.push_back(LineageField(kLastUpdated, kLastUpdatedFieldId));
  }
  schema_ = arrow::schema(std::move(fields));
}

FileRewriter::~FileRewriter() {
  file_.reset();
  std::vector<std::string> uris;
  for (const DataFile& file : files_) uris.push_back(file.uri);
  DeleteQuietly(catalog_->store(), uris);
}

Status FileRewriter::Copy(const ManifestEntry& entry, const RowPositions& deleted,
                          const base::Context& context) {
  const DataFile& source = entry.file;
  auto copy = [&]() -> Status {
    ARROW_ASSIGN_OR_RAISE(OpenedFile opened, OpenFile(catalog_->store(), source));
    int64_t position = 0;
    const int64_t before = rows_written_;
    while (true) {
      ARROW_RETURN_NOT_OK(context.CheckStop());
      std::shared_ptr<arrow::RecordBatch> batch;
      ARROW_RETURN_NOT_OK(opened.batches->ReadNext(&batch));
      if (batch == nullptr) break;
      const int64_t first = position;
      position += batch->num_rows();
      if (lineage_) {
        ARROW_ASSIGN_OR_RAISE(batch, WithLineage(batch, first, source.first_row_id,
                                                 entry.sequence_number.value_or(0)));
      }
      ARROW_ASSIGN_OR_RAISE(auto rows, Survivors(batch, first, deleted));
      if (rows->num_rows() == 0) continue;
      ARROW_ASSIGN_OR_RAISE(rows, ProjectById(*rows, schema_));
      ARROW_RETURN_NOT_OK(Write(*rows));
    }
    if (position != source.record_count) {
      return base::Corrupt("it has {} rows, its manifest says {}", position, source.record_count);
    }
    if (rows_written_ - before == source.record_count - deleted.size()) return Status::OK();
    return base::Internal("{} of {} rows were copied", rows_written_ - before,
                          source.record_count - deleted.size());
  };
  return base::WithContext(source.uri, copy());
}

Status FileRewriter::Write(const arrow::RecordBatch& rows) {
  for (int64_t offset = 0; offset < rows.num_rows();) {
    const auto rest = rows.Slice(offset);
    if (file_ == nullptr) {
      const std::string uri = fmt::format("{}/data/{}.parquet", location_, base::NewUuid());
      ARROW_ASSIGN_OR_RAISE(
          file_, DataFileWriter::Open(catalog_->store(), uri, schema_, *rest, settings_));
    }
    ARROW_ASSIGN_OR_RAISE(const int64_t taken, file_->Write(*rest));
    offset += taken;
    rows_written_ += taken;
    if (file_->IsFull()) ARROW_RETURN_NOT_OK(CloseFile());
  }
  return Status::OK();
}

Status FileRewriter::CloseFile() {
  if (file_ == nullptr) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(DataFile written, file_->Finish());
  file_.reset();
  files_.push_back(std::move(written));
  return Status::OK();
}

Result<std::vector<DataFile>> FileRewriter::Finish() {
  ARROW_RETURN_NOT_OK(CloseFile());
  return std::exchange(files_, {});
}

}  // namespace millpond::table
