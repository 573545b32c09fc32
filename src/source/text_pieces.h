// Cuts the text of files into pieces at row ends. CSV, JSON and text differ only in where a row
// ends, which a RowCutter says. Runs on the producer thread; one piece of text and its unfinished
// row are in memory at a time.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "source/csv_scanner.h"
#include "source/piece_reader.h"
#include "source/text_input.h"

namespace millpond::source {

/// What a maker must know of one file.
struct TextFile {
  InputFile input;
  TextStorage storage;
  size_t skip_bytes =
      0;  ///< Decoded bytes before the first row (header), where reading starts at 0.
  int64_t first_line = 1;
  char newline = '\n';
};

/// Finds row ends; made anew for each file.
class RowCutter {
 public:
  virtual ~RowCutter() = default;
  /// Bytes of `text` (which begins at a row) up to and with the last row end. May overwrite bytes
  /// between rows.
  virtual RowEnd Cut(std::string* text) = 0;
  /// What an unfinished row at the end of the file is: empty if that is a row like any other, else
  /// the reason to refuse it.
  virtual std::string UnfinishedReason() const { return ""; }
  /// Whether a line end is surely outside any row that came before, so that reading can go on there
  /// after a row that is too long.
  virtual bool resumes_at_lines() const { return true; }
  /// Why the file as a whole is incomplete, at its end; empty if it is not.
  virtual std::string EndReason() const { return ""; }
};

using CutterFactory = std::function<std::unique_ptr<RowCutter>(size_t file)>;

struct TextPiecesOptions {
  int64_t piece_bytes = 1 << 20;
  int64_t max_row_bytes = 16 << 20;
};

std::unique_ptr<PieceMaker> MakeTextPieces(std::vector<TextFile> files, CutterFactory cutters,
                                           TextPiecesOptions options);

}  // namespace millpond::source
