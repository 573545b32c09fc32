// Text out of bytes: which encoding a file has, its samples for detection, and a stream of UTF-8.
// Bytes that the encoding does not allow become 0xFF, which is never valid UTF-8, so that the row
// they stand in is refused further down instead of being changed.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "source/byte_input.h"
#include "source/file_options.h"

namespace millpond::source {

/// How the text of a file is stored.
struct TextStorage {
  Compression compression = Compression::kNone;
  std::string encoding = "utf-8";  ///< "utf-8", or a name for iconv.
  int64_t bom = 0;                 ///< Bytes of the byte order mark.
  std::string why;                 ///< "byte order mark", "valid UTF-8 in the sample"…

  bool seekable() const { return compression == Compression::kNone && unit() == 1; }
  /// Bytes of one code unit: 2 for UTF-16, 4 for UTF-32.
  int64_t unit() const;
};

/// A part of a file for detection, decoded.
struct TextSample {
  TextStorage storage;
  std::string head;                 ///< From the beginning (after the byte order mark).
  bool complete = false;            ///< `head` is the whole file.
  std::vector<std::string> others;  ///< From later places; each begins somewhere inside a line.
};

/// Reads at most about `budget` bytes: half from the start, the rest spread to the end where the
/// file can be sought in.
Result<TextSample> SampleText(const InputFile& file, const FileOptions& options, int64_t budget);

/// Opens the decoded text; the byte order mark is skipped where file.start is 0.
Result<std::unique_ptr<ByteInput>> OpenText(const InputFile& file, const TextStorage& storage);

/// For rejects: valid UTF-8 of at most 64 KiB, odd bytes as \xNN.
std::string PrintableText(std::string_view raw);

}  // namespace millpond::source
