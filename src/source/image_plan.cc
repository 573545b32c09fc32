// PlanImages: a folder of images as a table of one row per file: path, bytes, format, width,
// height, class (the folder's name). Workers read whole files, a few MiB per piece; an image that
// is broken becomes a reject.
#include <arrow/builder.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <algorithm>
#include <filesystem>

#include "source/byte_input.h"
#include "source/image_header.h"
#include "source/piece_reader.h"
#include "source/stream_plan.h"
#include "source/text_input.h"

namespace millpond::source {
namespace {

using base::Json;

constexpr int64_t kPieceBytes = 4 << 20;
constexpr size_t kPieceFiles = 512;
constexpr int64_t kLargestImage = 256 << 20;

/// Groups files into pieces of a few MiB; reads nothing.
class FilePieces : public PieceMaker {
 public:
  explicit FilePieces(const std::vector<InputFile>& files) : files_(files) {}

  Result<std::optional<Piece>> Next() override {
    if (at_ == files_.size()) return std::nullopt;
    Piece piece;
    piece.file = at_;
    int64_t bytes = 0;
    do {
      bytes += files_[at_++].size;
    } while (at_ < files_.size() && at_ - piece.file < kPieceFiles &&
             bytes + files_[at_].size <= kPieceBytes);
    piece.files = at_ - piece.file;
    read_ += bytes;
    piece.read = read_;
    return piece;
  }

 private:
  const std::vector<InputFile>& files_;
  size_t at_ = 0;
  int64_t read_ = 0;
};

/// The columns of a batch of images while it grows.
struct ImageColumns {
  arrow::StringBuilder path, format, label;
  arrow::BinaryBuilder bytes;
  arrow::Int32Builder width, height;

  Status Append(const std::string& below, const std::string& data, const ImageHeader& header,
                const std::string& folder) {
    ARROW_RETURN_NOT_OK(path.Append(below));
    ARROW_RETURN_NOT_OK(bytes.Append(data));
    ARROW_RETURN_NOT_OK(format.Append(header.format));
    ARROW_RETURN_NOT_OK(width.Append(header.width));
    ARROW_RETURN_NOT_OK(height.Append(header.height));
    return folder.empty() ? label.AppendNull() : label.Append(folder);
  }

  Result<std::shared_ptr<arrow::RecordBatch>> Finish(const std::shared_ptr<arrow::Schema>& schema) {
    arrow::ArrayVector arrays(6);
    const int64_t rows = path.length();
    arrow::ArrayBuilder* builders[] = {&path, &bytes, &format, &width, &height, &label};
    for (size_t i = 0; i < arrays.size(); ++i) {
      ARROW_ASSIGN_OR_RAISE(arrays[i], builders[i]->Finish());
    }
    return arrow::RecordBatch::Make(schema, rows, std::move(arrays));
  }
};

class ImageConverter : public PieceConverter {
 public:
  ImageConverter(const std::vector<InputFile>& files, std::string root,
                 std::shared_ptr<arrow::Schema> schema)
      : files_(files), root_(std::move(root)), schema_(std::move(schema)) {}

  Result<Converted> Convert(const Piece& piece) const override {
    Converted out;
    ImageColumns columns;
    for (size_t i = piece.file; i < piece.file + piece.files; ++i) {
      const InputFile& file = files_[i];
      if (file.size > kLargestImage) {
        out.rejects.push_back({file.shown, 0, "", "larger than 256 MiB", ""});
        continue;
      }
      ARROW_ASSIGN_OR_RAISE(std::string data, ReadRange(file, 0, file.size));
      const auto header = ReadImageHeader(data);
      if (!header.ok()) {
        out.rejects.push_back(
            {file.shown, 0, "", header.status().message(), PrintableText(data.substr(0, 64))});
        continue;
      }
      const auto below = std::filesystem::path(file.path).lexically_relative(root_);
      ARROW_RETURN_NOT_OK(
          columns.Append(below.string(), data, *header, below.parent_path().filename().string()));
    }
    ARROW_ASSIGN_OR_RAISE(auto batch, columns.Finish(schema_));
    out.batches.push_back(std::move(batch));
    return out;
  }

 private:
  const std::vector<InputFile>& files_;
  const std::string root_;
  const std::shared_ptr<arrow::Schema> schema_;
};

class ImagePlan : public StreamPlan {
 public:
  explicit ImagePlan(const PlanInput& input)
      : files_(input.files), root_(input.root), strict_(input.options->common.strict) {
    report_ = {{"format", "images"}, {"files", files_.size()}, {"warnings", Json::array()}};
    Json folders = Json::object();
    for (const InputFile& file : files_) {
      const std::string folder = std::filesystem::path(file.path)
                                     .lexically_relative(root_)
                                     .parent_path()
                                     .filename()
                                     .string();
      if (!folder.empty()) folders[folder] = folders.value(folder, 0) + 1;
    }
    report_["classes"] = std::move(folders);
  }

  const std::shared_ptr<arrow::Schema>& schema() const override { return schema_; }
  const Json& report() const override { return report_; }

  Result<std::unique_ptr<BatchReader>> Open(const base::Context& context) const override {
    return ReadPieces(files_, std::make_unique<FilePieces>(files_),
                      std::make_unique<ImageConverter>(files_, root_, schema_), strict_,
                      kPieceBytes, context);
  }

 private:
  const std::vector<InputFile> files_;
  const std::string root_;
  const bool strict_;
  const std::shared_ptr<arrow::Schema> schema_ =
      arrow::schema({arrow::field("path", arrow::utf8()), arrow::field("bytes", arrow::binary()),
                     arrow::field("format", arrow::utf8()), arrow::field("width", arrow::int32()),
                     arrow::field("height", arrow::int32()), arrow::field("class", arrow::utf8())});
  Json report_;
};

}  // namespace

PlanResult PlanImages(const PlanInput& input, const base::Context&) {
  return std::make_unique<ImagePlan>(input);
}

}  // namespace millpond::source
