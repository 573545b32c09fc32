// Guesses the type of a text column from samples of its values. Guesses of several files are merged
// by addition, so that a column's type does not depend on the order of the files. Used by csv_plan
// and json_shape; not thread safe.
#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace millpond::source {

/// What "missing" looks like where the caller names nothing else. Applies to every type but string,
/// where only an empty unquoted value is null.
const std::vector<std::string>& DefaultNullMarkers();

/// The outcome of a guess.
struct GuessedType {
  std::shared_ptr<arrow::DataType> type;
  std::string why;  ///< "all 900 sampled values are whole numbers"
  std::string
      extra_null_marker;  ///< "?" where the column is numbers but for this marker; else empty.
};

class ValueGuess {
 public:
  /// `null_markers` replaces the default ones where it is not null; `decimal_point` is '.' or ','.
  void Add(std::string_view text, bool quoted, const std::vector<std::string>& null_markers,
           char decimal_point);

  /// Adds what another guess saw.
  void Merge(const ValueGuess& other);

  /// The narrowest type that holds all but a share of `tolerance` of the values.
  GuessedType Resolve(double tolerance) const;

  int64_t nulls() const { return nulls_; }
  int64_t values() const;
  const std::vector<std::string>& samples() const { return samples_; }

 private:
  enum Kind { kBoolean, kInteger, kPadded, kBig, kDouble, kDate, kTime, kZoned, kText, kKinds };
  static Kind Classify(std::string_view text, char decimal_point);
  GuessedType ResolveAmong(const int64_t (&counts)[kKinds], int64_t total) const;

  int64_t nulls_ = 0;
  int64_t counts_[kKinds] = {};
  std::map<std::string, int64_t, std::less<>> markers_;  ///< "?", "-" and the like.
  std::string odd_;                                      ///< The first value that is only text.
  std::vector<std::string> samples_;
};

}  // namespace millpond::source
