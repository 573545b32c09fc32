// The shape of JSON rows, gathered from samples: which keys there are, in which order, and of which
// kinds their values are. Resolves to an Arrow type. Used by json_plan; not thread safe.
#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "source/value_guess.h"

namespace millpond::source {

class JsonShape {
 public:
  /// Adds one value; text that does not parse changes nothing that matters and returns false.
  bool AddText(std::string_view text);

  void AddNull() { ++nulls_; }
  void AddBoolean() { ++booleans_; }
  void AddInteger() { ++integers_; }
  void AddDouble() { ++doubles_; }
  /// A whole number beyond 64 bits: only text keeps its digits.
  void AddHuge() { ++huge_; }
  void AddString(std::string_view text);
  void AddObject() { ++objects_; }
  void AddArray() { ++arrays_; }
  /// Too deeply nested to be a type: kept as JSON text.
  void AddDeep() { ++deep_; }

  JsonShape* Child(const std::string& key);
  JsonShape* Element();

  struct Resolved {
    std::shared_ptr<arrow::DataType> type;
    std::string why;
    std::vector<std::string> conflicts;  ///< "address.zip: 3 numbers and 2 texts: kept as text"
  };
  /// `path` names this value in conflicts.
  Resolved Resolve(const std::string& path) const;

  /// Keys of the objects seen, in order of first appearance.
  const std::vector<std::string>& keys() const { return keys_; }
  const JsonShape& child(size_t index) const { return *children_[index]; }
  int64_t objects() const { return objects_; }
  int64_t nulls() const { return nulls_; }
  const std::vector<std::string>& samples() const { return strings_.samples(); }

 private:
  int64_t nulls_ = 0, booleans_ = 0, integers_ = 0, doubles_ = 0, huge_ = 0, texts_ = 0,
          objects_ = 0, arrays_ = 0, deep_ = 0;
  ValueGuess strings_;
  std::vector<std::string> keys_;
  std::vector<std::unique_ptr<JsonShape>> children_;
  std::unordered_map<std::string, size_t> index_;
  std::unique_ptr<JsonShape> element_;
};

}  // namespace millpond::source
