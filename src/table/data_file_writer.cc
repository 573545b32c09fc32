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
#include <unordered_set>
#include <utility>

#include "table/file_statistics.h"
#include "table/schema.h"

namespace millpond::table {
namespace {

using parquet::ColumnDescriptor;

// Raw bytes after which a row group ends whatever its row count: bounds what the encoder holds. A
// small target size makes smaller ones, since a file can only roll where a row group ends.
constexpr int64_t kRowGroupBytes = 64LL << 20, kSmallestRowGroupBytes = 64LL << 10;
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

// How many values are in a column; nullopt for types whose values have no bytes of their own.
std::optional<int64_t> CountDistinct(const arrow::Array& column) {
  std::unordered_set<std::string_view> seen;
  const auto count = [&](const auto& bytes_of) {
    for (int64_t i = 0; i < column.length(); ++i) {
      if (column.IsValid(i)) seen.insert(bytes_of(i));
    }
    return static_cast<int64_t>(seen.size());
  };
  if (column.type_id() == arrow::Type::STRING || column.type_id() == arrow::Type::BINARY) {
    const auto& texts = static_cast<const arrow::BinaryArray&>(column);
    return count([&](int64_t i) { return texts.GetView(i); });
  }
  if (!arrow::is_primitive(column.type_id()) && !arrow::is_fixed_size_binary(column.type_id())) {
    return std::nullopt;
  }
  const auto bits = static_cast<const arrow::FixedWidthType&>(*column.type()).bit_width();
  if (bits < 8) return std::nullopt;
  const auto width = static_cast<size_t>(bits / 8);
  const auto* bytes = reinterpret_cast<const char*>(column.data()->buffers[1]->data()) +
                      static_cast<size_t>(column.offset()) * width;
  return count(
      [&](int64_t i) { return std::string_view(bytes + static_cast<size_t>(i) * width, width); });
}

// A dictionary pays where values repeat; elsewhere it is built, found too large and thrown away,
// row group by row group.
bool ValuesRepeat(const arrow::RecordBatch& sample, const std::string& column) {
  const auto values = sample.GetColumnByName(column);
  if (values == nullptr) return true;
  const auto distinct = CountDistinct(*values);
  const int64_t present = values->length() - values->null_count();
  return !distinct || *distinct <= present - present / 4;
}

void SetColumn(const ColumnDescriptor& column, const arrow::RecordBatch& sample,
               parquet::WriterProperties::Builder* builder) {
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
      // Of nested columns the sample says nothing; Parquet tries and sees.
      if (column.max_repetition_level() == 0 && path->ToDotVector().size() == 1 &&
          !ValuesRepeat(sample, path->ToDotVector()[0])) {
        builder->disable_dictionary(path);
      }
      break;
  }
  if (path->ToDotString() == kSampleId) {
    builder->disable_dictionary(path)->encoding(path, parquet::Encoding::DELTA_BINARY_PACKED);
  }
}

Result<std::shared_ptr<parquet::WriterProperties>> PropertiesFor(
    const arrow::Schema& schema, const parquet::ArrowWriterProperties& arrow_properties,
    const arrow::RecordBatch& sample, const WriteSettings& settings) {
  ARROW_ASSIGN_OR_RAISE(auto codec, arrow::util::Codec::GetCompressionType(settings.compression));
  parquet::WriterProperties::Builder builder;
  builder.compression(codec)
      ->enable_write_page_index()
      ->enable_page_checksum()
      ->max_row_group_length(settings.row_group_rows)
      ->created_by("millpond");
  if (HoldsBlobs(sample)) builder.data_pagesize(kBlobPageBytes)->write_batch_size(1);
  std::shared_ptr<parquet::SchemaDescriptor> descriptor;
  auto plain = builder.build();
  ARROW_RETURN_NOT_OK(
      parquet::arrow::ToParquetSchema(&schema, *plain, arrow_properties, &descriptor));
  for (int i = 0; i < descriptor->num_columns(); ++i) {
    SetColumn(*descriptor->Column(i), sample, &builder);
  }
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
    ARROW_ASSIGN_OR_RAISE(auto properties,
                          PropertiesFor(*file->schema_, *arrow_properties, sample, settings));
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

Result<int64_t> DataFileWriter::Write(const arrow::RecordBatch& batch) {
  if (batch.num_rows() == 0) return 0;
  ARROW_ASSIGN_OR_RAISE(const int64_t batch_bytes, arrow::util::ReferencedBufferSize(batch));
  const int64_t row_bytes = std::max<int64_t>(1, batch_bytes / batch.num_rows());
  const int64_t most_bytes =
      std::clamp(settings_.target_file_size / 2, kSmallestRowGroupBytes, kRowGroupBytes);
  int64_t offset = 0;
  while (offset < batch.num_rows() && !full_) {
    ARROW_RETURN_NOT_OK(BeginRowGroup());
    const int64_t fitting = std::max<int64_t>(1, (most_bytes - group_bytes_) / row_bytes);
    const int64_t take =
        std::min({settings_.row_group_rows - group_rows_, fitting, batch.num_rows() - offset});
    auto slice = batch.Slice(offset, take);
    CountNans(*slice);
    ARROW_RETURN_NOT_OK(Guarded([&] { return writer_->WriteRecordBatch(*slice); }));
    ARROW_ASSIGN_OR_RAISE(int64_t bytes, arrow::util::ReferencedBufferSize(*slice));
    offset += take;
    group_rows_ += take;
    group_bytes_ += bytes;
    // Nearly full counts: where rows differ in size the rest would be filled in ever smaller steps.
    if (group_rows_ >= settings_.row_group_rows || group_bytes_ >= most_bytes - most_bytes / 16) {
      ARROW_RETURN_NOT_OK(EndRowGroup());
    }
  }
  return offset;
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
