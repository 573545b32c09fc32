// A RecordBatchReader over a function. Like every Arrow reader it is used by one thread at a time.
#include "base/arrow_stream.h"

#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <utility>

namespace millpond::base {
namespace {

class FunctionReader : public arrow::RecordBatchReader {
 public:
  FunctionReader(std::shared_ptr<arrow::Schema> schema,
                 std::function<Result<std::shared_ptr<arrow::RecordBatch>>()> next)
      : schema_(std::move(schema)), next_(std::move(next)) {}

  std::shared_ptr<arrow::Schema> schema() const override { return schema_; }

  Status ReadNext(std::shared_ptr<arrow::RecordBatch>* batch) override {
    batch->reset();
    if (!next_) return ended_;
    auto result = next_();
    if (result.ok() && *result != nullptr) {
      *batch = *std::move(result);
      return Status::OK();
    }
    ended_ = result.status();
    next_ = nullptr;  // Frees what the function holds as soon as the stream is over.
    return ended_;
  }

  Status Close() override {
    next_ = nullptr;
    return Status::OK();
  }

 private:
  std::shared_ptr<arrow::Schema> schema_;
  std::function<Result<std::shared_ptr<arrow::RecordBatch>>()> next_;
  Status ended_;
};

}  // namespace

std::shared_ptr<arrow::RecordBatchReader> MakeReader(
    std::shared_ptr<arrow::Schema> schema,
    std::function<Result<std::shared_ptr<arrow::RecordBatch>>()> next) {
  return std::make_shared<FunctionReader>(std::move(schema), std::move(next));
}

}  // namespace millpond::base
