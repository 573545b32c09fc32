// Decoding pictures that this test encodes itself, in every kind of PNG and JPEG that matters,
// whole and damaged; and the loader over them.
#include "train/image.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdio.h>

#include <cstdlib>
#include <vector>

// jpeglib.h needs size_t and FILE before it.
#include <jpeglib.h>
#include <png.h>

#include "base/error_matchers.h"
#include "train/pond_testing.h"

namespace millpond::train {
namespace {

using base::ErrorKind;
using base::IsError;
using base::IsOk;
using testing::HasSubstr;

constexpr int kHeight = 5, kWidth = 7;

// Channel c of pixel (y, x).
uint8_t Sample(int y, int x, int c) { return static_cast<uint8_t>(y * 40 + x * 5 + c * 60); }

std::vector<uint8_t> Picture(int channels, int height = kHeight) {
  std::vector<uint8_t> pixels;
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < kWidth; ++x) {
      for (int c = 0; c < channels; ++c) pixels.push_back(Sample(y, x, c));
    }
  }
  return pixels;
}

void AppendTo(png_structp png, png_bytep data, size_t size) {
  static_cast<std::string*>(png_get_io_ptr(png))->append(reinterpret_cast<char*>(data), size);
}

// `samples`: rows as PNG has them, of `row_bytes` each.
std::string Png(const std::vector<uint8_t>& samples, size_t row_bytes, int colour_type, int depth,
                int interlace = PNG_INTERLACE_NONE) {
  std::string bytes;
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(png);
  png_set_write_fn(png, &bytes, AppendTo, nullptr);
  size_t height = samples.size() / row_bytes;
  png_set_IHDR(png, info, kWidth, static_cast<png_uint_32>(height), depth, colour_type, interlace,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  if (colour_type == PNG_COLOR_TYPE_PALETTE) {
    std::vector<png_color> palette(256);
    for (int i = 0; i < 256; ++i) {
      palette[static_cast<size_t>(i)] = {static_cast<png_byte>(i), static_cast<png_byte>(255 - i),
                                         9};
    }
    png_set_PLTE(png, info, palette.data(), 256);
  }
  png_write_info(png, info);
  int passes = interlace == PNG_INTERLACE_NONE ? 1 : png_set_interlace_handling(png);
  for (int pass = 0; pass < passes; ++pass) {
    for (size_t row = 0; row < height; ++row) png_write_row(png, &samples[row * row_bytes]);
  }
  png_write_end(png, nullptr);
  png_destroy_write_struct(&png, &info);
  return bytes;
}

std::string RgbPng(int height = kHeight) {
  return Png(Picture(3, height), kWidth * 3, PNG_COLOR_TYPE_RGB, 8);
}

std::string Jpeg(int channels) {
  jpeg_compress_struct jpeg;
  jpeg_error_mgr errors;
  jpeg.err = jpeg_std_error(&errors);
  jpeg_create_compress(&jpeg);
  unsigned char* out = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&jpeg, &out, &size);
  jpeg.image_width = kWidth;
  jpeg.image_height = kHeight;
  jpeg.input_components = channels;
  jpeg.in_color_space = channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_set_defaults(&jpeg);
  jpeg_set_quality(&jpeg, 100, TRUE);
  jpeg.comp_info[0].h_samp_factor = jpeg.comp_info[0].v_samp_factor = 1;
  jpeg_start_compress(&jpeg, TRUE);
  std::vector<uint8_t> pixels = Picture(channels);
  while (jpeg.next_scanline < jpeg.image_height) {
    JSAMPROW row = &pixels[jpeg.next_scanline * kWidth * static_cast<size_t>(channels)];
    jpeg_write_scanlines(&jpeg, &row, 1);
  }
  jpeg_finish_compress(&jpeg);
  std::string bytes(reinterpret_cast<char*>(out), size);
  jpeg_destroy_compress(&jpeg);
  std::free(out);
  return bytes;
}

std::vector<uint8_t> Decode(const std::string& bytes, int channels) {
  ImageSize size = ImageSizeOf(bytes).ValueOrDie();
  EXPECT_EQ(size, (ImageSize{kHeight, kWidth}));
  std::vector<uint8_t> pixels(static_cast<size_t>(kHeight * kWidth * channels));
  EXPECT_THAT(DecodeImage(bytes, size, channels, pixels.data()), IsOk());
  return pixels;
}

std::vector<uint8_t> GreyOf(const std::vector<uint8_t>& rgb) {
  std::vector<uint8_t> grey;
  for (size_t i = 0; i < rgb.size(); i += 3) {
    grey.push_back(static_cast<uint8_t>(
        (rgb[i] * 19595u + rgb[i + 1] * 38470u + rgb[i + 2] * 7471u + 0x8000u) >> 16));
  }
  return grey;
}

std::vector<uint8_t> Tripled(const std::vector<uint8_t>& grey) {
  std::vector<uint8_t> rgb;
  for (uint8_t value : grey) rgb.insert(rgb.end(), 3, value);
  return rgb;
}

TEST(Image, DecodesColourAndGrey) {
  EXPECT_EQ(Decode(RgbPng(), 3), Picture(3));
  EXPECT_EQ(Decode(RgbPng(), 1), GreyOf(Picture(3)));
  std::string grey = Png(Picture(1), kWidth, PNG_COLOR_TYPE_GRAY, 8);
  EXPECT_EQ(Decode(grey, 1), Picture(1));
  EXPECT_EQ(Decode(grey, 3), Tripled(Picture(1)));
}

TEST(Image, DecodesInterlacedAlphaPaletteAndOtherDepths) {
  EXPECT_EQ(Decode(Png(Picture(3), kWidth * 3, PNG_COLOR_TYPE_RGB, 8, PNG_INTERLACE_ADAM7), 3),
            Picture(3));
  EXPECT_EQ(Decode(Png(Picture(3), kWidth * 3, PNG_COLOR_TYPE_RGB, 8, PNG_INTERLACE_ADAM7), 1),
            GreyOf(Picture(3)));
  std::vector<uint8_t> alpha, wide, indexed = Picture(1), coloured;
  for (int y = 0; y < kHeight; ++y) {
    for (int x = 0; x < kWidth; ++x) {
      for (int c = 0; c < 3; ++c) {
        alpha.push_back(Sample(y, x, c));
        wide.push_back(Sample(y, x, c));
        wide.push_back(200);
      }
      alpha.push_back(17);
    }
  }
  for (uint8_t index : indexed) {
    coloured.insert(coloured.end(), {index, static_cast<uint8_t>(255 - index), 9});
  }
  EXPECT_EQ(Decode(Png(alpha, kWidth * 4, PNG_COLOR_TYPE_RGB_ALPHA, 8), 3), Picture(3));
  EXPECT_EQ(Decode(Png(wide, kWidth * 6, PNG_COLOR_TYPE_RGB, 16), 3), Picture(3));
  EXPECT_EQ(Decode(Png(indexed, kWidth, PNG_COLOR_TYPE_PALETTE, 8), 3), coloured);
  EXPECT_EQ(Decode(Png(indexed, kWidth, PNG_COLOR_TYPE_PALETTE, 8), 1), GreyOf(coloured));
  std::vector<uint8_t> bits(kHeight, 0b10101010);
  auto grey = Decode(Png(bits, 1, PNG_COLOR_TYPE_GRAY, 1), 1);
  EXPECT_EQ(grey[0], 255);
  EXPECT_EQ(grey[1], 0);
}

TEST(Image, DecodesJpeg) {
  auto near = [](const std::vector<uint8_t>& got, const std::vector<uint8_t>& wanted) {
    ASSERT_EQ(got.size(), wanted.size());
    for (size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], wanted[i], 6) << i;
  };
  near(Decode(Jpeg(3), 3), Picture(3));
  near(Decode(Jpeg(3), 1), GreyOf(Picture(3)));
  near(Decode(Jpeg(1), 1), Picture(1));
  near(Decode(Jpeg(1), 3), Tripled(Picture(1)));
}

TEST(Image, EveryCutAndManyFlipsAreErrorsNotCrashes) {
  std::vector<uint8_t> pixels(kHeight * kWidth * 3);
  for (const std::string& whole : {RgbPng(), Jpeg(3)}) {
    for (size_t size = 0; size + 1 < whole.size(); ++size) {
      std::string cut = whole.substr(0, size);
      auto status = DecodeImage(cut, {kHeight, kWidth}, 3, pixels.data());
      // Some cuts of the very end lose nothing that the pixels need.
      if (size + 16 < whole.size()) {
        EXPECT_THAT(status, IsError(ErrorKind::kCorrupt)) << size;
      }
    }
    for (size_t at = 0; at < whole.size(); ++at) {
      std::string flipped = whole;
      flipped[at] = static_cast<char>(~flipped[at]);
      (void)DecodeImage(flipped, {kHeight, kWidth}, 3, pixels.data());
      (void)ImageSizeOf(flipped);
    }
  }
  EXPECT_THAT(ImageSizeOf("GIF89a"), IsError(ErrorKind::kCorrupt, HasSubstr("neither")));
  EXPECT_THAT(ImageSizeOf(""), IsError(ErrorKind::kCorrupt));
  EXPECT_THAT(DecodeImage(RgbPng(), {kHeight + 1, kWidth}, 3, pixels.data()),
              IsError(ErrorKind::kInvalid, HasSubstr("5 x 7 pixels")));
}

// Bytes as a SQL literal.
std::string BlobSql(const std::string& bytes) {
  std::string hex;
  for (unsigned char byte : bytes) hex += fmt::format("{:02x}", byte);
  return "unhex('" + hex + "')";
}

class ImageLoaderTest : public testing::Test {
 protected:
  // A row per image, ids from 0.
  Dataset Fill(const std::vector<std::string>& images) {
    std::string sql = "SELECT * FROM (VALUES ";
    for (size_t i = 0; i < images.size(); ++i) {
      sql += fmt::format("{}({}::BIGINT, {})", i > 0 ? ", " : "", i, images[i]);
    }
    pond_.Fill("pictures", sql + ") AS v(id, image)");
    return pond_.Define("{name: p, query: FROM pictures, key: id}");
  }

  Result<std::unique_ptr<Loader>> Make(const Dataset& dataset, DecodeOptions decode,
                                       OnBroken on_broken = OnBroken::kFail) {
    LoaderOptions options{.batch_size = 10, .shuffle = false};
    options.decode["image"] = decode;
    options.on_broken = on_broken;
    return Loader::Make(pond_.OpenSegment(dataset, ""), options);
  }

  TrainPond pond_;
};

TEST_F(ImageLoaderTest, PixelsAreHeightWidthChannels) {
  Dataset dataset = Fill({BlobSql(RgbPng()), BlobSql(RgbPng()), BlobSql(Jpeg(3))});
  auto batch = Make(dataset, {}).ValueOrDie()->Next({}).ValueOrDie();
  const BatchColumn& image = batch->columns[1];
  EXPECT_THAT(image.shape, testing::ElementsAre(3, kHeight, kWidth, 3));
  EXPECT_EQ(image.type->id(), arrow::Type::UINT8);
  EXPECT_EQ(image.values->data()[kHeight * kWidth * 3 + (2 * kWidth + 4) * 3 + 1], Sample(2, 4, 1));
  auto grey = Make(dataset, {.channels = 1}).ValueOrDie()->Next({}).ValueOrDie();
  EXPECT_THAT(grey->columns[1].shape, testing::ElementsAre(3, kHeight, kWidth, 1));
}

TEST_F(ImageLoaderTest, BrokenImagesFailOrAreLeftOutAndNamed) {
  Dataset dataset = Fill({"'GIF'::BLOB", BlobSql(RgbPng()), "NULL::BLOB",
                          BlobSql(RgbPng().substr(0, 60)), BlobSql(RgbPng())});
  EXPECT_THAT(Make(dataset, {}).ValueOrDie()->Next({}),
              IsError(ErrorKind::kCorrupt, HasSubstr("id=0")));
  auto loader = Make(dataset, {}, OnBroken::kSkip).ValueOrDie();
  auto batch = loader->Next({}).ValueOrDie();
  EXPECT_EQ(batch->rows, 2);
  EXPECT_THAT(BatchInts(*batch, "id"), testing::ElementsAre(1, 4));
  EXPECT_EQ(batch->columns[1].shape[0], 2);
  EXPECT_EQ(batch->columns[1].values->size(), 2 * kHeight * kWidth * 3);
  EXPECT_EQ(batch->columns[1].values->data()[kHeight * kWidth * 3 + 1], Sample(0, 0, 1));
  ASSERT_EQ(batch->broken.size(), 3u);
  EXPECT_EQ(batch->broken[1].key, "id=2");
  EXPECT_EQ(loader->stats().broken, 3);
}

TEST_F(ImageLoaderTest, ImagesOfTwoSizesAreAnErrorThatNamesTheSample) {
  Dataset dataset = Fill({BlobSql(RgbPng()), BlobSql(RgbPng(3))});
  EXPECT_THAT(Make(dataset, {}, OnBroken::kSkip).ValueOrDie()->Next({}),
              IsError(ErrorKind::kInvalid, HasSubstr("id=1")));
  EXPECT_THAT(Make(dataset, {.channels = 2}), IsError(ErrorKind::kInvalid));
  EXPECT_THAT(Make(dataset, {.channels = 3, .height = 4}), IsError(ErrorKind::kInvalid));
}

}  // namespace
}  // namespace millpond::train
