// The image header parsers over any bytes: they give a size within bounds or an error, and never
// read outside.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "source/image_header.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  millpond::source::IsImageMagic(bytes);
  const auto header = millpond::source::ReadImageHeader(bytes);
  if (header.ok() && (header->width <= 0 || header->height <= 0 || header->format.empty()))
    std::abort();
  return 0;
}
