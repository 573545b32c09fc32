// JsonShape: a SAX handler walks a tree of shapes; no document is ever built.
#include "source/json_shape.h"

#include <arrow/type.h>
#include <fmt/format.h>

#include "base/json.h"

namespace millpond::source {
namespace {

constexpr size_t kDeepest = 32;

/// Walks the tree of shapes along with the parser. Names and signatures are nlohmann's SAX
/// interface.
class Walker {
 public:
  explicit Walker(JsonShape* root) : root_(root) {}

  bool null() {
    return Leaf([](JsonShape* s) { s->AddNull(); });
  }
  bool boolean(bool) {
    return Leaf([](JsonShape* s) { s->AddBoolean(); });
  }
  bool number_integer(int64_t) {
    return Leaf([](JsonShape* s) { s->AddInteger(); });
  }
  bool number_unsigned(uint64_t value) {
    const bool fits = value <= static_cast<uint64_t>(INT64_MAX);
    return Leaf([fits](JsonShape* s) { fits ? s->AddInteger() : s->AddHuge(); });
  }
  bool number_float(double, const std::string& text) {
    const bool whole = text.find_first_of(".eE") == std::string::npos;
    return Leaf([whole](JsonShape* s) { whole ? s->AddHuge() : s->AddDouble(); });
  }
  bool string(std::string& text) {
    return Leaf([&](JsonShape* s) { s->AddString(text); });
  }
  bool binary(base::Json::binary_t&) { return false; }
  bool start_object(size_t) { return Open(true); }
  bool start_array(size_t) { return Open(false); }
  bool end_object() { return Close(); }
  bool end_array() { return Close(); }
  bool key(std::string& name) {
    if (skipping_ == 0) key_ = stack_.back().shape->Child(name);
    return true;
  }
  bool parse_error(size_t, const std::string&, const nlohmann::detail::exception&) { return false; }

 private:
  struct Level {
    JsonShape* shape;
    bool object;
  };

  JsonShape* Here() {
    if (stack_.empty()) return root_;
    return stack_.back().object ? key_ : stack_.back().shape->Element();
  }
  template <class F>
  bool Leaf(const F& add) {
    if (skipping_ == 0) add(Here());
    return true;
  }
  bool Open(bool object) {
    if (skipping_ > 0) {
      ++skipping_;
      return true;
    }
    JsonShape* shape = Here();
    if (stack_.size() >= kDeepest) {
      shape->AddDeep();
      skipping_ = 1;
      return true;
    }
    object ? shape->AddObject() : shape->AddArray();
    stack_.push_back({shape, object});
    return true;
  }
  bool Close() {
    if (skipping_ > 0) {
      --skipping_;
    } else {
      stack_.pop_back();
    }
    return true;
  }

  JsonShape* const root_;
  std::vector<Level> stack_;
  JsonShape* key_ = nullptr;
  size_t skipping_ = 0;
};

}  // namespace

bool JsonShape::AddText(std::string_view text) {
  Walker walker(this);
  return base::Json::sax_parse(text.begin(), text.end(), &walker);
}

void JsonShape::AddString(std::string_view text) {
  static const std::vector<std::string> kNoMarkers;
  ++texts_;
  strings_.Add(text, true, kNoMarkers, '.');
}

JsonShape* JsonShape::Child(const std::string& key) {
  const auto [at, added] = index_.try_emplace(key, children_.size());
  if (added) {
    keys_.push_back(key);
    children_.push_back(std::make_unique<JsonShape>());
  }
  return children_[at->second].get();
}

JsonShape* JsonShape::Element() {
  if (!element_) element_ = std::make_unique<JsonShape>();
  return element_.get();
}

JsonShape::Resolved JsonShape::Resolve(const std::string& path) const {
  const int64_t numbers = integers_ + doubles_ + huge_;
  const int64_t total = booleans_ + numbers + texts_ + objects_ + arrays_ + deep_;
  if (total == 0) return {arrow::utf8(), "no value in the sample", {}};
  if (deep_ > 0)
    return {arrow::utf8(),
            "nested too deeply: kept as JSON text",
            {fmt::format("{}: nested deeper than {} levels: kept as JSON text", path, kDeepest)}};
  if (booleans_ == total) return {arrow::boolean(), "true and false only", {}};
  if (integers_ == total) return {arrow::int64(), "whole numbers", {}};
  if (numbers == total && huge_ > 0) return {arrow::utf8(), "whole numbers beyond 64 bits", {}};
  if (numbers == total) return {arrow::float64(), "numbers", {}};
  if (texts_ == total) {
    const GuessedType guess = strings_.Resolve(0);
    const auto id = guess.type->id();
    if (id == arrow::Type::DATE32 || id == arrow::Type::TIMESTAMP)
      return {guess.type, guess.why, {}};
    return {arrow::utf8(), "text", {}};
  }
  if (arrays_ == total) {
    Resolved element = element_ ? element_->Resolve(path + "[]") : Resolved{arrow::utf8(), "", {}};
    return {arrow::list(element.type), "arrays", std::move(element.conflicts)};
  }
  if (objects_ == total && !children_.empty()) {
    Resolved resolved{nullptr, "objects", {}};
    arrow::FieldVector fields;
    for (size_t i = 0; i < children_.size(); ++i) {
      Resolved child = children_[i]->Resolve(path.empty() ? keys_[i] : path + "." + keys_[i]);
      fields.push_back(arrow::field(keys_[i], child.type));
      resolved.conflicts.insert(resolved.conflicts.end(), child.conflicts.begin(),
                                child.conflicts.end());
    }
    resolved.type = arrow::struct_(std::move(fields));
    return resolved;
  }
  if (objects_ == total) return {arrow::utf8(), "objects without keys: kept as JSON text", {}};
  std::string kinds;
  const auto tell = [&](int64_t count, std::string_view kind) {
    if (count > 0) kinds += fmt::format("{}{} {}", kinds.empty() ? "" : ", ", count, kind);
  };
  tell(booleans_, "booleans");
  tell(numbers, "numbers");
  tell(texts_, "texts");
  tell(arrays_, "arrays");
  tell(objects_, "objects");
  return {arrow::utf8(),
          "values of several kinds: kept as text",
          {fmt::format("{}: values of several kinds ({}): kept as text", path, kinds)}};
}

}  // namespace millpond::source
