// FileSource: list, group by format, leave out what the cursor knows, plan; and OpenSource, which
// knows the schemes.
#include "source/file_source.h"

#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <algorithm>
#include <filesystem>

#include "base/text.h"
#include "source/file_format.h"

namespace millpond::source {
namespace {

using base::Invalid;
using base::Json;

constexpr size_t kMostWarnings = 100;

/// A stream of files as the contract has it: the batches, the rejects, and the cursor.
class FileStreamReader : public StreamReader {
 public:
  FileStreamReader(std::shared_ptr<arrow::Schema> schema, std::unique_ptr<BatchReader> reader,
                   FileCursor cursor)
      : schema_(std::move(schema)), reader_(std::move(reader)), cursor_(std::move(cursor)) {}

  const std::shared_ptr<arrow::Schema>& schema() const override { return schema_; }

  Result<std::shared_ptr<arrow::RecordBatch>> Next() override {
    if (!reader_ || ended_) return nullptr;
    ARROW_ASSIGN_OR_RAISE(auto batch, reader_->Next());
    if (!batch) {
      ended_ = true;
      for (const auto& [path, lines] : reader_->Lines()) cursor_.NoteLines(path, lines);
    }
    return batch;
  }

  std::vector<Reject> TakeRejects() override {
    return reader_ ? reader_->TakeRejects() : std::vector<Reject>();
  }

  Json Cursor() const override { return cursor_.ToJson(); }

 private:
  const std::shared_ptr<arrow::Schema> schema_;
  const std::unique_ptr<BatchReader> reader_;
  FileCursor cursor_;
  bool ended_ = false;
};

PlanResult MakePlan(FileFormat format, const PlanInput& input, const base::Context& context) {
  switch (format) {
    case FileFormat::kCsv:
      return PlanCsv(input, context);
    case FileFormat::kJson:
      return PlanJson(input, context);
    case FileFormat::kParquet:
    case FileFormat::kArrow:
      return PlanColumnar(input, context);
    case FileFormat::kText:
      return PlanText(input, context);
    case FileFormat::kImages:
      return PlanImages(input, context);
    case FileFormat::kUnknown:
      break;
  }
  return base::Internal("a stream without a format");
}

/// "file:///data/x.csv" and "/data/x.csv" are the same; other schemes are refused.
Result<std::string> LocalPath(const std::string& url) {
  const size_t colon = url.find("://");
  if (colon == std::string::npos) return url;
  const std::string scheme = url.substr(0, colon);
  if (scheme == "file") return url.substr(colon + 3);
  std::error_code error;
  if (std::filesystem::exists(url, error)) return url;
  return Invalid(
      "cannot read from '{}://': sources are local paths, globs and folders, or file:// URLs",
      scheme);
}

}  // namespace

Result<std::unique_ptr<FileSource>> FileSource::Make(const std::string& path,
                                                     const SourceOptions& options) {
  if (path.empty()) return Invalid("the path of the source is empty");
  ARROW_ASSIGN_OR_RAISE(FileOptions parsed, ParseFileOptions(options));
  std::unique_ptr<FileSource> source(new FileSource(path, std::move(parsed)));
  std::error_code error;
  const auto absolute = std::filesystem::absolute(path, error);
  source->identity_ = "file://" + (error ? path : absolute.lexically_normal().string());
  if (source->identity_.ends_with('/')) source->identity_.pop_back();
  ARROW_ASSIGN_OR_RAISE(source->cursor_, FileCursor::Parse(options.cursor));
  return source;
}

Result<FileSource::Groups> FileSource::Group(const FileList& list,
                                             std::vector<std::string>* warnings) const {
  const auto warn = [&](std::string warning) {
    if (warnings->size() < kMostWarnings) warnings->push_back(std::move(warning));
  };
  const bool one = list.files.size() == 1 && !list.is_folder;
  Groups groups;
  std::vector<InputFile> unknown;
  for (const InputFile& file : list.files) {
    const FileFormat by_name = FormatByName(file.path);
    const std::string refusal = RefusalByName(file.shown);
    if (options_.format != FileFormat::kUnknown) {
      // A demanded format holds for what the name does not speak against, and for a file or glob
      // that was named outright.
      const bool other = by_name != FileFormat::kUnknown && by_name != options_.format;
      if (list.is_folder && options_.format != FileFormat::kText && (other || !refusal.empty())) {
        warn(fmt::format("{}: not {}, skipped", file.shown, FormatName(options_.format)));
      } else {
        groups[options_.format].push_back(file);
      }
    } else if (!refusal.empty()) {
      if (one) return Invalid("{}", refusal);
      warn(refusal);
    } else if (by_name == FileFormat::kUnknown) {
      unknown.push_back(file);
    } else {
      groups[by_name].push_back(file);
    }
  }
  const bool known = !groups.empty();
  for (const InputFile& file : unknown) {
    if (known) {
      warn(fmt::format(
          "{}: the name does not tell a format, skipped; name it by a path of its own to read it",
          file.shown));
      continue;
    }
    ARROW_ASSIGN_OR_RAISE(FileFormat format, FormatByContent(file, options_));
    if (format == FileFormat::kUnknown) {
      if (one)
        return Invalid(
            "{}: its bytes are of no known format; set the format (csv, json, parquet, arrow, "
            "text, images)",
            file.shown);
      warn(fmt::format("{}: of no known format, skipped", file.shown));
      continue;
    }
    groups[format].push_back(file);
  }
  // Notes beside data are not data.
  if (groups.size() > 1 && groups.contains(FileFormat::kText)) {
    for (const InputFile& file : groups[FileFormat::kText])
      warn(fmt::format("{}: text beside other data, skipped; set format=text to read it",
                       file.shown));
    groups.erase(FileFormat::kText);
  }
  return groups;
}

Result<FileSource::Stream> FileSource::MakeStream(FileFormat format, std::vector<InputFile> files,
                                                  const FileList& list,
                                                  const base::Context& context) const {
  ARROW_RETURN_NOT_OK(CheckOptionsFor(format, options_.common));
  Stream stream;
  ARROW_ASSIGN_OR_RAISE(stream.files, cursor_.Select(files, options_.changed, format, context));
  const size_t unchanged = files.size() - stream.files.size();
  stream.info.size = 0;
  for (const InputFile& file : stream.files) stream.info.size += file.size - file.start;
  const bool nothing_new = stream.files.empty();
  if (nothing_new && options_.common.expected_schema) {
    stream.info.schema = options_.common.expected_schema;
    stream.info.report = {{"format", FormatName(format)}, {"files", 0}};
  } else {
    PlanInput input{format, nothing_new ? std::move(files) : stream.files, list.root, &options_};
    ARROW_ASSIGN_OR_RAISE(auto plan, MakePlan(format, input, context));
    stream.info.schema = plan->schema();
    stream.info.report = plan->report();
    if (!nothing_new) stream.plan = std::move(plan);
  }
  stream.info.report["unchanged_files"] = unchanged;
  return stream;
}

Result<std::vector<StreamInfo>> FileSource::Describe(const base::Context& context) {
  streams_.clear();
  ARROW_ASSIGN_OR_RAISE(FileList list, ListFiles(path_, context));
  std::vector<std::string> warnings = list.skipped;
  ARROW_ASSIGN_OR_RAISE(Groups groups, Group(list, &warnings));
  if (groups.empty())
    return Invalid("{}: none of its {} file(s) can be read: {}", path_, list.files.size(),
                   base::Join(warnings, "; ").substr(0, 1000));
  std::vector<StreamInfo> infos;
  const size_t count = groups.size();
  for (auto& [format, files] : groups) {
    ARROW_ASSIGN_OR_RAISE(Stream stream, MakeStream(format, std::move(files), list, context));
    stream.info.name = count == 1 ? list.name : fmt::format("{}_{}", list.name, FormatName(format));
    Json& told = stream.info.report["warnings"];
    if (!told.is_array()) told = Json::array();
    for (const std::string& warning : warnings) told.push_back(warning);
    infos.push_back(stream.info);
    streams_.push_back(std::move(stream));
  }
  return infos;
}

Result<std::unique_ptr<StreamReader>> FileSource::Open(const std::string& stream,
                                                       const base::Context& context) {
  if (streams_.empty()) ARROW_RETURN_NOT_OK(Describe(context).status());
  std::vector<std::string> names;
  for (const Stream& candidate : streams_) {
    names.push_back(candidate.info.name);
    if (candidate.info.name != stream) continue;
    FileCursor cursor = cursor_;
    ARROW_RETURN_NOT_OK(cursor.Note(candidate.files, context));
    std::unique_ptr<BatchReader> reader;
    if (candidate.plan) {
      ARROW_ASSIGN_OR_RAISE(reader, candidate.plan->Open(context));
    }
    return std::make_unique<FileStreamReader>(candidate.info.schema, std::move(reader),
                                              std::move(cursor));
  }
  return base::NotFound("{} has no stream '{}'.{} Streams: {}", path_, stream,
                        base::DidYouMean(stream, names), base::Join(names, ", "));
}

Result<std::unique_ptr<Source>> OpenSource(const std::string& url, const SourceOptions& options) {
  ARROW_ASSIGN_OR_RAISE(std::string path, LocalPath(url));
  ARROW_ASSIGN_OR_RAISE(auto source, FileSource::Make(path, options));
  return std::unique_ptr<Source>(std::move(source));
}

}  // namespace millpond::source
