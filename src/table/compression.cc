// zlib streams over whole buffers. See compression.h.
#include "table/compression.h"

#include <zlib.h>

#include <algorithm>
#include <limits>

namespace millpond::table {
namespace {

// zlib's window argument: 15 bits, +16 adds the gzip wrapper, negative means no wrapper.
int WindowBits(ZlibForm form) { return form == ZlibForm::kGzip ? 15 + 16 : -15; }

Bytef* Input(std::string_view bytes) {
  // zlib's struct is not const-correct; it does not write to its input.
  return reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
}

Status CheckLength(std::string_view bytes, std::string_view origin) {
  if (bytes.size() > std::numeric_limits<uInt>::max() / 2) {
    return base::Exhausted("{}: {} bytes in one compressed block is beyond the limit of 2 GiB",
                           origin, bytes.size());
  }
  return Status::OK();
}

}  // namespace

Result<std::string> Deflate(std::string_view bytes, ZlibForm form) {
  ARROW_RETURN_NOT_OK(CheckLength(bytes, "deflate"));
  z_stream stream = {};
  // Metadata is compressed whole by every commit, and a level more would save little of it.
  const int level = form == ZlibForm::kGzip ? Z_BEST_SPEED : Z_DEFAULT_COMPRESSION;
  if (deflateInit2(&stream, level, Z_DEFLATED, WindowBits(form), 8, Z_DEFAULT_STRATEGY) != Z_OK) {
    return base::Exhausted("deflate: zlib could not start (out of memory)");
  }
  std::string out(deflateBound(&stream, static_cast<uLong>(bytes.size())), '\0');
  stream.next_in = Input(bytes);
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int code = deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  if (code != Z_STREAM_END) return base::Internal("deflate: zlib returned {}", code);
  return out;
}

Result<std::string> Inflate(std::string_view bytes, ZlibForm form, std::string_view origin,
                            size_t limit) {
  ARROW_RETURN_NOT_OK(CheckLength(bytes, origin));
  z_stream stream = {};
  if (inflateInit2(&stream, WindowBits(form)) != Z_OK) {
    return base::Exhausted("{}: zlib could not start (out of memory)", origin);
  }
  stream.next_in = Input(bytes);
  stream.avail_in = static_cast<uInt>(bytes.size());
  std::string out;
  int code = Z_OK;
  size_t filled = 0;
  while (code == Z_OK && filled <= limit) {
    out.resize(filled + std::clamp<size_t>(filled, 4096, size_t{16} << 20));
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + filled);
    stream.avail_out = static_cast<uInt>(out.size() - filled);
    code = inflate(&stream, Z_NO_FLUSH);
    filled = out.size() - stream.avail_out;
  }
  const size_t left = stream.avail_in;
  inflateEnd(&stream);
  if (filled > limit) {
    return base::Exhausted("{}: inflates to more than {} bytes", origin, limit);
  }
  if (code != Z_STREAM_END) {
    return base::Corrupt("{}: the compressed data is broken or cut short after {} bytes", origin,
                         filled);
  }
  // Python's Avro writers leave up to four bytes of a zlib checksum behind each deflated block.
  if (left > (form == ZlibForm::kRawDeflate ? 4 : 0)) {
    return base::Corrupt("{}: {} bytes follow the end of the compressed data", origin, left);
  }
  out.resize(filled);
  return out;
}

uint32_t Crc32(std::string_view bytes) {
  return static_cast<uint32_t>(crc32_z(0, Input(bytes), bytes.size()));
}

}  // namespace millpond::table
