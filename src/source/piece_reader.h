// The reader of all formats that are cut into pieces and converted in parallel (CSV, JSON, text,
// images): a PieceMaker on the producer thread, a PieceConverter on the workers, batches and
// rejects in source order at the end.
#pragma once

#include <arrow/type_fwd.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "source/stream_plan.h"

namespace millpond::source {

/// A run of whole rows of one file, or (images, whole texts) a run of files.
struct Piece {
  size_t file = 0;         ///< Index of the (first) file.
  size_t files = 1;        ///< How many, for formats of a row per file.
  std::string bytes;       ///< Decoded text.
  int64_t first_line = 1;  ///< Physical line of bytes[0].
  int64_t lines = 0;       ///< Line ends in it.
  int64_t read = 0;        ///< Bytes of all files consumed so far, for progress.
  std::string broken;      ///< Not empty: this cannot be a row, for this reason.
};

/// What became of a piece.
struct Converted {
  std::vector<std::shared_ptr<arrow::RecordBatch>> batches;
  std::vector<Reject> rejects;  ///< In line order.
};

class PieceMaker {
 public:
  virtual ~PieceMaker() = default;
  virtual Result<std::optional<Piece>> Next() = 0;
};

class PieceConverter {
 public:
  virtual ~PieceConverter() = default;
  /// Called on many threads at once.
  virtual Result<Converted> Convert(const Piece& piece) const = 0;
};

/// "reviews.csv:17: column 'stars': expected int64, found 'abc'"
std::string DescribeReject(const Reject& reject);

/// The reader; `files` are those of the plan. In strict mode the first reject becomes a kInvalid.
/// As many pieces of about `piece_bytes` are in flight as the context's threads and memory limit
/// allow.
Result<std::unique_ptr<BatchReader>> ReadPieces(const std::vector<InputFile>& files,
                                                std::unique_ptr<PieceMaker> maker,
                                                std::unique_ptr<PieceConverter> converter,
                                                bool strict, int64_t piece_bytes,
                                                const base::Context& context);

}  // namespace millpond::source
