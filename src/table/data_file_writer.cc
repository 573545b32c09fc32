// Writes one Parquet data file; see the header.
#include "table/data_file_writer.h"

#include <arrow/api.h>
#include <arrow/compute/api.h>
#include <arrow/util/byte_size.h>
#include <parquet/arrow/schema.h>
#include <parquet/arrow/writer.h>
#include <parquet/properties.h>
#include <parquet/schema.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "table/file_statistics.h"
#include "table/schema.h"

namespace millpond::table {
namespace {

using parquet::ColumnDescriptor;

// Raw bytes after which a row group ends whatever its row count: bounds what the encoder holds.
constexpr int64_t kRowGroupBytes = 64LL << 20;
// Mean bytes a row in binary columns from which a table counts as holding blobs, and their page
// size: about one image a page.
constexpr int64_t kBlobRowBytes = 4096;
constexpr int64_t kBlobPageBytes = 64LL << 10;

/// Runs Parquet code, whose errors are exceptions in places.
template <class Call>
Status Guarded(Call call) {
  try {
    return call();
  } catch (const std::exception& error) {
    return base::Internal("Parquet: {}", error.what());
  }
}

bool HoldsBlobs(const arrow::RecordBatch& sample) {
  int64_t bytes = 0;
  for (const auto& column : sample.columns()) {
    if (column->type_id() != arrow::Type::BINARY) continue;
    bytes += static_cast<const arrow::BinaryArray&>(*column).total_values_length();
  }
  return sample.num_rows() > 0 && bytes / sample.num_rows() >= kBlobRowBytes;
}

void SetColumn(const ColumnDescriptor& column, parquet::WriterProperties::Builder* builder) {
  const auto path = column.path();
  switch (ColumnUseOf(column)) {
    case ColumnUse::kBlob:
      // Encoded images and the like do not get smaller, and nobody compares them.
      builder->disable_dictionary(path)->disable_statistics(path)->compression(
          path, parquet::Compression::UNCOMPRESSED);
      break;
    case ColumnUse::kVector:
      builder->disable_dictionary(path)->disable_statistics(path);
      break;
    case ColumnUse::kPlain:
      break;
  }
  if (path->ToDotString() == kSampleId) {
    builder->disable_dictionary(path)->encoding(path, parquet::Encoding::DELTA_BINARY_PACKED);
  }
}

Result<std::shared_ptr<parquet::WriterProperties>> PropertiesFor(
    const arrow::Schema& schema, const parquet::ArrowWriterProperties& arrow_properties, bool blobs,
    const WriteSettings& settings) {
  ARROW_ASSIGN_OR_RAISE(auto codec, arrow::util::Codec::GetCompressionType(settings.compression));
  parquet::WriterProperties::Builder builder;
  builder.compression(codec)
      ->enable_write_page_index()
      ->enable_page_checksum()
      ->max_row_group_length(settings.row_group_rows)
      ->created_by("millpond");
  if (blobs) builder.data_pagesize(kBlobPageBytes)->write_batch_size(1);
  std::shared_ptr<parquet::SchemaDescriptor> descriptor;
  auto plain = builder.build();
  ARROW_RETURN_NOT_OK(
      parquet::arrow::ToParquetSchema(&schema, *plain, arrow_properties, &descriptor));
  for (int i = 0; i < descriptor->num_columns(); ++i) SetColumn(*descriptor->Column(i), &builder);
  return builder.build();
}

// How many NaN a floating-point column holds; -1 for other types.
int64_t NanCount(const arrow::Array& column) {
  auto count = [&](const auto& values) {
    int64_t found = 0;
    if (values.null_count() == 0) {
      for (int64_t i = 0; i < values.length(); ++i) found += std::isnan(values.Value(i));
      return found;
    }
    for (int64_t i = 0; i < values.length(); ++i) {
      found += values.IsValid(i) && std::isnan(values.Value(i));
    }
    return found;
  };
  if (column.type_id() == arrow::Type::FLOAT) {
    return count(static_cast<const arrow::FloatArray&>(column));
  }
  if (column.type_id() == arrow::Type::DOUBLE) {
    return count(static_cast<const arrow::DoubleArray&>(column));
  }
  return -1;
}

}  // namespace

Result<std::unique_ptr<DataFileWriter>> DataFileWriter::Open(
    store::BlobStore& store, const std::string& uri, const std::shared_ptr<arrow::Schema>& schema,
    const arrow::RecordBatch& sample, const WriteSettings& settings) {
  std::unique_ptr<DataFileWriter> file(new DataFileWriter);
  file->uri_ = uri;
  file->schema_ = schema->RemoveMetadata();
  file->settings_ = settings;
  ARROW_ASSIGN_OR_RAISE(std::string path, store.PathOf(uri));
  ARROW_RETURN_NOT_OK(Guarded([&]() -> Status {
    auto arrow_properties =
        parquet::ArrowWriterProperties::Builder().set_use_threads(true)->build();
    ARROW_ASSIGN_OR_RAISE(auto properties, PropertiesFor(*file->schema_, *arrow_properties,
                                                         HoldsBlobs(sample), settings));
    ARROW_ASSIGN_OR_RAISE(file->blob_, store.Create(path));
    // The stream belongs to the blob; Parquet only borrows it.
    std::shared_ptr<arrow::io::OutputStream> sink(std::shared_ptr<void>(), file->blob_->stream());
    ARROW_ASSIGN_OR_RAISE(file->writer_, parquet::arrow::FileWriter::Open(
                                             *file->schema_, arrow::default_memory_pool(), sink,
                                             properties, arrow_properties));
    return Status::OK();
  }));
  return file;
}

DataFileWriter::~DataFileWriter() {
  // An encoder that is let go unfinished writes its footer into the stream, so the stream must
  // still be there.
  try {
    writer_.reset();
  } catch (const std::exception&) {
    // The file is thrown away; that it could not be completed does not matter.
  }
  blob_.reset();
}

Status DataFileWriter::Write(const arrow::RecordBatch& batch) {
  CountNans(batch);
  int64_t offset = 0;
  while (offset < batch.num_rows()) {
    ARROW_RETURN_NOT_OK(BeginRowGroup());
    const int64_t take =
        std::min(settings_.row_group_rows - group_rows_, batch.num_rows() - offset);
    auto slice = batch.Slice(offset, take);
    ARROW_RETURN_NOT_OK(Guarded([&] { return writer_->WriteRecordBatch(*slice); }));
    ARROW_ASSIGN_OR_RAISE(int64_t bytes, arrow::util::ReferencedBufferSize(*slice));
    offset += take;
    group_rows_ += take;
    group_bytes_ += bytes;
    if (group_rows_ >= settings_.row_group_rows || group_bytes_ >= kRowGroupBytes) {
      ARROW_RETURN_NOT_OK(EndRowGroup());
    }
  }
  return Status::OK();
}

// Row groups are begun when rows for them are there, so that a file never ends in an empty one.
Status DataFileWriter::BeginRowGroup() {
  if (!group_ended_) return Status::OK();
  group_ended_ = false;
  ARROW_ASSIGN_OR_RAISE(int64_t before, blob_->stream()->Tell());
  ARROW_RETURN_NOT_OK(Guarded([&] { return writer_->NewBufferedRowGroup(); }));
  ARROW_ASSIGN_OR_RAISE(int64_t after, blob_->stream()->Tell());
  largest_group_ = std::max(largest_group_, after - before);
  return Status::OK();
}

Status DataFileWriter::EndRowGroup() {
  ARROW_ASSIGN_OR_RAISE(int64_t written, blob_->stream()->Tell());
  const int64_t group = largest_group_ > 0 ? largest_group_ : group_bytes_;
  full_ = written + group + group / 2 >= settings_.target_file_size;
  group_rows_ = group_bytes_ = 0;
  group_ended_ = true;
  return Status::OK();
}

void DataFileWriter::CountNans(const arrow::RecordBatch& batch) {
  for (int i = 0; i < batch.num_columns(); ++i) {
    const int64_t count = NanCount(*batch.column(i));
    if (count < 0) continue;
    if (auto id = FieldIdOf(*schema_->field(i))) nan_counts_[*id] += count;
  }
}

Result<DataFile> DataFileWriter::Finish() {
  ARROW_RETURN_NOT_OK(Guarded([&] { return writer_->Close(); }));
  ARROW_ASSIGN_OR_RAISE(int64_t size, blob_->stream()->Tell());
  DataFile file;
  ARROW_RETURN_NOT_OK(Guarded([&]() -> Status {
    ARROW_ASSIGN_OR_RAISE(file, DescribeDataFile(*writer_->metadata(), *schema_));
    return Status::OK();
  }));
  file.uri = uri_;
  file.size = size;
  file.nan_counts = nan_counts_;
  ARROW_RETURN_NOT_OK(blob_->Publish());
  writer_.reset();
  blob_.reset();
  return file;
}

}  // namespace millpond::table
