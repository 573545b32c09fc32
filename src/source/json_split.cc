// A scanner that knows only strings, braces and separators: enough to find the ends of objects
// without parsing them.
#include "source/json_split.h"

#include <algorithm>

#include "source/text_value.h"

namespace millpond::source {
namespace {

bool IsSeparator(char c) { return IsSpace(c) || c == ',' || c == '[' || c == ']'; }

/// The offset after the string that opens at `at`, or npos.
size_t EndOfString(std::string_view text, size_t at) {
  for (++at; at < text.size(); ++at) {
    if (text[at] == '\\') {
      ++at;
    } else if (text[at] == '"') {
      return at + 1;
    }
  }
  return std::string_view::npos;
}

/// The offset after the value that begins at `at`, or npos where its end has not been seen. Only
/// braces count as nesting: an object ends where its braces balance, whatever stands between them.
size_t EndOfValue(std::string_view text, size_t at) {
  if (text[at] == '"') return EndOfString(text, at);
  if (text[at] != '{') {
    while (at < text.size() && !IsSeparator(text[at]) && text[at] != '{' && text[at] != '"') ++at;
    return at < text.size() ? at : std::string_view::npos;
  }
  int64_t depth = 0;
  while (at < text.size()) {
    const char c = text[at];
    if (c == '"') {
      at = EndOfString(text, at);
      if (at == std::string_view::npos) return at;
      continue;
    }
    if (c == '{') ++depth;
    if (c == '}' && --depth == 0) return at + 1;
    ++at;
  }
  return std::string_view::npos;
}

class LinesCutter : public RowCutter {
 public:
  RowEnd Cut(std::string* text) override {
    const size_t end = text->rfind('\n');
    return {end == std::string::npos ? 0 : end + 1, false};
  }
};

class ValuesCutter : public RowCutter {
 public:
  RowEnd Cut(std::string* text) override {
    RowEnd end;
    size_t at = 0;
    while (true) {
      for (; at < text->size() && IsSeparator((*text)[at]); ++at) {
        char& c = (*text)[at];
        if (c == '[') ++open_arrays_;
        if (c == ']') --open_arrays_;
        if (c == '[' || c == ']' || c == ',') c = ' ';
      }
      if (at == text->size()) return end;
      at = EndOfValue(*text, at);
      if (at == std::string_view::npos) return end;
      end.complete = at;
    }
  }
  bool resumes_at_lines() const override { return false; }
  std::string UnfinishedReason() const override { return "the file ends inside this value"; }
  std::string EndReason() const override {
    return open_arrays_ > 0 ? "the array is not closed: the file is truncated" : "";
  }

 private:
  int64_t open_arrays_ = 0;
};

}  // namespace

JsonLayout DetectJsonLayout(std::string_view head, bool complete) {
  const std::string_view text = TrimSpace(head);
  if (text.starts_with('[')) return JsonLayout::kValues;
  if (!text.starts_with('{')) return JsonLayout::kLines;
  const size_t line = text.find('\n');
  const std::string_view first = text.substr(0, line);
  const size_t end = EndOfValue(first, 0);
  if (line == std::string_view::npos && !complete) return JsonLayout::kLines;
  const bool whole = end != std::string_view::npos && TrimSpace(first.substr(end)).empty();
  if (whole) return JsonLayout::kLines;
  // A first line that is broken in a file of lines: the next lines tell.
  const std::string_view rest = line == std::string_view::npos ? "" : TrimSpace(text.substr(line));
  return rest.starts_with('{') ? JsonLayout::kLines : JsonLayout::kValues;
}

std::vector<std::string_view> SplitJson(std::string_view text, JsonLayout layout) {
  std::vector<std::string_view> values;
  size_t at = 0;
  while (at < text.size()) {
    if (layout == JsonLayout::kLines) {
      const size_t end = std::min(text.find('\n', at), text.size());
      const std::string_view line = TrimSpace(text.substr(at, end - at));
      if (!line.empty()) values.push_back(line);
      at = end + 1;
      continue;
    }
    while (at < text.size() && IsSeparator(text[at])) ++at;
    if (at == text.size()) break;
    const size_t end = std::min(EndOfValue(text, at), text.size());
    values.push_back(text.substr(at, end - at));
    at = end;
  }
  return values;
}

bool IsDeep(std::string_view text, JsonLayout layout, int limit) {
  int depth = 0;
  for (size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '"') {
      const size_t end = EndOfString(text, at);
      if (end == std::string_view::npos) return false;  // A parser stops here, too.
      at = end - 1;
    } else if (c == '{' || c == '[') {
      if (++depth > limit) return true;
    } else if (c == '}' || c == ']') {
      depth = std::max(0, depth - 1);
    } else if (c == '\n' && layout == JsonLayout::kLines) {
      depth = 0;
    }
  }
  return false;
}

std::unique_ptr<RowCutter> MakeJsonCutter(JsonLayout layout) {
  if (layout == JsonLayout::kLines) return std::make_unique<LinesCutter>();
  return std::make_unique<ValuesCutter>();
}

}  // namespace millpond::source
