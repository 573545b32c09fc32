// Type guessing by counting what each sampled value could be.
#include "source/value_guess.h"

#include <arrow/type.h>
#include <fmt/format.h>

#include <algorithm>

#include "source/text_value.h"

namespace millpond::source {
namespace {

constexpr size_t kSamplesKept = 3;
constexpr size_t kSampleLength = 80;

// Marks that people type for "missing" but that may also be honest text: they count as null only in
// a column whose other values are all numbers or times.
constexpr std::string_view kSoftMarkers[] = {"?", "-", "--", ".", "\\N", "*", "na", "none"};

bool AllDigits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), IsDigit);
}

std::string Shorten(std::string_view text) {
  if (text.size() <= kSampleLength) return std::string(text);
  size_t cut = kSampleLength;
  while (cut > 0 && (text[cut] & 0xC0) == 0x80) --cut;
  return std::string(text.substr(0, cut)) + "…";
}

}  // namespace

const std::vector<std::string>& DefaultNullMarkers() {
  static const std::vector<std::string> kMarkers = {"",    "NA",   "N/A",  "n/a",  "#N/A", "NaN",
                                                    "nan", "NULL", "null", "None", "-NaN", "-nan"};
  return kMarkers;
}

ValueGuess::Kind ValueGuess::Classify(std::string_view text, char decimal_point) {
  bool boolean = false;
  if (ParseBoolean(text.data(), text.size(), &boolean)) return kBoolean;
  std::string_view digits = text;
  if (digits.front() == '-' || digits.front() == '+') digits.remove_prefix(1);
  if (AllDigits(digits)) {
    if (digits.size() > 1 && digits.front() == '0') return kPadded;
    int64_t integer = 0;
    return ParseInt64(text.data(), text.size(), &integer) ? kInteger : kBig;
  }
  int32_t days = 0;
  if (ParseDate(text.data(), text.size(), &days)) return kDate;
  int64_t micros = 0;
  bool zoned = false;
  if (ParseTimestamp(text.data(), text.size(), &micros, &zoned)) return zoned ? kZoned : kTime;
  double number = 0;
  if (ParseDouble(text.data(), text.size(), decimal_point, &number)) return kDouble;
  return kText;
}

void ValueGuess::Add(std::string_view text, bool quoted,
                     const std::vector<std::string>& null_markers, char decimal_point) {
  const std::string_view trimmed = TrimSpace(text);
  if (trimmed.empty() && !quoted) {
    ++nulls_;
    return;
  }
  if (std::find(null_markers.begin(), null_markers.end(), trimmed) != null_markers.end()) {
    ++nulls_;
    return;
  }
  if (samples_.size() < kSamplesKept) samples_.push_back(Shorten(trimmed));
  if (std::find(std::begin(kSoftMarkers), std::end(kSoftMarkers), trimmed) !=
      std::end(kSoftMarkers)) {
    ++markers_[std::string(trimmed)];
    return;
  }
  const Kind kind = trimmed.empty() ? kText : Classify(trimmed, decimal_point);
  ++counts_[kind];
  if (kind == kText && odd_.empty()) odd_ = Shorten(trimmed);
}

void ValueGuess::Merge(const ValueGuess& other) {
  nulls_ += other.nulls_;
  for (int kind = 0; kind < kKinds; ++kind) counts_[kind] += other.counts_[kind];
  for (const auto& [marker, count] : other.markers_) markers_[marker] += count;
  if (odd_.empty()) odd_ = other.odd_;
  for (const std::string& sample : other.samples_)
    if (samples_.size() < kSamplesKept) samples_.push_back(sample);
}

int64_t ValueGuess::values() const {
  int64_t total = 0;
  for (int64_t count : counts_) total += count;
  for (const auto& [marker, count] : markers_) total += count;
  return total;
}

GuessedType ValueGuess::ResolveAmong(const int64_t (&counts)[kKinds], int64_t total) const {
  const auto only = [&](std::initializer_list<Kind> kinds) {
    int64_t sum = 0;
    for (Kind kind : kinds) sum += counts[kind];
    return sum == total;
  };
  if (only({kBoolean})) return {arrow::boolean(), "true and false only", ""};
  if (only({kInteger})) return {arrow::int64(), "whole numbers", ""};
  if (only({kInteger, kPadded}))
    return {arrow::utf8(), "digits with leading zeros, which a number would lose", ""};
  if (only({kInteger, kBig}))
    return {arrow::utf8(), "whole numbers beyond 64 bits; set the type to decimal(38,0) to compute",
            ""};
  if (only({kInteger, kBig, kPadded}))
    return {arrow::utf8(), "digit strings that a 64-bit number cannot hold exactly", ""};
  if (only({kInteger, kBig, kPadded, kDouble})) return {arrow::float64(), "decimal numbers", ""};
  if (only({kDate})) return {arrow::date32(), "ISO 8601 dates", ""};
  if (only({kDate, kTime}))
    return {arrow::timestamp(arrow::TimeUnit::MICRO), "ISO 8601 times without a zone", ""};
  if (only({kZoned}))
    return {arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"), "ISO 8601 times with a zone", ""};
  return {nullptr, "", ""};
}

GuessedType ValueGuess::Resolve(double tolerance) const {
  const int64_t total = values();
  if (total == 0) return {arrow::utf8(), "no value in the sample", ""};
  int64_t marked = 0;
  for (const auto& [marker, count] : markers_) marked += count;
  const int64_t plain = total - marked;
  if (plain > 0 && markers_.size() <= 1) {
    GuessedType guess = ResolveAmong(counts_, plain);
    if (guess.type && (marked == 0 || guess.type->id() != arrow::Type::STRING)) {
      guess.why = fmt::format("all {} sampled values are {}", plain, guess.why);
      if (marked > 0) {
        guess.extra_null_marker = markers_.begin()->first;
        guess.why += fmt::format(", but for {} '{}' read as null", marked, guess.extra_null_marker);
      }
      return guess;
    }
    int64_t fitting[kKinds];
    std::copy(std::begin(counts_), std::end(counts_), fitting);
    fitting[kText] = 0;
    const int64_t misfits = counts_[kText] + marked;
    if (misfits > 0 && misfits < total) {
      GuessedType near = ResolveAmong(fitting, total - misfits);
      const double share = static_cast<double>(misfits) / static_cast<double>(total);
      if (near.type && near.type->id() != arrow::Type::STRING) {
        if (share <= tolerance) {
          near.why =
              fmt::format("{} of {} sampled values are {}; the others, such as '{}', are rejected",
                          total - misfits, total, near.why, odd_);
          return near;
        }
        if (!odd_.empty())
          return {arrow::utf8(),
                  fmt::format("{} of {} sampled values are {}, but not '{}'", total - misfits,
                              total, near.why, odd_),
                  ""};
      }
    }
  }
  return {arrow::utf8(), fmt::format("{} sampled values are text", total), ""};
}

}  // namespace millpond::source
