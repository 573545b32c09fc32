// ParseJson is a SAX handler over nlohmann's parser that builds the value itself, because the
// library's own builder keeps the last of two equal keys and has no limit of depth.
#include "base/json.h"

#include <algorithm>
#include <iterator>
#include <limits>

#include "base/text.h"

namespace millpond::base {
namespace {

constexpr size_t kMaxDepth = 512;

// Reads bytes for the parser and tells how far it has come, which the SAX events do not.
class CountingIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  CountingIterator(const char* at, const char** furthest) : at_(at), furthest_(furthest) {}
  reference operator*() const { return *at_; }
  CountingIterator& operator++() {
    *furthest_ = ++at_;
    return *this;
  }
  CountingIterator operator++(int) {
    CountingIterator before = *this;
    ++*this;
    return before;
  }
  bool operator==(const CountingIterator& other) const { return at_ == other.at_; }
  bool operator!=(const CountingIterator& other) const { return at_ != other.at_; }

 private:
  const char* at_;
  const char** furthest_;
};

// Names and signatures are nlohmann's SAX interface.
class Builder {
 public:
  explicit Builder(const char* const* position) : position_(position) {}

  bool null() { return Add(nullptr); }
  bool boolean(bool value) { return Add(value); }
  bool number_integer(int64_t value) { return Add(value); }
  bool number_unsigned(uint64_t value) { return Add(value); }
  bool number_float(double value, const std::string&) { return Add(value); }
  bool string(std::string& value) { return Add(std::move(value)); }
  bool binary(Json::binary_t&) { return Fail("binary value"); }
  bool start_object(size_t) { return Start(Json::object()); }
  bool start_array(size_t) { return Start(Json::array()); }
  bool end_object() { return End(); }
  bool end_array() { return End(); }
  bool key(std::string& name) {
    auto [entry, inserted] = open_.back()->get_ref<Json::object_t&>().try_emplace(name);
    if (!inserted) return Fail(fmt::format("duplicate key '{}'", name));
    slot_ = &entry->second;
    return true;
  }
  bool parse_error(size_t, const std::string&, const Json::exception& error) {
    // nlohmann: "[json.exception.parse_error.101] parse error at line 1, column 2: syntax error
    // while …".
    std::string_view text = error.what();
    if (size_t bracket = text.find("] "); bracket != text.npos) text.remove_prefix(bracket + 2);
    if (size_t colon = text.find(": ");
        text.starts_with("parse error at line") && colon != text.npos) {
      text.remove_prefix(colon + 2);
    }
    return Fail(std::string(text));
  }

  Json TakeValue() { return std::move(root_); }
  const std::string& problem() const { return problem_; }
  const char* problem_position() const { return problem_position_; }

 private:
  bool Fail(std::string problem) {
    problem_ = std::move(problem);
    problem_position_ = *position_;
    return false;
  }

  // Puts a value where the document is: under the last key, at an array's end, or as the whole.
  Json* Place(Json value) {
    if (open_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    if (open_.back()->is_array()) {
      auto& items = open_.back()->get_ref<Json::array_t&>();
      items.push_back(std::move(value));
      return &items.back();
    }
    *slot_ = std::move(value);
    return slot_;
  }
  template <class T>
  bool Add(T&& value) {
    Place(Json(std::forward<T>(value)));
    return true;
  }
  bool Start(Json container) {
    if (open_.size() >= kMaxDepth) {
      return Fail(fmt::format("nested deeper than {} levels", kMaxDepth));
    }
    open_.push_back(Place(std::move(container)));
    return true;
  }
  bool End() {
    open_.pop_back();
    return true;
  }

  const char* const* position_;
  Json root_;
  std::vector<Json*> open_;
  Json* slot_ = nullptr;
  std::string problem_;
  const char* problem_position_ = nullptr;
};

const Json* Member(const Json& object, const char* key) {
  if (!object.is_object()) return nullptr;
  auto found = object.find(key);
  return found == object.end() ? nullptr : &*found;
}

Status WrongType(std::string_view origin, const char* key, std::string_view wanted,
                 const Json* found) {
  if (found == nullptr) return Corrupt("{}: '{}' is missing; expected {}", origin, key, wanted);
  return Corrupt("{}: '{}' is {}; expected {}", origin, key, found->type_name(), wanted);
}

Result<int64_t> AsInt(const Json* value, const char* key, std::string_view origin) {
  if (value == nullptr || !value->is_number_integer()) {
    return WrongType(origin, key, "an integer", value);
  }
  if (value->is_number_unsigned() &&
      value->get<uint64_t>() > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
    return Corrupt("{}: '{}' is {}, beyond 64 bits", origin, key, value->get<uint64_t>());
  }
  return value->get<int64_t>();
}

Result<std::string> AsString(const Json* value, const char* key, std::string_view origin) {
  if (value == nullptr || !value->is_string()) return WrongType(origin, key, "a string", value);
  return value->get<std::string>();
}

}  // namespace

Result<Json> ParseJson(std::string_view text, std::string_view origin) {
  // nlohmann takes a NUL for the end of its input.
  if (size_t nul = text.find('\0'); nul != text.npos) {
    return Invalid("{}: byte {} is NUL, which JSON never holds", origin, nul);
  }
  const char* begin = text.data();
  const char* end = begin + text.size();
  const char* position = begin;
  Builder builder(&position);
  if (Json::sax_parse(CountingIterator(begin, &position), CountingIterator(end, &position),
                      &builder)) {
    return builder.TakeValue();
  }
  const char* at = std::min(builder.problem_position(), end);
  std::string_view before = text.substr(0, static_cast<size_t>(at - begin));
  size_t line_start = before.rfind('\n') + 1;  // npos + 1 is 0: the first line.
  return Invalid("{}: line {}, column {}: {}", origin,
                 std::count(before.begin(), before.end(), '\n') + 1,
                 std::max<size_t>(1, before.size() - line_start), builder.problem());
}

std::string CanonicalJson(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<int64_t> GetInt(const Json& object, const char* key, std::string_view origin) {
  return AsInt(Member(object, key), key, origin);
}

Result<std::string> GetString(const Json& object, const char* key, std::string_view origin) {
  return AsString(Member(object, key), key, origin);
}

Result<const Json*> GetArray(const Json& object, const char* key, std::string_view origin) {
  const Json* value = Member(object, key);
  if (value == nullptr || !value->is_array()) return WrongType(origin, key, "an array", value);
  return value;
}

Result<const Json*> GetObject(const Json& object, const char* key, std::string_view origin) {
  const Json* value = Member(object, key);
  if (value == nullptr || !value->is_object()) return WrongType(origin, key, "an object", value);
  return value;
}

Result<std::optional<int64_t>> FindInt(const Json& object, const char* key,
                                       std::string_view origin) {
  const Json* value = Member(object, key);
  if (value == nullptr || value->is_null()) return std::nullopt;
  ARROW_ASSIGN_OR_RAISE(int64_t number, AsInt(value, key, origin));
  return number;
}

Result<std::optional<std::string>> FindString(const Json& object, const char* key,
                                              std::string_view origin) {
  const Json* value = Member(object, key);
  if (value == nullptr || value->is_null()) return std::nullopt;
  ARROW_ASSIGN_OR_RAISE(std::string text, AsString(value, key, origin));
  return text;
}

}  // namespace millpond::base
