// One small parser per format, from their specifications: ITU T.81 (JPEG), ISO 15948 (PNG), GIF89a,
// the WebP container specification and RFC 6386, the Windows BITMAPINFOHEADER, TIFF 6.0.
#include "source/image_header.h"

#include <cstdlib>
#include <optional>

namespace millpond::source {
namespace {

using base::Invalid;

constexpr int64_t kLargestSide = 1 << 24;

/// Bounds-checked little and big endian reads.
class Bytes {
 public:
  explicit Bytes(std::string_view data) : data_(data) {}
  size_t size() const { return data_.size(); }
  bool Has(size_t at, size_t count) const {
    return at <= data_.size() && count <= data_.size() - at;
  }
  uint32_t U8(size_t at) const { return Has(at, 1) ? static_cast<unsigned char>(data_[at]) : 0; }
  uint32_t Be16(size_t at) const { return U8(at) << 8 | U8(at + 1); }
  uint32_t Le16(size_t at) const { return U8(at + 1) << 8 | U8(at); }
  uint32_t Be32(size_t at) const { return Be16(at) << 16 | Be16(at + 2); }
  uint32_t Le32(size_t at) const { return Le16(at + 2) << 16 | Le16(at); }
  uint32_t Le24(size_t at) const { return U8(at + 2) << 16 | Le16(at); }
  bool Contains(std::string_view text, size_t from) const {
    return data_.rfind(text) != std::string_view::npos && data_.rfind(text) >= from;
  }
  bool Is(size_t at, std::string_view text) const {
    return Has(at, text.size()) && data_.substr(at, text.size()) == text;
  }

 private:
  const std::string_view data_;
};

Result<ImageHeader> Checked(std::string_view format, int64_t width, int64_t height) {
  if (width <= 0 || height <= 0 || width > kLargestSide || height > kLargestSide)
    return Invalid("the {} says it is {} x {} pixels", format, width, height);
  return ImageHeader{format, static_cast<int32_t>(width), static_cast<int32_t>(height)};
}

Result<ImageHeader> ReadJpeg(const Bytes& bytes) {
  size_t at = 2;
  while (bytes.Has(at, 4)) {
    if (bytes.U8(at) != 0xFF)
      return Invalid("the JPEG has no marker where one is due (byte {})", at);
    const uint32_t marker = bytes.U8(at + 1);
    if (marker == 0xFF) {  // Fill byte.
      ++at;
      continue;
    }
    if (marker == 0x01 || (marker >= 0xD0 && marker <= 0xD8)) {  // No length.
      at += 2;
      continue;
    }
    const bool frame =
        marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
    if (frame) {
      if (!bytes.Has(at, 9)) break;
      if (!bytes.Contains("\xFF\xD9", at))
        return Invalid("the JPEG has no end marker: it is truncated");
      return Checked("jpeg", bytes.Be16(at + 7), bytes.Be16(at + 5));
    }
    if (marker == 0xD9 || marker == 0xDA)
      return Invalid("the JPEG has no frame header before its image data");
    const uint32_t length = bytes.Be16(at + 2);
    if (length < 2) return Invalid("the JPEG has a segment of impossible length (byte {})", at);
    at += 2 + length;
  }
  return Invalid("the JPEG ends before its frame header: it is truncated");
}

Result<ImageHeader> ReadPng(const Bytes& bytes) {
  if (!bytes.Has(0, 24)) return Invalid("the PNG ends inside its header: it is truncated");
  if (!bytes.Is(12, "IHDR")) return Invalid("the PNG does not begin with IHDR");
  if (!bytes.Contains("IEND", 24)) return Invalid("the PNG has no IEND: it is truncated");
  return Checked("png", bytes.Be32(16), bytes.Be32(20));
}

Result<ImageHeader> ReadGif(const Bytes& bytes) {
  if (!bytes.Has(0, 10)) return Invalid("the GIF ends inside its header: it is truncated");
  return Checked("gif", bytes.Le16(6), bytes.Le16(8));
}

Result<ImageHeader> ReadWebp(const Bytes& bytes) {
  if (bytes.size() < size_t{bytes.Le32(4)} + 8)
    return Invalid("the WebP is shorter than it says: it is truncated");
  if (bytes.Is(12, "VP8X") && bytes.Has(24, 6))
    return Checked("webp", int64_t{bytes.Le24(24)} + 1, int64_t{bytes.Le24(27)} + 1);
  if (bytes.Is(12, "VP8 ") && bytes.Has(23, 7)) {
    if (bytes.Le24(23) != 0x2A019D) return Invalid("the WebP's VP8 frame has no start code");
    return Checked("webp", bytes.Le16(26) & 0x3FFF, bytes.Le16(28) & 0x3FFF);
  }
  if (bytes.Is(12, "VP8L") && bytes.Has(20, 5)) {
    if (bytes.U8(20) != 0x2F) return Invalid("the WebP's VP8L frame has no signature");
    const uint32_t bits = bytes.Le32(21);
    return Checked("webp", (bits & 0x3FFF) + 1, ((bits >> 14) & 0x3FFF) + 1);
  }
  return Invalid("the WebP has no image chunk of a known kind, or is truncated");
}

Result<ImageHeader> ReadBmp(const Bytes& bytes) {
  if (!bytes.Has(0, 26)) return Invalid("the BMP ends inside its header: it is truncated");
  const uint32_t header = bytes.Le32(14);
  if (bytes.size() < bytes.Le32(2) || bytes.size() < bytes.Le32(10))
    return Invalid("the BMP is shorter than it says: it is truncated");
  if (header == 12) return Checked("bmp", bytes.Le16(18), bytes.Le16(20));
  if (header < 40) return Invalid("the BMP has a header of unknown size {}", header);
  // A negative height means that the rows run from top to bottom.
  const int64_t height = static_cast<int32_t>(bytes.Le32(22));
  return Checked("bmp", static_cast<int32_t>(bytes.Le32(18)), std::llabs(height));
}

Result<ImageHeader> ReadTiff(const Bytes& bytes) {
  const bool little = bytes.Is(0, "II");
  const auto u16 = [&](size_t at) { return little ? bytes.Le16(at) : bytes.Be16(at); };
  const auto u32 = [&](size_t at) { return little ? bytes.Le32(at) : bytes.Be32(at); };
  const size_t directory = u32(4);
  if (!bytes.Has(directory, 2)) return Invalid("the TIFF's directory lies outside the file");
  const size_t entries = u16(directory);
  std::optional<int64_t> width, height;
  for (size_t i = 0; i < entries; ++i) {
    const size_t at = directory + 2 + i * 12;
    if (!bytes.Has(at, 12)) return Invalid("the TIFF's directory ends early: it is truncated");
    const uint32_t tag = u16(at);
    if (tag != 256 && tag != 257) continue;
    const uint32_t type = u16(at + 2);
    if (type != 3 && type != 4)
      return Invalid("the TIFF gives its size in an unknown type {}", type);
    (tag == 256 ? width : height) = type == 3 ? u16(at + 8) : u32(at + 8);
  }
  if (!width || !height) return Invalid("the TIFF does not give its size");
  return Checked("tiff", *width, *height);
}

}  // namespace

bool IsImageMagic(std::string_view data) {
  const Bytes bytes(data);
  return bytes.Is(0, "\xFF\xD8\xFF") || bytes.Is(0, "\x89PNG\r\n\x1A\n") || bytes.Is(0, "GIF87a") ||
         bytes.Is(0, "GIF89a") || (bytes.Is(0, "RIFF") && bytes.Is(8, "WEBP")) ||
         (bytes.Is(0, "BM") && bytes.Has(0, 26) && bytes.Le16(6) == 0 && bytes.Le16(8) == 0) ||
         bytes.Is(0, std::string_view("II*\0", 4)) || bytes.Is(0, std::string_view("MM\0*", 4));
}

Result<ImageHeader> ReadImageHeader(std::string_view data) {
  const Bytes bytes(data);
  if (data.empty()) return Invalid("the file is empty");
  if (bytes.Is(0, "\xFF\xD8")) return ReadJpeg(bytes);
  if (bytes.Is(0, "\x89PNG\r\n\x1A\n")) return ReadPng(bytes);
  if (bytes.Is(0, "GIF87a") || bytes.Is(0, "GIF89a")) return ReadGif(bytes);
  if (bytes.Is(0, "RIFF") && bytes.Is(8, "WEBP")) return ReadWebp(bytes);
  if (bytes.Is(0, "BM")) return ReadBmp(bytes);
  if (bytes.Is(0, std::string_view("II*\0", 4)) || bytes.Is(0, std::string_view("MM\0*", 4)))
    return ReadTiff(bytes);
  return Invalid(
      "the bytes are of no image format that is known (JPEG, PNG, GIF, WebP, BMP, TIFF)");
}

}  // namespace millpond::source
