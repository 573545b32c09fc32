// The bytes of one file, decompressed and decoded to UTF-8, in order. Used by every text format's
// reader and by the samplers. Not thread safe: one owner at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"
#include "source/file_list.h"

namespace millpond::source {

enum class Compression { kNone, kGzip, kZstd };

std::string_view CompressionName(Compression compression);

/// By the option where it is set, else by the first bytes (which win over the name).
Result<Compression> DetectCompression(const InputFile& file, const std::string& option);

/// The name without ".gz" or ".zst".
std::string_view StripCompression(std::string_view name);

/// A stream of bytes.
class ByteInput {
 public:
  virtual ~ByteInput() = default;
  /// Appends at most `count` bytes to `out`; fewer than that only at the end. Returns how many.
  virtual Result<int64_t> Read(int64_t count, std::string* out) = 0;
  /// Bytes of the file consumed so far, for progress.
  virtual int64_t position() const = 0;
};

/// Opens the raw, decompressed bytes from file.start to file.size. Errors are of the right kind and
/// name the file; a file that ends earlier than listed is kConflict, a broken compressed stream
/// kCorrupt.
Result<std::unique_ptr<ByteInput>> OpenBytes(const InputFile& file, Compression compression);

/// `count` raw bytes at `offset`, fewer at the end of the file; no decompression.
Result<std::string> ReadRange(const InputFile& file, int64_t offset, int64_t count);

}  // namespace millpond::source
