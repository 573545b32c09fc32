// PieceReader: drives the pipeline, cuts batches to size, gathers rejects and reports progress.
#include "source/piece_reader.h"

#include <arrow/record_batch.h>
#include <arrow/util/byte_size.h>

#include <algorithm>
#include <deque>

#include "source/ordered_pipeline.h"

namespace millpond::source {
namespace {

constexpr int64_t kMostRows = 64 << 10;
constexpr int64_t kMostBytes = 16 << 20;
constexpr size_t kRawInMessage = 200;

class PieceReader : public BatchReader {
 public:
  PieceReader(const std::vector<InputFile>& files, std::unique_ptr<PieceMaker> maker,
              std::unique_ptr<PieceConverter> converter, bool strict, const base::Context& context)
      : maker_(std::move(maker)),
        converter_(std::move(converter)),
        strict_(strict),
        context_(context),
        files_(files) {
    for (const InputFile& file : files) total_ += file.size - file.start;
    phase_ =
        files.size() == 1 ? "read " + files[0].shown : fmt::format("read {} files", files.size());
  }

  Status Start(int64_t piece_bytes) {
    // A piece, its fields and its arrays take about eight times its text.
    const int64_t fitting = context_.memory_limit / (8 * piece_bytes) - 2;
    const int threads = static_cast<int>(std::clamp<int64_t>(fitting, 1, context_.ThreadCount()));
    ARROW_ASSIGN_OR_RAISE(pipeline_,
                          (OrderedPipeline<Piece, Outcome>::Start(
                              [this]() -> Result<std::optional<Piece>> {
                                ARROW_RETURN_NOT_OK(context_.CheckStop());
                                return maker_->Next();
                              },
                              [this](const Piece& piece) { return Work(piece); }, threads)));
    return Status::OK();
  }

  Result<std::shared_ptr<arrow::RecordBatch>> Next() override {
    while (ready_.empty()) {
      ARROW_RETURN_NOT_OK(context_.CheckStop());
      ARROW_ASSIGN_OR_RAISE(auto outcome, pipeline_->Next());
      if (!outcome) return nullptr;
      ARROW_RETURN_NOT_OK(Take(std::move(*outcome)));
    }
    auto batch = std::move(ready_.front());
    ready_.pop_front();
    return batch;
  }

  std::vector<Reject> TakeRejects() override { return std::exchange(rejects_, {}); }
  std::map<std::string, int64_t> Lines() const override { return lines_; }

 private:
  struct Outcome {
    Converted converted;
    size_t file;
    int64_t last_line;
    int64_t read;
  };

  Result<Outcome> Work(const Piece& piece) const {
    ARROW_RETURN_NOT_OK(context_.CheckStop());
    ARROW_ASSIGN_OR_RAISE(Converted converted, converter_->Convert(piece));
    return Outcome{std::move(converted), piece.file, piece.first_line + piece.lines - 1,
                   piece.read};
  }

  Status Take(Outcome outcome) {
    if (strict_ && !outcome.converted.rejects.empty())
      return base::Invalid(
          "{}. Mend the file, or sync without --strict to keep such rows in the reject table",
          DescribeReject(outcome.converted.rejects.front()));
    for (auto& batch : outcome.converted.batches) Cut(std::move(batch));
    rejects_.insert(rejects_.end(), std::make_move_iterator(outcome.converted.rejects.begin()),
                    std::make_move_iterator(outcome.converted.rejects.end()));
    int64_t& lines = lines_[files_[outcome.file].path];
    lines = std::max(lines, outcome.last_line);
    context_.Report({phase_, outcome.read, total_, "bytes"});
    return Status::OK();
  }

  void Cut(std::shared_ptr<arrow::RecordBatch> batch) {
    const int64_t rows = batch->num_rows();
    if (rows == 0) return;
    const int64_t bytes = std::max<int64_t>(1, arrow::util::TotalBufferSize(*batch));
    const int64_t parts =
        std::max((rows + kMostRows - 1) / kMostRows, (bytes + kMostBytes - 1) / kMostBytes);
    const int64_t step = std::max<int64_t>(1, (rows + parts - 1) / parts);
    for (int64_t at = 0; at < rows; at += step)
      ready_.push_back(rows <= step ? batch : batch->Slice(at, std::min(step, rows - at)));
  }

  const std::unique_ptr<PieceMaker> maker_;
  const std::unique_ptr<PieceConverter> converter_;
  const bool strict_;
  const base::Context context_;
  const std::vector<InputFile> files_;
  std::string phase_;
  int64_t total_ = 0;
  std::deque<std::shared_ptr<arrow::RecordBatch>> ready_;
  std::vector<Reject> rejects_;
  std::map<std::string, int64_t> lines_;
  std::unique_ptr<OrderedPipeline<Piece, Outcome>>
      pipeline_;  // Last: it stops before the rest goes.
};

}  // namespace

std::string DescribeReject(const Reject& reject) {
  std::string text = reject.file;
  if (reject.line > 0) text += fmt::format(":{}", reject.line);
  if (!reject.column.empty()) text += fmt::format(": column '{}'", reject.column);
  text += ": " + reject.reason;
  if (reject.column.empty() && !reject.raw.empty())
    text += fmt::format(" (raw text: {})", std::string_view(reject.raw).substr(0, kRawInMessage));
  return text;
}

Result<std::unique_ptr<BatchReader>> ReadPieces(const std::vector<InputFile>& files,
                                                std::unique_ptr<PieceMaker> maker,
                                                std::unique_ptr<PieceConverter> converter,
                                                bool strict, int64_t piece_bytes,
                                                const base::Context& context) {
  auto reader =
      std::make_unique<PieceReader>(files, std::move(maker), std::move(converter), strict, context);
  ARROW_RETURN_NOT_OK(reader->Start(piece_bytes));
  return reader;
}

}  // namespace millpond::source
