// Result columns of fixed width: numbers, decimals, dates, times. A Convert turns DuckDB's value
// into Arrow's or fails. Used by column_output.cc only.
#pragma once

#include <arrow/util/decimal.h>

#include <array>
#include <cstring>
#include <limits>
#include <type_traits>
#include <utility>

#include "query/column_output.h"

namespace millpond::query {

/// The same bytes in both; copied in one go.
template <class T>
struct Same {
  using Source = T;
  using Target = T;
};

/// A wider integer.
template <class S, class T>
struct Widen {
  using Source = S;
  using Target = T;
  static bool Apply(S from, T* to) {
    *to = from;
    return true;
  }
};

/// DuckDB's integer of a decimal (or an unsigned one) as a 128-bit decimal.
template <class S>
struct ToDecimal {
  using Source = S;
  using Target = std::array<uint64_t, 2>;
  static bool Apply(S from, Target* to) {
    const bool negative = std::is_signed_v<S> && from < 0;
    *to = {static_cast<uint64_t>(from), negative ? ~0ULL : 0ULL};
    return true;
  }
};

/// A 128-bit integer where it has at most 38 digits; `Huge` is duckdb_hugeint or duckdb_uhugeint.
template <class Huge>
struct HugeToDecimal {
  using Source = Huge;
  using Target = std::array<uint64_t, 2>;
  static bool Apply(Huge from, Target* to) {
    *to = {from.lower, static_cast<uint64_t>(from.upper)};
    if (std::is_same_v<Huge, duckdb_uhugeint> && static_cast<int64_t>(from.upper) < 0) return false;
    return arrow::Decimal128(static_cast<int64_t>(from.upper), from.lower).FitsInPrecision(38);
  }
};

/// Time of day in `Divide`ths of a microsecond; Arrow's days have no 24:00:00.
template <int64_t Divide>
struct ToTimeOfDay {
  using Source = int64_t;
  using Target = int64_t;
  static bool Apply(int64_t from, int64_t* to) {
    *to = from / Divide;
    return *to < 24 * 60 * 60 * int64_t{1000000};
  }
};

/// Time in units of `Multiply` microseconds; DuckDB's infinities stay what they are.
template <int64_t Multiply>
struct ToMicros {
  using Source = int64_t;
  using Target = int64_t;
  static bool Apply(int64_t from, int64_t* to) {
    constexpr int64_t kInfinity = std::numeric_limits<int64_t>::max();
    if (from == kInfinity || from == -kInfinity) {
      *to = from;
      return true;
    }
    return !__builtin_mul_overflow(from, Multiply, to);
  }
};

/// Nanoseconds, rounded down.
struct NanosToMicros {
  using Source = int64_t;
  using Target = int64_t;
  static bool Apply(int64_t from, int64_t* to) {
    constexpr int64_t kInfinity = std::numeric_limits<int64_t>::max();
    const bool infinite = from == kInfinity || from == -kInfinity;
    *to = infinite ? from : from / 1000 - (from % 1000 < 0 ? 1 : 0);
    return true;
  }
};

struct ToMonthDayNano {
  using Source = duckdb_interval;
  struct Target {
    int32_t months, days;
    int64_t nanos;
  };
  static bool Apply(const duckdb_interval& from, Target* to) {
    to->months = from.months;
    to->days = from.days;
    return !__builtin_mul_overflow(from.micros, int64_t{1000}, &to->nanos);
  }
};

template <class Convert>
class FixedColumn final : public ColumnOutput {
 public:
  using Source = typename Convert::Source;
  using Target = typename Convert::Target;
  using ColumnOutput::ColumnOutput;

  int64_t width() const override { return sizeof(Target); }

  Status Append(duckdb_vector vector, int64_t offset, int64_t count) override {
    const auto* from = static_cast<const Source*>(duckdb_vector_get_data(vector)) + offset;
    const uint64_t* validity = duckdb_vector_get_validity(vector);
    ARROW_RETURN_NOT_OK(AppendValidity(validity, offset, count));
    ARROW_RETURN_NOT_OK(values_.Reserve(count * static_cast<int64_t>(sizeof(Target))));
    auto* to = reinterpret_cast<Target*>(values_.mutable_data() + values_.length());
    values_.UnsafeAdvance(count * static_cast<int64_t>(sizeof(Target)));
    if constexpr (std::is_same_v<Convert, Same<Source>>) {
      std::memcpy(to, from, static_cast<size_t>(count) * sizeof(Target));
    }
    return Fill(from, to, validity, offset, count);
  }

  Result<std::shared_ptr<arrow::ArrayData>> Finish() override {
    ARROW_ASSIGN_OR_RAISE(auto values, values_.Finish());
    return FinishWith({std::move(values)});
  }

 private:
  // Converts each valid value; zeroes what is null.
  Status Fill(const Source* from, Target* to, const uint64_t* validity, int64_t offset,
              int64_t count) {
    constexpr bool kCopied = std::is_same_v<Convert, Same<Source>>;
    if (kCopied && validity == nullptr) return Status::OK();
    for (int64_t i = 0; i < count; ++i) {
      if (!IsValid(validity, offset + i)) {
        to[i] = Target{};
        continue;
      }
      if constexpr (!kCopied) {
        if (!Convert::Apply(from[i], &to[i])) {
          return base::Invalid("a value is out of the range of {}: cast the column in the query",
                               type_->ToString());
        }
      }
    }
    return Status::OK();
  }

  arrow::BufferBuilder values_;
};

}  // namespace millpond::query
