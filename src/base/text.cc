// UTF-8, names, spelling and quoting. All of it pure; any thread may call it.
#include "base/text.h"

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <cstring>
#include <numeric>

namespace millpond::base {
namespace {

constexpr std::string_view kWhiteSpace = " \t\n\r\f\v";

// Edit distance with transpositions of neighbours (optimal string alignment), over lower-cased
// bytes.
size_t EditDistance(std::string_view left, std::string_view right) {
  std::vector<size_t> before_last(right.size() + 1), last(right.size() + 1), row(right.size() + 1);
  std::iota(last.begin(), last.end(), size_t{0});
  for (size_t i = 1; i <= left.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= right.size(); ++j) {
      size_t change = last[j - 1] + (left[i - 1] == right[j - 1] ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, change});
      if (i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1]) {
        row[j] = std::min(row[j], before_last[j - 2] + 1);
      }
    }
    std::swap(before_last, last);
    std::swap(last, row);
  }
  return last[right.size()];
}

std::string Quote(std::string_view text, char quote) {
  std::string quoted(1, quote);
  for (char c : text) {
    if (c == quote) quoted += quote;
    quoted += c;
  }
  return quoted += quote;
}

// Length of the UTF-8 sequence at the front of `text`, or 0 (RFC 3629: no overlong forms,
// surrogates or > U+10FFFF).
size_t SequenceLength(std::string_view text) {
  auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  auto continues = [&](size_t i) { return (byte(i) & 0xC0) == 0x80; };
  unsigned char first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return text.size() >= 2 && continues(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    if (text.size() < 3 || !continues(1) || !continues(2)) return 0;
    bool overlong = first == 0xE0 && byte(1) < 0xA0;
    bool surrogate = first == 0xED && byte(1) > 0x9F;
    return overlong || surrogate ? 0 : 3;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    if (text.size() < 4 || !continues(1) || !continues(2) || !continues(3)) return 0;
    bool overlong = first == 0xF0 && byte(1) < 0x90;
    bool beyond = first == 0xF4 && byte(1) > 0x8F;
    return overlong || beyond ? 0 : 4;
  }
  return 0;
}

// Most text is ASCII, and whole words of it need no look at their bytes.
bool BeginsWithEightAscii(std::string_view text) {
  uint64_t word = 0;
  if (text.size() < sizeof word) return false;
  std::memcpy(&word, text.data(), sizeof word);
  return (word & 0x8080808080808080ULL) == 0;
}

}  // namespace

bool IsValidUtf8(std::string_view text) {
  while (!text.empty()) {
    if (BeginsWithEightAscii(text)) {
      text.remove_prefix(8);
      continue;
    }
    size_t length = SequenceLength(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::string Nearest(std::string_view word, std::span<const std::string> candidates) {
  const size_t limit = word.size() / 3;
  const std::string lowered = ToLower(word);
  std::string best;
  size_t best_distance = limit + 1;
  for (const std::string& candidate : candidates) {
    size_t longer = std::max(candidate.size(), word.size());
    size_t shorter = std::min(candidate.size(), word.size());
    if (longer - shorter >= best_distance) continue;
    size_t distance = EditDistance(lowered, ToLower(candidate));
    if (distance < best_distance) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

std::string DidYouMean(std::string_view word, std::span<const std::string> candidates) {
  std::string nearest = Nearest(word, candidates);
  return nearest.empty() ? "" : " Did you mean '" + nearest + "'?";
}

Status CheckName(std::string_view name, std::string_view what) {
  if (name.empty()) return Invalid("{} is empty; give it 1 to 255 bytes", what);
  if (name.size() > 255) {
    return Invalid("{} '{}…' has {} bytes; at most 255 are allowed", what, name.substr(0, 40),
                   name.size());
  }
  if (!IsValidUtf8(name)) return Invalid("{} is not valid UTF-8", what);
  for (char c : name) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      return Invalid("{} '{}' contains a control character (byte {:#04x}); remove it", what, name,
                     static_cast<unsigned char>(c));
    }
    if (std::string_view("@./\\\"'").find(c) != std::string_view::npos) {
      return Invalid("{} '{}' contains '{}'; none of @ . / \\ \" ' is allowed", what, name, c);
    }
  }
  if (Trim(name).size() != name.size()) {
    return Invalid("{} '{}' begins or ends with white space; remove it", what, name);
  }
  return Status::OK();
}

std::string QuoteIdentifier(std::string_view name) { return Quote(name, '"'); }

std::string QuoteLiteral(std::string_view text) { return Quote(text, '\''); }

std::vector<std::string> Split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (true) {
    size_t at = text.find(separator);
    parts.emplace_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

std::string Join(std::span<const std::string> parts, std::string_view separator) {
  std::string joined;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) joined += separator;
    joined += parts[i];
  }
  return joined;
}

std::string_view Trim(std::string_view text) {
  size_t first = text.find_first_not_of(kWhiteSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kWhiteSpace) - first + 1);
}

std::string ToLower(std::string_view ascii) {
  std::string lowered(ascii);
  for (char& c : lowered) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lowered;
}

}  // namespace millpond::base
