// Writes batches as data files of one table. The caller's thread fits and collects rows into
// chunks; one chunk at a time is encoded behind its back, so that reading and encoding overlap
// while no more than two chunks and one row group are held.
#include "table/table_writer.h"

#include <arrow/api.h>
#include <arrow/util/byte_size.h>
#include <arrow/util/key_value_metadata.h>

#include <algorithm>
#include <future>
#include <limits>
#include <utility>

#include "base/random_id.h"
#include "table/batch_fitter.h"
#include "table/commit_plan.h"
#include "table/data_file_writer.h"
#include "table/sample_ids.h"
#include "table/schema.h"
#include "table/table_folder.h"

namespace millpond::table {
namespace {

// Enough rows for column encoders to run apart, few enough bytes to hold two of them.
constexpr int64_t kChunkRows = 65536;
constexpr int64_t kChunkBytes = 8LL << 20;

}  // namespace

struct TableWriter::State {
  State(std::shared_ptr<Catalog> catalog_in, const TableName& name,
        const std::shared_ptr<arrow::Schema>& schema_in, std::string location_in)
      : catalog(std::move(catalog_in)),
        schema(schema_in),
        location(std::move(location_in)),
        fitter(schema_in, name.ToString()),
        ids(catalog.get(), location),
        sample_id(schema_in->GetFieldIndex(std::string(kSampleId))) {}

  std::shared_ptr<Catalog> catalog;
  std::shared_ptr<arrow::Schema> schema;
  std::string location;
  BatchFitter fitter;
  SampleIds ids;
  int sample_id;  // Its column, or -1.
  int64_t rows = 0;
  bool finished = false;
  bool rows_stay = false;
  bool brings_ids = false, numbers_rows = false, ids_ascend = true;
  int64_t last_id = std::numeric_limits<int64_t>::min();

  // Collected by the caller's thread.
  std::vector<BatchFitter::Fitted> chunk;
  int64_t chunk_rows = 0, chunk_bytes = 0;

  // Touched by the encoding task while `encoding` is valid, else by the caller's thread.
  std::future<Status> encoding;
  std::unique_ptr<DataFileWriter> file;
  std::vector<DataFile> files;

  Status Collect(const arrow::RecordBatch& batch);
  void NoteOrder(const arrow::Array& given);
  Status failure;  // The first of encoding; rows are missing from then on.

  Status AwaitEncoding() {
    if (encoding.valid()) failure &= encoding.get();
    return failure;
  }
  Result<std::shared_ptr<arrow::RecordBatch>> TakeChunk();
  Status FlushChunk();
  Status Encode(const arrow::RecordBatch& batch);
  Status CloseFile();
};

Status TableWriter::State::Collect(const arrow::RecordBatch& batch) {
  ARROW_ASSIGN_OR_RAISE(auto fitted, fitter.Fit(batch));
  if (sample_id >= 0 && !fitted.needs_sample_ids) {
    ARROW_RETURN_NOT_OK(ids.Pass(*fitted.batch->column(sample_id)));
    NoteOrder(*fitted.batch->column(sample_id));
  }
  numbers_rows |= fitted.needs_sample_ids;
  ARROW_ASSIGN_OR_RAISE(int64_t bytes, arrow::util::ReferencedBufferSize(*fitted.batch));
  chunk_rows += fitted.batch->num_rows();
  chunk_bytes += bytes;
  rows += fitted.batch->num_rows();
  chunk.push_back(std::move(fitted));
  if (chunk_rows >= kChunkRows || chunk_bytes >= kChunkBytes) return FlushChunk();
  return Status::OK();
}

void TableWriter::State::NoteOrder(const arrow::Array& given) {
  const auto& numbers = static_cast<const arrow::Int64Array&>(given);
  brings_ids |= numbers.length() > 0;
  for (int64_t i = 0; ids_ascend && i < numbers.length(); ++i) {
    ids_ascend = numbers.Value(i) > last_id;
    last_id = numbers.Value(i);
  }
}

// The collected rows as one batch, numbered: all missing numbers of the chunk are reserved at once.
Result<std::shared_ptr<arrow::RecordBatch>> TableWriter::State::TakeChunk() {
  int64_t missing = 0;
  for (const auto& part : chunk) missing += part.needs_sample_ids ? part.batch->num_rows() : 0;
  std::shared_ptr<arrow::Array> numbers;
  if (missing > 0) {
    ARROW_ASSIGN_OR_RAISE(numbers, ids.Take(missing));
  }
  arrow::RecordBatchVector batches;
  int64_t used = 0;
  for (auto& part : chunk) {
    if (part.needs_sample_ids) {
      const int64_t count = part.batch->num_rows();
      ARROW_ASSIGN_OR_RAISE(part.batch, part.batch->SetColumn(sample_id, schema->field(sample_id),
                                                              numbers->Slice(used, count)));
      used += count;
    }
    batches.push_back(std::move(part.batch));
  }
  chunk.clear();
  chunk_rows = chunk_bytes = 0;
  if (batches.size() == 1) return batches[0];
  return arrow::ConcatenateRecordBatches(batches);
}

Status TableWriter::State::FlushChunk() {
  if (chunk_rows == 0) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(auto batch, TakeChunk());
  ARROW_RETURN_NOT_OK(AwaitEncoding());
  encoding = std::async(std::launch::async, [this, batch] { return Encode(*batch); });
  return Status::OK();
}

Status TableWriter::State::Encode(const arrow::RecordBatch& batch) {
  for (int64_t offset = 0; offset < batch.num_rows();) {
    const auto rest = batch.Slice(offset);
    if (file == nullptr) {
      ARROW_ASSIGN_OR_RAISE(
          file, DataFileWriter::Open(catalog->store(),
                                     fmt::format("{}/data/{}.parquet", location, base::NewUuid()),
                                     schema, *rest, catalog->settings()));
    }
    ARROW_ASSIGN_OR_RAISE(const int64_t taken, file->Write(*rest));
    offset += taken;
    if (file->IsFull()) ARROW_RETURN_NOT_OK(CloseFile());
  }
  return Status::OK();
}

Status TableWriter::State::CloseFile() {
  if (file == nullptr) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(DataFile written, file->Finish());
  file.reset();
  files.push_back(std::move(written));
  return Status::OK();
}

TableWriter::TableWriter() = default;

TableWriter::~TableWriter() {
  if (state_ == nullptr || state_->finished) return;
  (void)state_->AwaitEncoding();
  state_->file.reset();
  std::vector<std::string> uris;
  for (const DataFile& file : state_->files) uris.push_back(file.uri);
  DeleteQuietly(state_->catalog->store(), uris);
}

Result<std::unique_ptr<TableWriter>> TableWriter::Open(std::shared_ptr<Catalog> catalog,
                                                       const TableName& name,
                                                       std::shared_ptr<arrow::Schema> schema) {
  for (const auto& field : schema->fields()) {
    if (!FieldIdOf(*field)) {
      return base::Invalid(
          "column {} of {} has no field id; open the writer with the schema that "
          "PendingCommit::SchemaOf returns",
          field->name(), name.ToString());
    }
  }
  auto stated = schema->metadata() == nullptr ? Result<std::string>(base::NotFound("no location"))
                                              : schema->metadata()->Get(kTableLocationKey);
  std::optional<Table> table;
  auto loaded = catalog->Load(name);
  if (loaded.ok()) {
    table = *std::move(loaded);
  } else if (!stated.ok() || base::KindOf(loaded.status()) != base::ErrorKind::kNotFound) {
    return loaded.status();
  }
  const std::string location = stated.ok() ? *stated : table->metadata->location;
  std::unique_ptr<TableWriter> writer(new TableWriter);
  writer->state_ =
      std::make_unique<State>(std::move(catalog), name, schema->RemoveMetadata(), location);
  if (table && table->metadata->location == location) {
    ARROW_RETURN_NOT_OK(writer->state_->ids.PassForeignRows(*table));
  }
  return writer;
}

void TableWriter::RowsStay() { state_->rows_stay = true; }

Status TableWriter::Write(const arrow::RecordBatch& batch, const base::Context& context) {
  if (state_->finished) return base::Invalid("the writer is finished; open a new one");
  // Slices keep what is held small even where a caller's batch is not.
  ARROW_ASSIGN_OR_RAISE(int64_t bytes, arrow::util::ReferencedBufferSize(batch));
  const int64_t pieces =
      1 + std::max(bytes / (kChunkBytes + 1), batch.num_rows() / (kChunkRows + 1));
  const int64_t step = std::max<int64_t>(1, (batch.num_rows() + pieces - 1) / pieces);
  for (int64_t offset = 0; offset < batch.num_rows(); offset += step) {
    ARROW_RETURN_NOT_OK(context.CheckStop());
    ARROW_RETURN_NOT_OK(state_->Collect(*batch.Slice(offset, step)));
  }
  return Status::OK();
}

Result<std::vector<DataFile>> TableWriter::Finish() {
  if (state_->finished) return base::Invalid("the writer is finished; open a new one");
  ARROW_RETURN_NOT_OK(state_->FlushChunk());
  ARROW_RETURN_NOT_OK(state_->AwaitEncoding());
  ARROW_RETURN_NOT_OK(state_->CloseFile());
  state_->finished = true;
  for (DataFile& file : state_->files) {
    file.brings_ids = state_->brings_ids && !state_->rows_stay;
    file.ids_ascend = state_->ids_ascend && !state_->numbers_rows;
  }
  return std::move(state_->files);
}

int64_t TableWriter::rows() const { return state_->rows; }

}  // namespace millpond::table
