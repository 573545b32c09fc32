// Image headers of every format, whole and cut at every byte: a cut file is refused, never misread
// beyond its end.
#include "source/image_header.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error_matchers.h"

namespace millpond::source {
namespace {

using base::ErrorKind;
using base::IsError;
using ::testing::HasSubstr;

std::string Bytes(std::initializer_list<int> values) {
  std::string bytes;
  for (int value : values) bytes += static_cast<char>(value);
  return bytes;
}

struct Sample {
  const char* format;
  std::string bytes;
  int width, height;
};

std::vector<Sample> Samples() {
  const std::string jpeg =
      Bytes({0xFF, 0xD8, 0xFF, 0xE0, 0, 4,    'x', 'y', 0xFF, 0xFF, 0xC2, 0,
             11,   8,    1,    0x40, 2, 0x80, 1,   1,   0x11, 0,    0xFF, 0xD9});
  const std::string gif = "GIF89a" + Bytes({5, 0, 7, 1, 0, 0, 0});
  const std::string lossy = "RIFF" + Bytes({22, 0, 0, 0}) + "WEBPVP8 " +
                            Bytes({10, 0, 0, 0, 0, 0, 0, 0x9D, 1, 0x2A, 16, 0, 32, 0});
  const std::string lossless =
      "RIFF" + Bytes({17, 0, 0, 0}) + "WEBPVP8L" + Bytes({5, 0, 0, 0, 0x2F, 9, 0x40, 2, 0});
  const std::string extended = "RIFF" + Bytes({22, 0, 0, 0}) + "WEBPVP8X" +
                               Bytes({10, 0, 0, 0, 0, 0, 0, 0, 99, 0, 0, 49, 0, 0});
  const std::string bmp = "BM" + Bytes({54, 0, 0, 0, 0, 0, 0, 0, 54,   0,    0,    0,
                                        40, 0, 0, 0, 3, 0, 0, 0, 0xFC, 0xFF, 0xFF, 0xFF}) +
                          std::string(28, '\0');
  const std::string tiff = Bytes({'M', 'M', 0,  '*', 0, 0, 0, 8, 0, 2, 1, 0, 0, 3, 0, 0, 0,
                                  1,   0,   20, 0,   0, 1, 1, 0, 4, 0, 0, 0, 1, 0, 0, 0, 30});
  return {{"jpeg", jpeg, 640, 320},   {"gif", gif, 5, 263},        {"webp", lossy, 16, 32},
          {"webp", lossless, 10, 10}, {"webp", extended, 100, 50}, {"bmp", bmp, 3, 4},
          {"tiff", tiff, 20, 30}};
}

TEST(ImageHeader, ReadsEveryFormat) {
  for (const Sample& sample : Samples()) {
    const auto header = ReadImageHeader(sample.bytes);
    ASSERT_TRUE(header.ok()) << sample.format << ": " << header.status().ToString();
    EXPECT_EQ(header->format, sample.format);
    EXPECT_EQ(header->width, sample.width) << sample.format;
    EXPECT_EQ(header->height, sample.height) << sample.format;
    EXPECT_TRUE(IsImageMagic(sample.bytes)) << sample.format;
  }
}

TEST(ImageHeader, CutAnywhereIsRefused) {
  for (const Sample& sample : Samples()) {
    const size_t needed = sample.format == std::string("gif") ? 10 : sample.bytes.size();
    for (size_t size = 0; size < needed; ++size) {
      // A copy of its own, so that a sanitizer sees any read beyond it.
      const std::string cut(sample.bytes.data(), size);
      EXPECT_THAT(ReadImageHeader(cut), IsError(ErrorKind::kInvalid))
          << sample.format << " cut to " << size;
    }
  }
}

TEST(ImageHeader, NonsenseSizesAreRefused) {
  EXPECT_THAT(ReadImageHeader("GIF89a" + Bytes({0, 0, 7, 1})),
              IsError(ErrorKind::kInvalid, HasSubstr("0 x")));
  EXPECT_THAT(ReadImageHeader("what is this"),
              IsError(ErrorKind::kInvalid, HasSubstr("no image format")));
  EXPECT_FALSE(IsImageMagic("BMW is a car of which much can be said"));
}

}  // namespace
}  // namespace millpond::source
