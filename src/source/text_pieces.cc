// TextPieces: reads blocks, keeps the unfinished row for the next one, and steps over what can
// never become a row.
#include "source/text_pieces.h"

#include <algorithm>

namespace millpond::source {
namespace {

constexpr size_t kBrokenKept = 64 << 10;

class TextPieces : public PieceMaker {
 public:
  TextPieces(std::vector<TextFile> files, CutterFactory cutters, TextPiecesOptions options)
      : files_(std::move(files)), cutters_(std::move(cutters)), options_(options) {}

  Result<std::optional<Piece>> Next() override {
    while (true) {
      if (!input_) {
        if (at_ == files_.size()) return std::nullopt;
        ARROW_RETURN_NOT_OK(OpenFile());
      }
      ARROW_ASSIGN_OR_RAISE(auto piece, NextOfFile());
      if (piece) return piece;
      read_before_ += input_->position();
      input_.reset();
      ++at_;
    }
  }

 private:
  Status OpenFile() {
    const TextFile& file = files_[at_];
    ARROW_ASSIGN_OR_RAISE(input_, OpenText(file.input, file.storage));
    cutter_ = cutters_(at_);
    pending_.clear();
    ended_ = skipping_ = end_told_ = false;
    wanted_ = options_.piece_bytes;
    line_ = file.first_line;
    if (file.skip_bytes > 0 && file.input.start == 0) {
      std::string skipped;
      ARROW_RETURN_NOT_OK(input_->Read(static_cast<int64_t>(file.skip_bytes), &skipped));
    }
    return Status::OK();
  }

  /// Nothing at the end of the file.
  Result<std::optional<Piece>> NextOfFile() {
    while (true) {
      ARROW_RETURN_NOT_OK(Fill());
      if (skipping_ && !SkipLine()) {
        if (ended_) return std::nullopt;
        continue;
      }
      if (pending_.empty() && ended_) return EndOfFile();
      const RowEnd end = cutter_->Cut(&pending_);
      if (end.complete > 0 && !(ended_ && !end.open_quote && cutter_->UnfinishedReason().empty()))
        return TakePiece(end.complete, "");
      if (ended_) {
        if (!end.open_quote) {
          const std::string reason = cutter_->UnfinishedReason();
          return TakePiece(pending_.size(), IsBlank() ? "" : reason);
        }
        return TakeLine("the quote that opens here is never closed");
      }
      const bool too_long = static_cast<int64_t>(pending_.size()) >= options_.max_row_bytes;
      if (too_long && !cutter_->resumes_at_lines())
        return base::Invalid(
            "{}:{}: the value that begins here is longer than {} bytes; raise max_row_bytes",
            files_[at_].input.shown, line_, options_.max_row_bytes);
      if (too_long)
        return TakeLine(
            end.open_quote
                ? fmt::format("the quoted value that begins here does not end within {} bytes; "
                              "raise max_row_bytes if it is meant to",
                              options_.max_row_bytes)
                : fmt::format("the row is longer than {} bytes; raise max_row_bytes",
                              options_.max_row_bytes));
      wanted_ = std::min(options_.max_row_bytes, static_cast<int64_t>(pending_.size()) * 2);
    }
  }

  bool IsBlank() const { return pending_.find_first_not_of(" \t\r\n") == std::string::npos; }

  Status Fill() {
    if (ended_) return Status::OK();
    const int64_t missing = std::max(wanted_, int64_t{1}) - static_cast<int64_t>(pending_.size());
    if (missing <= 0) return Status::OK();
    ARROW_ASSIGN_OR_RAISE(int64_t got, input_->Read(missing, &pending_));
    ended_ = got < missing;
    return Status::OK();
  }

  /// Drops the rest of a line that was too long; false while its end has not been seen.
  bool SkipLine() {
    const size_t end = pending_.find(files_[at_].newline);
    if (end == std::string::npos) {
      pending_.clear();
      return false;
    }
    pending_.erase(0, end + 1);
    ++line_;
    skipping_ = false;
    return true;
  }

  /// The physical line at the front, as a piece that is refused.
  Piece TakeLine(std::string reason) {
    const size_t end = pending_.find(files_[at_].newline);
    if (end != std::string::npos) return TakePiece(end + 1, std::move(reason));
    skipping_ = !ended_;
    return TakePiece(pending_.size(), std::move(reason));
  }

  Piece TakePiece(size_t size, std::string broken) {
    Piece piece;
    piece.file = at_;
    piece.first_line = line_;
    piece.broken = std::move(broken);
    piece.lines = CountByte(std::string_view(pending_).substr(0, size), files_[at_].newline);
    line_ += piece.lines;
    std::string rest = pending_.substr(size);
    pending_.resize(piece.broken.empty() ? size : std::min(size, kBrokenKept));
    piece.bytes = std::exchange(pending_, std::move(rest));
    piece.read = read_before_ + input_->position();
    wanted_ = std::max(options_.piece_bytes, static_cast<int64_t>(pending_.size()));
    pending_.reserve(static_cast<size_t>(wanted_));
    return piece;
  }

  Result<std::optional<Piece>> EndOfFile() {
    if (end_told_ || cutter_->EndReason().empty()) return std::nullopt;
    end_told_ = true;
    Piece piece;
    piece.file = at_;
    piece.first_line = line_;
    piece.broken = cutter_->EndReason();
    piece.read = read_before_ + input_->position();
    return piece;
  }

  const std::vector<TextFile> files_;
  const CutterFactory cutters_;
  const TextPiecesOptions options_;
  size_t at_ = 0;
  std::unique_ptr<ByteInput> input_;
  std::unique_ptr<RowCutter> cutter_;
  std::string pending_;  // From a row's begin on.
  bool ended_ = false, skipping_ = false, end_told_ = false;
  int64_t wanted_ = 0;
  int64_t line_ = 1;
  int64_t read_before_ = 0;
};

}  // namespace

std::unique_ptr<PieceMaker> MakeTextPieces(std::vector<TextFile> files, CutterFactory cutters,
                                           TextPiecesOptions options) {
  return std::make_unique<TextPieces>(std::move(files), std::move(cutters), options);
}

}  // namespace millpond::source
