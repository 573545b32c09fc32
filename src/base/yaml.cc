// Builds a JSON value from yaml-cpp's parse events. This file alone knows yaml-cpp and catches its
// exceptions. Events, not YAML::Node: a node graph keeps duplicate keys and shares aliases, which
// here are copied and bounded.
#include "base/yaml.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <charconv>
#include <cmath>
#include <limits>
#include <sstream>
#include <unordered_map>

#include "base/text.h"

namespace millpond::base {
namespace {

// Aliases may multiply a small text into a huge value; a definition never needs this many nodes.
constexpr size_t kMaxNodes = 1'000'000;
constexpr size_t kMaxDepth = 200;

bool IsOneOf(std::string_view text, std::initializer_list<std::string_view> words) {
  for (std::string_view word : words) {
    if (text == word) return true;
  }
  return false;
}

// Whether `text` is an integer of YAML's core schema; its digits (with a minus sign) and base where
// it is.
bool SplitInteger(std::string_view text, std::string* digits, int* base) {
  std::string_view allowed = "0123456789";
  *base = 10;
  digits->clear();
  if (text.starts_with("0x")) {
    *base = 16;
    allowed = "0123456789abcdefABCDEF";
    text.remove_prefix(2);
  } else if (text.starts_with("0o")) {
    *base = 8;
    allowed = "01234567";
    text.remove_prefix(2);
  } else if (text.starts_with('-') || text.starts_with('+')) {
    if (text.front() == '-') *digits = "-";
    text.remove_prefix(1);
  }
  if (text.empty() || text.find_first_not_of(allowed) != text.npos) return false;
  digits->append(text);
  return true;
}

bool IsFloat(std::string_view text) {
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  size_t whole = std::min(text.find_first_not_of("0123456789"), text.size());
  text.remove_prefix(whole);
  size_t fraction = 0;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    fraction = std::min(text.find_first_not_of("0123456789"), text.size());
    text.remove_prefix(fraction);
  }
  if (whole + fraction == 0) return false;
  if (text.empty()) return true;
  if (text.front() != 'e' && text.front() != 'E') return false;
  text.remove_prefix(1);
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  return !text.empty() && text.find_first_not_of("0123456789") == text.npos;
}

double FloatOf(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  double value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

Result<Json> IntegerOf(const std::string& digits, int base) {
  const char* end = digits.data() + digits.size();
  int64_t number = 0;
  if (std::from_chars(digits.data(), end, number, base).ec == std::errc()) return Json(number);
  uint64_t large = 0;
  if (std::from_chars(digits.data(), end, large, base).ec == std::errc()) return Json(large);
  return Invalid("the integer does not fit 64 bits; quote it to keep it as text");
}

Result<Json> PlainScalar(const std::string& text) {
  if (IsOneOf(text, {"", "~", "null", "Null", "NULL"})) return Json(nullptr);
  if (IsOneOf(text, {"true", "True", "TRUE"})) return Json(true);
  if (IsOneOf(text, {"false", "False", "FALSE"})) return Json(false);
  if (IsOneOf(text, {".nan", ".NaN", ".NAN"})) {
    return Json(std::numeric_limits<double>::quiet_NaN());
  }
  std::string_view unsigned_text(text);
  if (text.front() == '-' || text.front() == '+') unsigned_text.remove_prefix(1);
  if (IsOneOf(unsigned_text, {".inf", ".Inf", ".INF"})) {
    double infinity = std::numeric_limits<double>::infinity();
    return Json(text.front() == '-' ? -infinity : infinity);
  }
  std::string digits;
  int base = 10;
  if (SplitInteger(text, &digits, &base)) return IntegerOf(digits, base);
  if (IsFloat(text)) return Json(FloatOf(text));
  return Json(text);
}

Result<Json> TaggedScalar(const std::string& tag, const std::string& text) {
  if (tag == "?" || tag.empty()) return PlainScalar(text);
  if (tag == "!" || tag == "tag:yaml.org,2002:str") return Json(text);
  ARROW_ASSIGN_OR_RAISE(Json value, PlainScalar(text));
  if (tag == "tag:yaml.org,2002:float" && value.is_number()) return Json(value.get<double>());
  bool fits = (tag == "tag:yaml.org,2002:int" && value.is_number_integer()) ||
              (tag == "tag:yaml.org,2002:bool" && value.is_boolean()) ||
              (tag == "tag:yaml.org,2002:null" && value.is_null());
  if (fits) return value;
  return Invalid("'{}' cannot be read with the tag {}; remove the tag", text, tag);
}

size_t CountNodes(const Json& value) {
  size_t count = 1;
  if (value.is_structured()) {
    for (const Json& item : value) count += CountNodes(item);
  }
  return count;
}

// Names are yaml-cpp's. A problem is thrown as YAML::Exception with its mark and caught in
// ParseYaml.
class Builder : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Add(mark, anchor, Json(nullptr), nullptr);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    auto found = anchors_.find(anchor);
    if (found == anchors_.end()) {
      throw YAML::Exception(mark, "an alias refers to a node that contains it");
    }
    Count(mark, CountNodes(found->second));
    const std::string* text =
        found->second.is_string() ? &found->second.get_ref<const std::string&>() : nullptr;
    Add(mark, 0, Json(found->second), text);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& text) override {
    if (WaitsForKey() && tag == "?" && text == "<<") {
      throw YAML::Exception(mark, "merge keys (<<) are not supported; write the fields out");
    }
    auto value = TaggedScalar(tag, text);
    if (!value.ok()) throw YAML::Exception(mark, value.status().message());
    Add(mark, anchor, *std::move(value), &text);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    Start(mark, tag, anchor, Json::array());
  }
  void OnSequenceEnd() override { End(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    Start(mark, tag, anchor, Json::object());
  }
  void OnMapEnd() override { End(); }

  Json TakeValue() { return std::move(root_); }

 private:
  struct Open {
    Json value;
    std::string key;
    bool has_key = false;
    YAML::anchor_t anchor = 0;
  };

  bool WaitsForKey() const {
    return !open_.empty() && open_.back().value.is_object() && !open_.back().has_key;
  }

  void Count(const YAML::Mark& mark, size_t nodes) {
    nodes_ += nodes;
    if (nodes_ > kMaxNodes) {
      throw YAML::Exception(mark, fmt::format("more than {} values (aliases count as often as "
                                              "they are used)",
                                              kMaxNodes));
    }
  }

  // `text` is the scalar as written, or null for what cannot be a key.
  void Add(const YAML::Mark& mark, YAML::anchor_t anchor, Json value, const std::string* text) {
    Count(mark, 1);
    if (WaitsForKey()) {
      TakeKey(mark, text);
      if (anchor != 0) anchors_[anchor] = *text;
      return;
    }
    if (anchor != 0) anchors_[anchor] = value;
    Place(std::move(value));
  }

  void TakeKey(const YAML::Mark& mark, const std::string* text) {
    if (text == nullptr) throw YAML::Exception(mark, "a key must be text");
    Open& map = open_.back();
    if (map.value.contains(*text)) {
      throw YAML::Exception(mark, fmt::format("duplicate key '{}'", *text));
    }
    map.key = *text;
    map.has_key = true;
  }

  void Place(Json value) {
    if (open_.empty()) {
      root_ = std::move(value);
    } else if (open_.back().value.is_array()) {
      open_.back().value.push_back(std::move(value));
    } else {
      open_.back().value[open_.back().key] = std::move(value);
      open_.back().has_key = false;
    }
  }

  void Start(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, Json value) {
    Count(mark, 1);
    if (WaitsForKey()) throw YAML::Exception(mark, "a key must be text, not a list or a map");
    if (open_.size() >= kMaxDepth) {
      throw YAML::Exception(mark, fmt::format("nested deeper than {} levels", kMaxDepth));
    }
    if (!IsOneOf(tag, {"", "?", "!", "tag:yaml.org,2002:seq", "tag:yaml.org,2002:map"})) {
      throw YAML::Exception(mark, fmt::format("unknown tag {}; remove it", tag));
    }
    open_.push_back({.value = std::move(value), .key = {}, .has_key = false, .anchor = anchor});
  }

  void End() {
    Open closed = std::move(open_.back());
    open_.pop_back();
    if (closed.anchor != 0) anchors_[closed.anchor] = closed.value;
    Place(std::move(closed.value));
  }

  Json root_;
  std::vector<Open> open_;
  std::unordered_map<YAML::anchor_t, Json> anchors_;
  size_t nodes_ = 0;
};

// yaml-cpp takes byte 4 for the end of its input and lets other control characters through.
Status CheckBytes(std::string_view text, std::string_view origin) {
  if (!IsValidUtf8(text)) return Invalid("{}: not valid UTF-8; save the file as UTF-8", origin);
  size_t line = 1;
  for (char c : text) {
    if (c == '\n') ++line;
    bool allowed = static_cast<unsigned char>(c) >= 0x20 || c == '\t' || c == '\n' || c == '\r';
    if (!allowed || c == 0x7F) {
      return Invalid("{}: line {}: control character {:#04x}; remove it", origin, line,
                     static_cast<unsigned char>(c));
    }
  }
  return Status::OK();
}

}  // namespace

Result<Json> ParseYaml(std::string_view text, std::string_view origin) {
  ARROW_RETURN_NOT_OK(CheckBytes(text, origin));
  // JSON is YAML, but yaml-cpp refuses the surrogate pairs of JSON's escapes.
  if (std::string_view body = Trim(text); body.starts_with('{') || body.starts_with('[')) {
    if (auto json = ParseJson(text, origin); json.ok()) return json;
  }
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    Builder builder;
    if (!parser.HandleNextDocument(builder)) return Json(nullptr);
    Json value = builder.TakeValue();
    if (Builder second; parser.HandleNextDocument(second)) {
      return Invalid("{}: holds several YAML documents; keep one", origin);
    }
    return value;
  } catch (const YAML::Exception& error) {
    if (error.mark.is_null()) return Invalid("{}: {}", origin, error.msg);
    return Invalid("{}: line {}, column {}: {}", origin, error.mark.line + 1, error.mark.column + 1,
                   error.msg);
  } catch (const std::exception& error) {
    return Invalid("{}: not readable as YAML: {}", origin, error.what());
  }
}

}  // namespace millpond::base
