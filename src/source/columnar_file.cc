// Both readers are Arrow's; what is ours is that nothing they throw or say leaves unexplained, and
// that no batch is trusted before it is validated.
#include "source/columnar_file.h"

#include <arrow/io/file.h>
#include <arrow/ipc/reader.h>
#include <arrow/record_batch.h>
#include <arrow/util/byte_size.h>
#include <parquet/arrow/reader.h>
#include <parquet/exception.h>
#include <parquet/file_reader.h>
#include <parquet/metadata.h>
#include <parquet/properties.h>

#include <algorithm>
#include <deque>

#include "base/config.h"
#include "source/byte_input.h"

namespace millpond::source {
namespace {

using base::Corrupt;
using base::ErrorKind;

constexpr int64_t kMostRows = 64 << 10;
constexpr int64_t kMostBytes = 16 << 20;
constexpr int64_t kReadBuffer = 1 << 20;

/// The failure of a foreign reader as ours.
Status Explain(const Status& status, const InputFile& file, std::string_view format) {
  if (status.ok() || base::KindOf(status) == ErrorKind::kCancelled) return status;
  if (status.message().starts_with(file.shown)) return status;
  const std::string& message = status.message();
  if (message.find("ncrypt") != std::string::npos || message.find("ecrypt") != std::string::npos)
    return base::Invalid("{} is encrypted: decrypt it before syncing ({})", file.shown, message);
  if (status.IsNotImplemented())
    return base::Invalid("{} uses a part of {} that cannot be read: {}", file.shown, format,
                         message);
  if (status.IsOutOfMemory())
    return base::Exhausted("{}: not enough memory to read it ({}); the file may be damaged",
                           file.shown, message);
  const ErrorKind kind = base::KindOf(status);
  if (status.detail() &&
      (kind == ErrorKind::kNotFound || kind == ErrorKind::kDenied || kind == ErrorKind::kExhausted))
    return base::WithContext(file.shown, status);
  return Corrupt("{} is not a valid {} file: {}; fetch or write it again", file.shown, format,
                 message);
}

/// Calls foreign code that may throw.
template <class T, class F>
Result<T> Guarded(const InputFile& file, std::string_view format, const F& call) {
  Status failure;
  try {
    Result<T> result = call();
    if (result.ok()) return result;
    failure = result.status();
  } catch (const std::bad_alloc&) {
    failure = Status::OutOfMemory("allocation failed");
  } catch (const std::length_error& error) {
    failure = Status::Invalid(error.what());
  } catch (const std::exception& error) {
    failure = Status::IOError(error.what());
  }
  return Explain(failure, file, format);
}

class BatchCutter {
 public:
  void Add(const std::shared_ptr<arrow::RecordBatch>& batch) {
    const int64_t rows = batch->num_rows();
    const int64_t bytes = std::max<int64_t>(1, arrow::util::TotalBufferSize(*batch));
    const int64_t parts = std::max<int64_t>(
        {1, (rows + kMostRows - 1) / kMostRows, std::min(rows, bytes / kMostBytes)});
    const int64_t step = std::max<int64_t>(1, (rows + parts - 1) / parts);
    for (int64_t at = 0; at < rows; at += step)
      ready_.push_back(batch->Slice(at, std::min(step, rows - at)));
  }
  std::shared_ptr<arrow::RecordBatch> Take() {
    if (ready_.empty()) return nullptr;
    auto batch = std::move(ready_.front());
    ready_.pop_front();
    return batch;
  }

 private:
  std::deque<std::shared_ptr<arrow::RecordBatch>> ready_;
};

/// Reads from any Arrow reader.
class ReaderFile : public ColumnarFile {
 public:
  ReaderFile(InputFile file, std::string_view format) : file_(std::move(file)), format_(format) {}

  const std::shared_ptr<arrow::Schema>& schema() const override { return schema_; }

  Result<std::shared_ptr<arrow::RecordBatch>> Next() override {
    while (true) {
      if (auto batch = cutter_.Take()) {
        rows_ += batch->num_rows();
        return batch;
      }
      ARROW_ASSIGN_OR_RAISE(
          auto batch, Guarded<std::shared_ptr<arrow::RecordBatch>>(
                          file_, format_, [&]() -> Result<std::shared_ptr<arrow::RecordBatch>> {
                            std::shared_ptr<arrow::RecordBatch> next;
                            ARROW_RETURN_NOT_OK(ReadBatch(&next));
                            if (next) ARROW_RETURN_NOT_OK(next->ValidateFull());
                            return next;
                          }));
      if (!batch) return nullptr;
      cutter_.Add(batch);
    }
  }

 protected:
  virtual Status ReadBatch(std::shared_ptr<arrow::RecordBatch>* out) = 0;

  const InputFile file_;
  const std::string_view format_;
  std::shared_ptr<arrow::Schema> schema_;
  BatchCutter cutter_;
  int64_t rows_ = 0;
};

class ParquetFile : public ReaderFile {
 public:
  explicit ParquetFile(const InputFile& file) : ReaderFile(file, "Parquet") {}

  Status Open(const base::Context& context) {
    ARROW_ASSIGN_OR_RAISE(auto input, arrow::io::ReadableFile::Open(file_.path));
    parquet::ReaderProperties properties;
    properties.enable_buffered_stream();
    properties.set_buffer_size(kReadBuffer);
    properties.set_page_checksum_verification(true);
    auto raw = parquet::ParquetFileReader::Open(input, properties);
    const auto metadata = raw->metadata();
    total_rows_ = metadata->num_rows();
    parquet::ArrowReaderProperties arrow_properties;
    arrow_properties.set_use_threads(context.ThreadCount() > 1);
    arrow_properties.set_pre_buffer(false);
    arrow_properties.set_coerce_int96_timestamp_unit(arrow::TimeUnit::MICRO);
    const int64_t row_bytes = BytesPerRow(*metadata);
    if (row_bytes > context.memory_limit / 4)
      return base::Exhausted("{}: its rows have about {} each, too much for the memory limit of {}",
                             file_.shown, base::FormatBytes(row_bytes),
                             base::FormatBytes(context.memory_limit));
    arrow_properties.set_batch_size(
        std::clamp<int64_t>(kMostBytes / (row_bytes + 1), 1, kMostRows));
    ARROW_ASSIGN_OR_RAISE(
        reader_, parquet::arrow::FileReader::Make(arrow::default_memory_pool(), std::move(raw),
                                                  arrow_properties));
    ARROW_RETURN_NOT_OK(reader_->GetSchema(&schema_));
    ARROW_ASSIGN_OR_RAISE(batches_, reader_->GetRecordBatchReader());
    return Status::OK();
  }

  int64_t position() const override {
    return total_rows_ > 0
               ? static_cast<int64_t>(static_cast<double>(file_.size) * static_cast<double>(rows_) /
                                      static_cast<double>(total_rows_))
               : file_.size;
  }

 protected:
  Status ReadBatch(std::shared_ptr<arrow::RecordBatch>* out) override {
    return batches_->ReadNext(out);
  }

 private:
  /// The mean of the row group with the largest rows, uncompressed.
  static int64_t BytesPerRow(const parquet::FileMetaData& metadata) {
    int64_t most = 0;
    for (int i = 0; i < metadata.num_row_groups(); ++i) {
      const auto group = metadata.RowGroup(i);
      most = std::max(most, group->total_byte_size() / std::max<int64_t>(1, group->num_rows()));
    }
    return most;
  }

  std::unique_ptr<parquet::arrow::FileReader> reader_;
  std::unique_ptr<arrow::RecordBatchReader> batches_;
  int64_t total_rows_ = 0;
};

class IpcFile : public ReaderFile {
 public:
  explicit IpcFile(const InputFile& file) : ReaderFile(file, "Arrow IPC") {}

  Status Open(bool is_file) {
    ARROW_ASSIGN_OR_RAISE(input_, arrow::io::ReadableFile::Open(file_.path));
    if (is_file) {
      ARROW_ASSIGN_OR_RAISE(reader_, arrow::ipc::RecordBatchFileReader::Open(input_));
      schema_ = reader_->schema();
    } else {
      ARROW_ASSIGN_OR_RAISE(stream_, arrow::ipc::RecordBatchStreamReader::Open(input_));
      schema_ = stream_->schema();
    }
    return Status::OK();
  }

  int64_t position() const override {
    if (reader_) {
      const int count = std::max(1, reader_->num_record_batches());
      return file_.size / count * std::min(next_, count);
    }
    return input_->Tell().ValueOr(0);
  }

 protected:
  Status ReadBatch(std::shared_ptr<arrow::RecordBatch>* out) override {
    if (stream_) return stream_->ReadNext(out);
    if (next_ == reader_->num_record_batches()) {
      *out = nullptr;
      return Status::OK();
    }
    ARROW_ASSIGN_OR_RAISE(*out, reader_->ReadRecordBatch(next_++));
    return Status::OK();
  }

 private:
  std::shared_ptr<arrow::io::ReadableFile> input_;
  std::shared_ptr<arrow::ipc::RecordBatchFileReader> reader_;
  std::shared_ptr<arrow::ipc::RecordBatchStreamReader> stream_;
  int next_ = 0;
};

}  // namespace

Result<std::unique_ptr<ColumnarFile>> OpenParquet(const InputFile& file,
                                                  const base::Context& context) {
  if (file.size < 12)
    return Corrupt("{} is not a valid Parquet file: it has only {} bytes", file.shown, file.size);
  return Guarded<std::unique_ptr<ColumnarFile>>(
      file, "Parquet", [&]() -> Result<std::unique_ptr<ColumnarFile>> {
        auto parquet = std::make_unique<ParquetFile>(file);
        ARROW_RETURN_NOT_OK(parquet->Open(context));
        return parquet;
      });
}

Result<std::unique_ptr<ColumnarFile>> OpenArrow(const InputFile& file) {
  ARROW_ASSIGN_OR_RAISE(std::string head, ReadRange(file, 0, 8));
  if (head.starts_with("FEA1"))
    return base::Invalid(
        "{} is in the old Feather version 1: write it again as Arrow IPC or Parquet", file.shown);
  return Guarded<std::unique_ptr<ColumnarFile>>(
      file, "Arrow IPC", [&]() -> Result<std::unique_ptr<ColumnarFile>> {
        auto ipc = std::make_unique<IpcFile>(file);
        ARROW_RETURN_NOT_OK(ipc->Open(head.starts_with("ARROW1")));
        return ipc;
      });
}

}  // namespace millpond::source
