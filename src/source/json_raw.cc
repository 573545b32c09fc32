// A cursor over text that is known to be valid JSON.
#include "source/json_raw.h"

#include <utility>

#include "base/json.h"

namespace millpond::source {
namespace {

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

/// Behind the string that begins at `at`.
size_t EndOfString(std::string_view text, size_t at) {
  for (++at; at < text.size() && text[at] != '"'; ++at) {
    if (text[at] == '\\') ++at;
  }
  return at + 1;
}

class Parts {
 public:
  /// `text` is an object or array; its bracket is passed over.
  explicit Parts(std::string_view text) : text_(text), at_(text.find_first_of("{[")) {
    at_ = at_ == std::string_view::npos ? text.size() : at_ + 1;
  }

  /// The next key or value; empty at the end.
  std::string_view Next() {
    while (at_ < text_.size() && (IsSpace(text_[at_]) || text_[at_] == ',' || text_[at_] == ':'))
      ++at_;
    const size_t begin = at_;
    if (begin >= text_.size() || text_[begin] == '}' || text_[begin] == ']') return {};
    int depth = 0;
    do {
      const char c = text_[at_];
      if (c == '"') {
        at_ = EndOfString(text_, at_);
        continue;
      }
      if (depth == 0 && (c == ',' || c == ':' || c == '}' || c == ']' || IsSpace(c))) break;
      depth += c == '{' || c == '[' ? 1 : c == '}' || c == ']' ? -1 : 0;
      ++at_;
    } while (at_ < text_.size());
    return text_.substr(begin, at_ - begin);
  }

 private:
  std::string_view text_;
  size_t at_;
};

}  // namespace

std::map<std::string, std::string_view> RawMembers(std::string_view object) {
  std::map<std::string, std::string_view> members;
  Parts parts(object);
  for (std::string_view key = parts.Next(); key.size() >= 2; key = parts.Next()) {
    std::string name(key.substr(1, key.size() - 2));
    if (name.find('\\') != std::string::npos) {
      const auto decoded = base::Json::parse(key, nullptr, false);
      if (decoded.is_string()) name = decoded.get<std::string>();
    }
    members[std::move(name)] = parts.Next();
  }
  return members;
}

std::vector<std::string_view> RawItems(std::string_view array) {
  std::vector<std::string_view> items;
  Parts parts(array);
  for (std::string_view item = parts.Next(); !item.empty(); item = parts.Next())
    items.push_back(item);
  return items;
}

std::string CompactRaw(std::string_view value) {
  std::string out;
  for (size_t at = 0; at < value.size();) {
    const size_t end = value[at] == '"' ? EndOfString(value, at) : at + 1;
    if (!IsSpace(value[at])) out += value.substr(at, end - at);
    at = end;
  }
  return out;
}

}  // namespace millpond::source
