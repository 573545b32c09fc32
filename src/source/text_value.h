// Text to value: the inline parsers that every text format shares (CSV columns, JSON strings, type
// detection). Each returns false where the whole text is not such a value; none allocates, trims or
// reads past `size`. Thread safe.
#pragma once

#include <arrow/util/value_parsing.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>

namespace millpond::source {

inline bool IsDigit(char c) { return static_cast<unsigned char>(c - '0') < 10; }
inline bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

/// Without the white space at both ends.
inline std::string_view TrimSpace(std::string_view text) {
  while (!text.empty() && IsSpace(text.front())) text.remove_prefix(1);
  while (!text.empty() && IsSpace(text.back())) text.remove_suffix(1);
  return text;
}

/// [+-]digits within int64.
inline bool ParseInt64(const char* text, size_t size, int64_t* out) {
  size_t at = 0;
  const bool negative = size > 0 && text[0] == '-';
  if (size > 0 && (text[0] == '-' || text[0] == '+')) at = 1;
  if (at == size) return false;
  if (size - at > 18) {
    while (at + 1 < size && text[at] == '0') ++at;
    if (size - at > 19) return false;
  }
  uint64_t value = 0;
  for (; at < size; ++at) {
    if (!IsDigit(text[at])) return false;
    value = value * 10 + static_cast<uint64_t>(text[at] - '0');
  }
  const uint64_t limit =
      static_cast<uint64_t>(std::numeric_limits<int64_t>::max()) + (negative ? 1 : 0);
  if (value > limit) return false;
  *out = static_cast<int64_t>(negative ? ~value + 1 : value);
  return true;
}

inline bool ParseInt32(const char* text, size_t size, int32_t* out) {
  int64_t wide = 0;
  if (!ParseInt64(text, size, &wide)) return false;
  *out = static_cast<int32_t>(wide);
  return wide == *out;
}

/// A decimal or scientific number, "inf" or "nan". Exact: short numbers take Clinger's fast path
/// (PLDI 1990), the others go to Arrow's fast_float.
inline bool ParseDouble(const char* text, size_t size, char point, double* out) {
  static constexpr std::array<double, 23> kPowers = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                     1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                                     1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
  size_t at = 0;
  const bool negative = size > 0 && text[0] == '-';
  if (size > 1 && (text[0] == '-' || text[0] == '+')) at = 1;
  const size_t begin = at;
  uint64_t mantissa = 0;
  while (at < size && IsDigit(text[at]))
    mantissa = mantissa * 10 + static_cast<uint64_t>(text[at++] - '0');
  size_t digits = at - begin;
  size_t decimals = 0;
  if (at < size && text[at] == point) {
    const size_t first = ++at;
    while (at < size && IsDigit(text[at]))
      mantissa = mantissa * 10 + static_cast<uint64_t>(text[at++] - '0');
    decimals = at - first;
    digits += decimals;
  }
  if (at == size && digits > 0 && digits <= 19 && mantissa <= (1ULL << 53) && decimals <= 22) {
    const double value = static_cast<double>(mantissa) / kPowers[decimals];
    *out = negative ? -value : value;
    return true;
  }
  if (size > 1 && text[0] == '+' && (IsDigit(text[1]) || text[1] == point)) {
    ++text;
    --size;
  }
  return size > 0 && arrow::internal::StringToFloat(text, size, point, out);
}

/// true or false, in any case.
inline bool ParseBoolean(const char* text, size_t size, bool* out) {
  const auto is = [&](std::string_view word) {
    if (size != word.size()) return false;
    for (size_t i = 0; i < size; ++i)
      if ((text[i] | 0x20) != word[i]) return false;
    return true;
  };
  *out = size == 4;
  return is("true") || is("false");
}

/// YYYY-MM-DD -> days since 1970-01-01.
inline bool ParseDate(const char* text, size_t size, int32_t* out) {
  if (size != 10 || text[4] != '-' || text[7] != '-') return false;
  for (size_t i : {0, 1, 2, 3, 5, 6, 8, 9})
    if (!IsDigit(text[i])) return false;
  const auto number = [&](size_t from, size_t count) {
    int value = 0;
    for (size_t i = from; i < from + count; ++i) value = value * 10 + (text[i] - '0');
    return value;
  };
  const int year = number(0, 4), month = number(5, 2), day = number(8, 2);
  static constexpr std::array<int, 13> kDays = {0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  if (month < 1 || month > 12 || day < 1 || day > kDays[static_cast<size_t>(month)]) return false;
  const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  if (month == 2 && day == 29 && !leap) return false;
  // Days from civil (H. Hinnant, "chrono-compatible low-level date algorithms").
  const int y = month <= 2 ? year - 1 : year;
  const int era = (y >= 0 ? y : y - 399) / 400;
  const int year_of_era = y - era * 400;
  const int day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  const int day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  *out = era * 146097 + day_of_era - 719468;
  return true;
}

/// ISO 8601 date and time (a date alone counts as midnight) -> microseconds since the epoch.
/// `has_zone` tells whether the text named its offset, which is then applied.
inline bool ParseTimestamp(const char* text, size_t size, int64_t* out, bool* has_zone) {
  *has_zone = false;
  if (size == 19 && (text[10] == ' ' || text[10] == 'T') && text[13] == ':' && text[16] == ':') {
    int32_t days = 0;
    for (size_t i : {11, 12, 14, 15, 17, 18})
      if (!IsDigit(text[i])) return false;
    const int hour = (text[11] - '0') * 10 + (text[12] - '0');
    const int minute = (text[14] - '0') * 10 + (text[15] - '0');
    const int second = (text[17] - '0') * 10 + (text[18] - '0');
    if (hour > 23 || minute > 59 || second > 59 || !ParseDate(text, 10, &days)) return false;
    *out = (int64_t{days} * 86400 + hour * 3600 + minute * 60 + second) * 1000000;
    return true;
  }
  return arrow::internal::ParseTimestampISO8601(text, size, arrow::TimeUnit::MICRO, out, has_zone);
}

}  // namespace millpond::source
