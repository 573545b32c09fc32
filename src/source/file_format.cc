// Endings in one table, magic numbers in another.
#include "source/file_format.h"

#include <filesystem>
#include <map>

#include "base/text.h"
#include "source/byte_input.h"
#include "source/csv_dialect.h"
#include "source/image_header.h"
#include "source/text_input.h"
#include "source/text_value.h"

namespace millpond::source {
namespace {

constexpr int64_t kSniffBytes = 64 << 10;
constexpr int64_t kMagicBytes = 64;

std::string Ending(const std::string& path) {
  const std::string lower = base::ToLower(path);
  return std::filesystem::path(StripCompression(lower)).extension().string();
}

}  // namespace

FileFormat FormatByName(const std::string& path) {
  static const std::map<std::string, FileFormat> kEndings = {
      {".csv", FileFormat::kCsv},         {".tsv", FileFormat::kCsv},
      {".tab", FileFormat::kCsv},         {".psv", FileFormat::kCsv},
      {".json", FileFormat::kJson},       {".jsonl", FileFormat::kJson},
      {".ndjson", FileFormat::kJson},     {".geojsonl", FileFormat::kJson},
      {".parquet", FileFormat::kParquet}, {".pq", FileFormat::kParquet},
      {".arrow", FileFormat::kArrow},     {".arrows", FileFormat::kArrow},
      {".feather", FileFormat::kArrow},   {".ipc", FileFormat::kArrow},
      {".txt", FileFormat::kText},        {".text", FileFormat::kText},
      {".log", FileFormat::kText},        {".md", FileFormat::kText},
      {".jpg", FileFormat::kImages},      {".jpeg", FileFormat::kImages},
      {".png", FileFormat::kImages},      {".gif", FileFormat::kImages},
      {".webp", FileFormat::kImages},     {".bmp", FileFormat::kImages},
      {".tif", FileFormat::kImages},      {".tiff", FileFormat::kImages}};
  const auto found = kEndings.find(Ending(path));
  return found == kEndings.end() ? FileFormat::kUnknown : found->second;
}

Result<FileFormat> FormatByContent(const InputFile& file, const FileOptions& options) {
  ARROW_ASSIGN_OR_RAISE(Compression compression, DetectCompression(file, options.compression));
  ARROW_ASSIGN_OR_RAISE(auto bytes, OpenBytes(file, compression));
  std::string magic;
  ARROW_RETURN_NOT_OK(bytes->Read(kMagicBytes, &magic));
  if (magic.starts_with("PAR1") || magic.starts_with("PARE")) return FileFormat::kParquet;
  if (magic.starts_with("ARROW1") || magic.starts_with("\xFF\xFF\xFF\xFF"))
    return FileFormat::kArrow;
  if (IsImageMagic(magic)) return FileFormat::kImages;
  ARROW_ASSIGN_OR_RAISE(TextSample sample, SampleText(file, options, kSniffBytes));
  const std::string_view head = sample.head;
  if (head.find('\0') != std::string_view::npos) return FileFormat::kUnknown;
  const std::string_view text = TrimSpace(head);
  if (text.starts_with('{') || text.starts_with("[{") ||
      (text.starts_with('[') && TrimSpace(text.substr(1)).starts_with('{')))
    return FileFormat::kJson;
  const CsvShape shape = DetectCsvShape(head, sample.complete, options);
  return shape.columns > 1 ? FileFormat::kCsv : FileFormat::kText;
}

std::string RefusalByName(const std::string& path) {
  const std::string ending = Ending(path);
  if (ending == ".xlsx" || ending == ".xls" || ending == ".xlsm" || ending == ".ods")
    return fmt::format(
        "{}: spreadsheets are not read directly; save the sheet as CSV, or in Python use "
        "pandas.read_excel and append the frame to the table",
        path);
  if (ending == ".zip" || ending == ".tar" || ending == ".tgz" || ending == ".7z" ||
      ending == ".rar")
    return fmt::format("{}: archives are not read; unpack it and sync the folder", path);
  if (ending == ".avro" || ending == ".orc")
    return fmt::format("{}: {} files are not read; convert it to Parquet", path, ending.substr(1));
  return "";
}

}  // namespace millpond::source
