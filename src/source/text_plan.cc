// PlanText: text files as a table of lines (path, line_number, text), or of whole files (path,
// text) by rows=file. Text that is not valid in its encoding becomes a reject.
#include <arrow/builder.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <filesystem>

#include "base/text.h"
#include "source/piece_reader.h"
#include "source/stream_plan.h"
#include "source/text_pieces.h"

namespace millpond::source {
namespace {

using base::Json;

constexpr int64_t kLeastSample = 16 << 10;
constexpr int64_t kSampleBudget = 8 << 20;

class LineCutter : public RowCutter {
 public:
  RowEnd Cut(std::string* text) override {
    const size_t end = text->rfind('\n');
    return {end == std::string::npos ? 0 : end + 1, false};
  }
};

/// Nothing ends a row but the end of the file.
class WholeFileCutter : public RowCutter {
 public:
  RowEnd Cut(std::string*) override { return {}; }
  bool resumes_at_lines() const override { return false; }
};

std::string PathBelow(const InputFile& file, const std::string& root) {
  return std::filesystem::path(file.path).lexically_relative(root).string();
}

class TextConverter : public PieceConverter {
 public:
  TextConverter(std::vector<InputFile> files, std::string root, bool whole,
                std::shared_ptr<arrow::Schema> schema)
      : files_(std::move(files)),
        root_(std::move(root)),
        whole_(whole),
        schema_(std::move(schema)) {}

  Result<Converted> Convert(const Piece& piece) const override {
    Converted out;
    const InputFile& file = files_[piece.file];
    if (!piece.broken.empty()) {
      out.rejects.push_back(
          {file.shown, piece.first_line, "", piece.broken, PrintableText(piece.bytes)});
      return out;
    }
    arrow::StringBuilder paths, texts;
    arrow::Int64Builder numbers;
    const std::string path = PathBelow(file, root_);
    const bool valid = base::IsValidUtf8(piece.bytes);
    std::string_view rest = piece.bytes;
    for (int64_t line = piece.first_line; !rest.empty(); ++line) {
      const size_t end = whole_ ? std::string_view::npos : rest.find('\n');
      std::string_view text = rest.substr(0, end);
      rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
      if (!whole_ && text.ends_with('\r')) text.remove_suffix(1);
      if (!valid && !base::IsValidUtf8(text)) {
        out.rejects.push_back({file.shown, line, "text",
                               "not valid UTF-8; set the encoding option if the file has another",
                               PrintableText(text)});
        continue;
      }
      ARROW_RETURN_NOT_OK(paths.Append(path));
      ARROW_RETURN_NOT_OK(texts.Append(text));
      ARROW_RETURN_NOT_OK(numbers.Append(line));
    }
    ARROW_ASSIGN_OR_RAISE(auto path_array, paths.Finish());
    ARROW_ASSIGN_OR_RAISE(auto text_array, texts.Finish());
    ARROW_ASSIGN_OR_RAISE(auto number_array, numbers.Finish());
    const int64_t rows = path_array->length();
    arrow::ArrayVector arrays = {path_array, number_array, text_array};
    if (whole_) arrays.erase(arrays.begin() + 1);
    out.batches.push_back(arrow::RecordBatch::Make(schema_, rows, std::move(arrays)));
    return out;
  }

 private:
  const std::vector<InputFile> files_;
  const std::string root_;
  const bool whole_;
  const std::shared_ptr<arrow::Schema> schema_;
};

class TextPlan : public StreamPlan {
 public:
  const std::shared_ptr<arrow::Schema>& schema() const override { return schema_; }
  const Json& report() const override { return report_; }

  Status Make(const PlanInput& input, const base::Context& context) {
    options_ = *input.options;
    root_ = input.root;
    files_ = input.files;
    const auto count = static_cast<int64_t>(files_.size());
    for (const InputFile& file : files_) {
      ARROW_RETURN_NOT_OK(context.CheckStop());
      ARROW_ASSIGN_OR_RAISE(
          TextSample sample,
          SampleText(file, options_, std::max(kLeastSample, kSampleBudget / count / 64)));
      texts_.push_back({file, sample.storage, 0, file.start > 0 ? file.start_line : 1, '\n'});
    }
    arrow::FieldVector fields = {arrow::field("path", arrow::utf8()),
                                 arrow::field("line_number", arrow::int64()),
                                 arrow::field("text", arrow::utf8())};
    if (options_.whole_files) fields.erase(fields.begin() + 1);
    schema_ = arrow::schema(std::move(fields));
    report_ = {{"format", "text"},
               {"files", files_.size()},
               {"rows", options_.whole_files ? "file" : "line"},
               {"compression", CompressionName(texts_[0].storage.compression)},
               {"encoding", texts_[0].storage.encoding},
               {"encoding_why", texts_[0].storage.why},
               {"warnings", Json::array()}};
    return Status::OK();
  }

  Result<std::unique_ptr<BatchReader>> Open(const base::Context& context) const override {
    TextPiecesOptions pieces;
    pieces.max_row_bytes = options_.max_row_bytes;
    const bool whole = options_.whole_files;
    const auto cutters = [whole](size_t) -> std::unique_ptr<RowCutter> {
      if (whole) return std::make_unique<WholeFileCutter>();
      return std::make_unique<LineCutter>();
    };
    return ReadPieces(files_, MakeTextPieces(texts_, cutters, pieces),
                      std::make_unique<TextConverter>(files_, root_, whole, schema_),
                      options_.common.strict, pieces.piece_bytes, context);
  }

 private:
  FileOptions options_;
  std::string root_;
  std::vector<InputFile> files_;
  std::vector<TextFile> texts_;
  std::shared_ptr<arrow::Schema> schema_;
  Json report_;
};

}  // namespace

PlanResult PlanText(const PlanInput& input, const base::Context& context) {
  auto plan = std::make_unique<TextPlan>();
  ARROW_RETURN_NOT_OK(plan->Make(input, context));
  return plan;
}

}  // namespace millpond::source
