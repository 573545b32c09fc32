// libpng and libjpeg report errors by longjmp: everything between setjmp and the end of a decode
// lives in one function whose locals need no destructor.
#include "train/image.h"

#include <stdio.h>

#include <csetjmp>
#include <cstdlib>
#include <cstring>

// jpeglib.h needs size_t and FILE before it.
#include <jpeglib.h>
#include <png.h>

namespace millpond::train {
namespace {

// No picture that a model trains on is larger; a file that claims so is an attack or damage.
constexpr int64_t kMostPixels = int64_t{1} << 28;
constexpr size_t kMessageSize = 256;

bool IsPng(std::string_view bytes) { return bytes.starts_with("\x89PNG\r\n\x1a\n"); }
bool IsJpeg(std::string_view bytes) { return bytes.starts_with("\xff\xd8\xff"); }

Status WrongSize(ImageSize found, ImageSize wanted) {
  return base::Invalid(
      "the image has {} x {} pixels, but this column's images have {} x {} (height x width); give "
      "height and width, or resize the images before",
      found.height, found.width, wanted.height, wanted.width);
}

// Grey from RGB in place of three bytes, with the weights and rounding that Pillow uses.
void Luma(const uint8_t* rgb, int64_t pixels, uint8_t* grey) {
  for (int64_t i = 0; i < pixels; ++i, rgb += 3) {
    grey[i] =
        static_cast<uint8_t>((rgb[0] * 19595u + rgb[1] * 38470u + rgb[2] * 7471u + 0x8000u) >> 16);
  }
}

struct PngInput {
  const char* data;
  size_t size, at;
};

// What outlives the jump.
struct PngDecode {
  png_structp png = nullptr;
  png_infop info = nullptr;
  PngInput input{};
  char message[kMessageSize] = {};
  uint8_t* picture = nullptr;  // In RGB, where grey is wanted of it.
  ImageSize size;
  ~PngDecode() {
    std::free(picture);
    if (png != nullptr) png_destroy_read_struct(&png, &info, nullptr);
  }
};

void OnPngError(png_structp png, png_const_charp message) {
  auto* decode = static_cast<PngDecode*>(png_get_error_ptr(png));
  std::strncpy(decode->message, message, kMessageSize - 1);
  png_longjmp(png, 1);
}

void OnPngWarning(png_structp, png_const_charp) {}

void ReadPng(png_structp png, png_bytep out, size_t size) {
  auto* input = static_cast<PngInput*>(png_get_io_ptr(png));
  if (input->size - input->at < size) png_error(png, "the file is cut off");
  std::memcpy(out, input->data + input->at, size);
  input->at += size;
}

// Asks libpng for 8-bit grey or RGB and tells which of the two comes.
bool RequestBytes(png_structp png, png_infop info) {
  png_set_expand_gray_1_2_4_to_8(png);
  png_set_palette_to_rgb(png);
  png_set_strip_16(png);
  png_set_strip_alpha(png);
  return (png_get_color_type(png, info) & PNG_COLOR_MASK_COLOR) != 0;
}

// All of one decode; false where libpng jumped out. `pixels` null: the header only.
bool RunPng(PngDecode* decode, const ImageSize* wanted, int channels, uint8_t* pixels) {
  if (setjmp(png_jmpbuf(decode->png)) != 0) return false;
  png_set_user_limits(decode->png, 1 << 20, 1 << 20);
  png_set_read_fn(decode->png, &decode->input, ReadPng);
  png_read_info(decode->png, decode->info);
  decode->size = {static_cast<int>(png_get_image_height(decode->png, decode->info)),
                  static_cast<int>(png_get_image_width(decode->png, decode->info))};
  if (pixels == nullptr || !(decode->size == *wanted)) return true;
  const bool colour = RequestBytes(decode->png, decode->info);
  if (!colour && channels == 3) png_set_gray_to_rgb(decode->png);
  const bool fold = colour && channels == 1;
  const int passes = png_set_interlace_handling(decode->png);
  png_read_update_info(decode->png, decode->info);
  const size_t row_bytes = png_get_rowbytes(decode->png, decode->info);
  const size_t height = static_cast<size_t>(decode->size.height);
  const int64_t width = decode->size.width;
  if (row_bytes != static_cast<size_t>(width) * (fold ? 3 : static_cast<size_t>(channels))) {
    png_error(decode->png, "its layout of samples is not known");
  }
  if (fold) {
    decode->picture = static_cast<uint8_t*>(std::malloc(row_bytes * height));
    if (decode->picture == nullptr) png_error(decode->png, "no memory");
  }
  uint8_t* rows = fold ? decode->picture : pixels;
  for (int pass = 0; pass < passes; ++pass) {
    for (size_t row = 0; row < height; ++row) {
      png_read_row(decode->png, rows + row * row_bytes, nullptr);
    }
  }
  png_read_end(decode->png, nullptr);
  if (fold) Luma(rows, static_cast<int64_t>(height) * width, pixels);
  return true;
}

Result<ImageSize> DecodePng(std::string_view bytes, const ImageSize* wanted, int channels,
                            uint8_t* pixels) {
  PngDecode decode;
  decode.input = {bytes.data(), bytes.size(), 0};
  decode.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &decode, OnPngError, OnPngWarning);
  if (decode.png != nullptr) decode.info = png_create_info_struct(decode.png);
  if (decode.info == nullptr) return base::Exhausted("no memory to decode a PNG image");
  if (!RunPng(&decode, wanted, channels, pixels)) {
    return base::Corrupt("the PNG image cannot be decoded: {}", decode.message);
  }
  return decode.size;
}

struct JpegDecode {
  jpeg_decompress_struct jpeg{};
  jpeg_error_mgr errors{};
  jmp_buf jump;
  char message[JMSG_LENGTH_MAX] = {};
  ImageSize size;
  bool created = false;
  ~JpegDecode() {
    if (created) jpeg_destroy_decompress(&jpeg);
  }
};

void OnJpegError(j_common_ptr jpeg) {
  auto* decode = static_cast<JpegDecode*>(jpeg->client_data);
  jpeg->err->format_message(jpeg, decode->message);
  longjmp(decode->jump, 1);
}

// A warning means that pixels were made up, as at the end of a file that is cut off.
void OnJpegMessage(j_common_ptr jpeg, int level) {
  if (level < 0) OnJpegError(jpeg);
}

bool RunJpeg(JpegDecode* decode, std::string_view bytes, const ImageSize* wanted, int channels,
             uint8_t* pixels) {
  jpeg_decompress_struct* jpeg = &decode->jpeg;
  if (setjmp(decode->jump) != 0) return false;
  jpeg_create_decompress(jpeg);
  decode->created = true;
  jpeg_mem_src(jpeg, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  jpeg_read_header(jpeg, TRUE);
  decode->size = {static_cast<int>(jpeg->image_height), static_cast<int>(jpeg->image_width)};
  if (pixels == nullptr || !(decode->size == *wanted)) return true;
  jpeg->out_color_space = channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_start_decompress(jpeg);
  const size_t row_bytes = static_cast<size_t>(jpeg->output_width) * static_cast<size_t>(channels);
  while (jpeg->output_scanline < jpeg->output_height) {
    JSAMPROW row = pixels + jpeg->output_scanline * row_bytes;
    jpeg_read_scanlines(jpeg, &row, 1);
  }
  jpeg_finish_decompress(jpeg);
  return true;
}

Result<ImageSize> DecodeJpeg(std::string_view bytes, const ImageSize* wanted, int channels,
                             uint8_t* pixels) {
  JpegDecode decode;
  decode.jpeg.err = jpeg_std_error(&decode.errors);
  decode.errors.error_exit = OnJpegError;
  decode.errors.emit_message = OnJpegMessage;
  decode.jpeg.client_data = &decode;
  if (!RunJpeg(&decode, bytes, wanted, channels, pixels)) {
    return base::Corrupt("the JPEG image cannot be decoded: {}", decode.message);
  }
  return decode.size;
}

Result<ImageSize> Run(std::string_view bytes, const ImageSize* wanted, int channels,
                      uint8_t* pixels) {
  if (IsPng(bytes)) return DecodePng(bytes, wanted, channels, pixels);
  if (IsJpeg(bytes)) return DecodeJpeg(bytes, wanted, channels, pixels);
  return base::Corrupt("the bytes are neither a PNG nor a JPEG image");
}

}  // namespace

Result<ImageSize> ImageSizeOf(std::string_view bytes) {
  ARROW_ASSIGN_OR_RAISE(ImageSize size, Run(bytes, nullptr, 0, nullptr));
  if (int64_t{size.height} * size.width > kMostPixels) {
    return base::Corrupt("the image claims {} x {} pixels", size.height, size.width);
  }
  return size;
}

Status DecodeImage(std::string_view bytes, ImageSize size, int channels, uint8_t* pixels) {
  ARROW_ASSIGN_OR_RAISE(ImageSize found, Run(bytes, &size, channels, pixels));
  return found == size ? Status::OK() : WrongSize(found, size);
}

}  // namespace millpond::train
