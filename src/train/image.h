// PNG and JPEG files in memory to 8-bit pixels, rows top to bottom, channels last. Called by the
// loader's threads; no state. Pixels are as stored: alpha is dropped, 16-bit samples keep their
// high byte, gamma and EXIF orientation are not applied.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/error.h"

namespace millpond::train {

struct ImageSize {
  int height = 0, width = 0;
  bool operator==(const ImageSize&) const = default;
};

/// Reads the header only. kCorrupt where the bytes are neither PNG nor JPEG.
Result<ImageSize> ImageSizeOf(std::string_view bytes);

/// Decodes into `pixels`, size.height * size.width * channels bytes; channels is 1 (grey, ITU-R 601
/// luma) or 3 (RGB). kCorrupt where the file is damaged, cut off or of a kind we cannot decode;
/// kInvalid where it has another size.
Status DecodeImage(std::string_view bytes, ImageSize size, int channels, uint8_t* pixels);

}  // namespace millpond::train
