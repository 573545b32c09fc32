// Finds user information as RFC 3986 places it: between "//" and the last "@" before the path.
#include "base/url.h"

#include <array>
#include <vector>

#include "base/text.h"

namespace millpond::base {
namespace {

constexpr std::array<std::string_view, 4> kSecretOptions = {"password", "sslpassword", "secret",
                                                            "token"};
constexpr std::string_view kMask = "***";

struct Range {
  size_t begin, end;
};

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool IsSecret(std::string_view option) {
  const std::string name = ToLower(option);
  for (std::string_view secret : kSecretOptions) {
    if (name == secret) return true;
  }
  return false;
}

// A password with an unescaped slash or question mark is no valid URL, and a secret all the same:
// what stands behind a colon and is no port belongs to user information, if an '@' follows.
size_t AtBehindPath(std::string_view url, size_t authority, size_t path) {
  const size_t colon = url.substr(0, path).find(':', authority);
  if (colon == url.npos || url[authority] == '[') return url.npos;
  const std::string_view port = url.substr(colon + 1, path - colon - 1);
  const bool is_port = port.find_first_not_of("0123456789") == port.npos;
  return is_port ? url.npos : url.find('@', path);
}

// Where passwords stand, in order.
std::vector<Range> Passwords(std::string_view url) {
  std::vector<Range> found;
  const size_t scheme = url.find("://");
  if (scheme == url.npos) return found;
  const size_t authority = scheme + 3;
  const size_t path = std::min(url.find_first_of("/?#", authority), url.size());
  size_t at = url.substr(0, path).rfind('@');
  if (at == url.npos || at < authority) at = AtBehindPath(url, authority, path);
  if (at != url.npos && at >= authority) {
    const size_t colon = url.find(':', authority);
    if (colon < at && colon + 1 < at) found.push_back({colon + 1, at});
  }
  size_t option = url.find('?', at == url.npos ? authority : at);
  while (option != url.npos) {
    const size_t end = std::min(url.find_first_of("&#", option + 1), url.size());
    const size_t equals = url.find('=', option + 1);
    if (equals < end && equals + 1 < end && IsSecret(url.substr(option + 1, equals - option - 1))) {
      found.push_back({equals + 1, end});
    }
    option = end < url.size() && url[end] == '&' ? end : url.npos;
  }
  return found;
}

}  // namespace

Result<std::string> DecodePercent(std::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    const int high = i + 2 < text.size() ? HexDigit(text[i + 1]) : -1;
    const int low = high >= 0 ? HexDigit(text[i + 2]) : -1;
    if (low < 0 || (high == 0 && low == 0)) {
      return Invalid("a URL has a broken % escape; write % itself as %25");
    }
    decoded += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return decoded;
}

bool HasUrlPassword(std::string_view url) { return !Passwords(url).empty(); }

std::string MaskUrlPassword(std::string_view url) {
  std::string masked;
  size_t done = 0;
  for (const Range& range : Passwords(url)) {
    masked.append(url.substr(done, range.begin - done)).append(kMask);
    done = range.end;
  }
  return masked.append(url.substr(done));
}

}  // namespace millpond::base
