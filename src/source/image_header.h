// Format, width and height of an image from its first bytes, without decoding. Every read is
// bounds-checked: the bytes come from outside (fuzzed by tests/fuzz/image_header_fuzz.cc). Called
// by image_plan and file_format. Pure.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/error.h"

namespace millpond::source {

struct ImageHeader {
  std::string_view format;  ///< "jpeg", "png", "gif", "webp", "bmp", "tiff".
  int32_t width = 0;
  int32_t height = 0;
};

/// Whether the bytes begin like an image that ReadImageHeader knows.
bool IsImageMagic(std::string_view bytes);

/// kInvalid tells what is wrong ("the PNG has no IHDR"). `bytes` must be the whole file: a JPEG or
/// TIFF may keep its size far inside, and a JPEG, PNG, WebP or BMP that ends early is refused.
Result<ImageHeader> ReadImageHeader(std::string_view bytes);

}  // namespace millpond::source
