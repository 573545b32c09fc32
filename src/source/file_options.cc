// One table row per option: its name, its formats, what it may be, and how it is stored.
#include "source/file_options.h"

#include <charconv>

#include "base/config.h"
#include "base/text.h"
#include "source/text_value.h"

namespace millpond::source {
namespace {

using base::Invalid;

constexpr int64_t kLargestRow = 512LL << 20;

bool ReadFlag(const std::string& text, bool* out) {
  const std::string word = base::ToLower(text);
  *out = word == "true" || word == "yes" || word == "1" || word == "on";
  return *out || word == "false" || word == "no" || word == "0" || word == "off";
}

/// One byte, by itself or by name; "none" is 0 where `may_be_none`.
bool ReadChar(const std::string& text, bool may_be_none, std::optional<char>* out) {
  static const std::map<std::string, char> kNames = {
      {"tab", '\t'},  {"\\t", '\t'},  {"comma", ','},       {"semicolon", ';'}, {"pipe", '|'},
      {"space", ' '}, {"quote", '"'}, {"apostrophe", '\''}, {"backslash", '\\'}};
  if (may_be_none && (text.empty() || text == "none")) {
    *out = '\0';
    return true;
  }
  if (const auto named = kNames.find(text); named != kNames.end()) {
    *out = named->second;
    return true;
  }
  if (text.size() != 1 || text[0] == '\n' || text[0] == '\r' || text[0] == '\0' ||
      (text[0] & 0x80) != 0)
    return false;
  *out = text[0];
  return true;
}

bool ReadBytes(const std::string& text, int64_t least, int64_t most, int64_t* out) {
  const auto bytes = base::ParseBytes(text);
  if (!bytes.ok() || *bytes < least || *bytes > most) return false;
  *out = *bytes;
  return true;
}

bool ReadCount(const std::string& text, std::optional<int64_t>* out) {
  int64_t count = 0;
  if (!ParseInt64(text.data(), text.size(), &count) || count < 0 || count > 1000000) return false;
  *out = count;
  return true;
}

bool ReadShare(const std::string& text, double* out) {
  return ParseDouble(text.data(), text.size(), '.', out) && *out >= 0 && *out < 0.5;
}

bool ReadChoice(const std::string& text, std::string_view yes, std::string_view no, bool* out) {
  *out = text == yes;
  return *out || text == no;
}

struct OptionRow {
  std::string name;
  std::string formats;  ///< Names of the formats that have it, "any" for all.
  std::string values;
  std::function<bool(const std::string&, FileOptions*)> read;
};

// clang-format off
const std::vector<OptionRow>& Rows() {
  using O = FileOptions*;
  using T = const std::string&;
  static const std::vector<OptionRow> kRows = {
      {"changed", "any", "refuse, reload or append", [](T t, O o) {
         o->changed = t == "reload" ? Changed::kReload : t == "append" ? Changed::kAppend : Changed::kRefuse;
         return t == "refuse" || t == "reload" || t == "append"; }},
      {"compression", "csv json text", "none, gzip or zstd", [](T t, O o) { o->compression = t; return t == "none" || t == "gzip" || t == "zstd"; }},
      {"sample_bytes", "csv json", "64KiB to 256MiB", [](T t, O o) { return ReadBytes(t, 64 << 10, 256 << 20, &o->sample_bytes); }},
      {"max_row_bytes", "csv json text", "64KiB to 512MiB", [](T t, O o) { return ReadBytes(t, 64 << 10, kLargestRow, &o->max_row_bytes); }},
      {"encoding", "csv json text", "utf-8, utf-16le, utf-16be, latin-1, windows-1252 or another name that iconv knows", [](T t, O o) { o->encoding = t; return !t.empty(); }},
      {"delimiter", "csv", "one character, or tab, comma, semicolon, pipe, space", [](T t, O o) { return ReadChar(t, false, &o->delimiter) && *o->delimiter != '"'; }},
      {"quote", "csv", "one character, or none", [](T t, O o) { return ReadChar(t, true, &o->quote); }},
      {"escape", "csv", "one character, or none", [](T t, O o) { return ReadChar(t, true, &o->escape); }},
      {"header", "csv", "true or false", [](T t, O o) { bool flag = false; const bool ok = ReadFlag(t, &flag); o->header = flag; return ok; }},
      {"names", "csv", "column names with commas between them", [](T t, O o) { o->names = base::Split(t, ','); return !t.empty(); }},
      {"null_values", "csv", "texts with commas between them", [](T t, O o) { o->null_values = base::Split(t, ','); return true; }},
      {"skip_rows", "csv", "a number of lines", [](T t, O o) { return ReadCount(t, &o->skip_rows); }},
      {"trim", "csv", "true or false", [](T t, O o) { return ReadFlag(t, &o->trim); }},
      {"ragged", "csv", "reject or fill", [](T t, O o) { return ReadChoice(t, "fill", "reject", &o->fill_ragged); }},
      {"decimal_point", "csv", "point or comma", [](T t, O o) { bool comma = false; const bool ok = ReadChoice(t, "comma", "point", &comma) || ReadChoice(t, ",", ".", &comma); o->decimal_point = comma ? ',' : '.'; return ok; }},
      {"type_tolerance", "csv", "a share from 0 to below 0.5", [](T t, O o) { return ReadShare(t, &o->type_tolerance); }},
      {"unknown_keys", "json", "reject or ignore", [](T t, O o) { return ReadChoice(t, "ignore", "reject", &o->ignore_unknown_keys); }},
      {"truncate_ns", "parquet arrow", "true or false", [](T t, O o) { return ReadFlag(t, &o->truncate_ns); }},
      {"time_as", "parquet arrow", "string or refuse", [](T t, O o) { return ReadChoice(t, "string", "refuse", &o->time_as_string); }},
      {"rows", "text", "line or file", [](T t, O o) { return ReadChoice(t, "file", "line", &o->whole_files); }},
  };
  return kRows;
}
// clang-format on

const OptionRow* FindRow(const std::string& name) {
  for (const OptionRow& row : Rows())
    if (row.name == name) return &row;
  return nullptr;
}

Result<FileFormat> ParseFormat(const std::string& name) {
  static const std::map<std::string, FileFormat> kFormats = {
      {"", FileFormat::kUnknown},        {"csv", FileFormat::kCsv},
      {"tsv", FileFormat::kCsv},         {"json", FileFormat::kJson},
      {"jsonl", FileFormat::kJson},      {"ndjson", FileFormat::kJson},
      {"parquet", FileFormat::kParquet}, {"arrow", FileFormat::kArrow},
      {"ipc", FileFormat::kArrow},       {"feather", FileFormat::kArrow},
      {"text", FileFormat::kText},       {"images", FileFormat::kImages}};
  const auto found = kFormats.find(base::ToLower(name));
  if (found != kFormats.end()) return found->second;
  std::vector<std::string> known;
  for (const auto& [word, format] : kFormats)
    if (!word.empty()) known.push_back(word);
  return Invalid("format '{}' is not known.{} Known formats: {}", name,
                 base::DidYouMean(name, known), base::Join(known, ", "));
}

}  // namespace

std::string_view FormatName(FileFormat format) {
  switch (format) {
    case FileFormat::kCsv:
      return "csv";
    case FileFormat::kJson:
      return "json";
    case FileFormat::kParquet:
      return "parquet";
    case FileFormat::kArrow:
      return "arrow";
    case FileFormat::kText:
      return "text";
    case FileFormat::kImages:
      return "images";
    case FileFormat::kUnknown:
      break;
  }
  return "unknown";
}

Result<FileOptions> ParseFileOptions(const SourceOptions& options) {
  FileOptions parsed;
  parsed.common = options;
  ARROW_ASSIGN_OR_RAISE(parsed.format, ParseFormat(options.format));
  if (base::ToLower(options.format) == "tsv") parsed.delimiter = '\t';
  for (const auto& [name, value] : options.format_options) {
    const OptionRow* row = FindRow(name);
    if (row == nullptr) {
      std::vector<std::string> known;
      for (const OptionRow& other : Rows()) known.push_back(other.name);
      return Invalid("file sources have no option '{}'.{} Options: {}", name,
                     base::DidYouMean(name, known), base::Join(known, ", "));
    }
    if (!row->read(value, &parsed))
      return Invalid("option {}={}: expected {}", name, value, row->values);
  }
  if (parsed.escape && parsed.quote && *parsed.escape == *parsed.quote) parsed.escape = '\0';
  if (parsed.delimiter && parsed.quote && *parsed.delimiter == *parsed.quote)
    return Invalid("delimiter and quote are both '{}': they must differ", *parsed.quote);
  return parsed;
}

Status CheckOptionsFor(FileFormat format, const SourceOptions& options) {
  for (const auto& [name, value] : options.format_options) {
    const OptionRow* row = FindRow(name);
    if (row == nullptr || row->formats == "any") continue;
    const std::vector<std::string> formats = base::Split(row->formats, ' ');
    bool fits = false;
    for (const std::string& word : formats) fits = fits || word == FormatName(format);
    if (!fits)
      return Invalid("option '{}' belongs to {}, but the files are read as {}", name,
                     base::Join(formats, ", "), FormatName(format));
  }
  return Status::OK();
}

}  // namespace millpond::source
