// Sizes as people write them: ParseBytes and FormatBytes of base/config.h.
#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include "base/config.h"
#include "base/text.h"

namespace millpond::base {
namespace {

struct Unit {
  std::string_view name;
  double bytes;
};

constexpr double kKi = 1024;
constexpr std::array<Unit, 11> kUnits = {{{"", 1},
                                          {"b", 1},
                                          {"kb", 1e3},
                                          {"mb", 1e6},
                                          {"gb", 1e9},
                                          {"tb", 1e12},
                                          {"kib", kKi},
                                          {"mib", kKi * kKi},
                                          {"gib", kKi * kKi * kKi},
                                          {"tib", kKi * kKi * kKi * kKi},
                                          {"pib", kKi * kKi * kKi * kKi * kKi}}};

constexpr std::array<std::string_view, 6> kNames = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};

}  // namespace

Result<int64_t> ParseBytes(std::string_view text) {
  std::string_view trimmed = Trim(text);
  size_t digits = std::min(trimmed.find_first_not_of("0123456789."), trimmed.size());
  std::string_view number = trimmed.substr(0, digits);
  const std::string unit = ToLower(Trim(trimmed.substr(digits)));
  for (const Unit& known : kUnits) {
    if (known.name != unit) continue;
    const char* begin = number.data();
    const char* end = begin + number.size();
    if (int64_t whole = 0; known.bytes == 1) {
      auto [stop, error] = std::from_chars(begin, end, whole);
      if (error == std::errc() && stop == end) return whole;
      break;
    }
    double amount = 0;
    auto [stop, error] = std::from_chars(begin, end, amount, std::chars_format::fixed);
    if (error != std::errc() || stop != end) break;
    double bytes = std::round(amount * known.bytes);
    if (bytes >= 0x1p63) break;
    return static_cast<int64_t>(bytes);
  }
  return Invalid("'{}' is not a size; write it as 4096, 512MB (10^6) or 1.5GiB (2^30)",
                 text.substr(0, 80));
}

std::string FormatBytes(int64_t bytes) {
  if (bytes > -1024 && bytes < 1024) return fmt::format("{} B", bytes);
  double amount = static_cast<double>(bytes) / kKi;
  size_t unit = 0;
  // 1023.95 would be shown as 1024.0.
  while (std::abs(amount) >= 1023.95 && unit + 1 < kNames.size()) {
    amount /= kKi;
    ++unit;
  }
  return fmt::format("{:.1f} {}", amount, kNames[unit]);
}

}  // namespace millpond::base
