// The parts of URLs that secrets hide in. Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace millpond::base {

/// "a%20b" -> "a b"; kInvalid for a broken escape or a NUL, without repeating the text.
Result<std::string> DecodePercent(std::string_view text);

/// Whether a URL carries a password: behind the user's name, or as an option that is called so.
bool HasUrlPassword(std::string_view url);

/// The URL with "***" for each password; other text as it is.
std::string MaskUrlPassword(std::string_view url);

}  // namespace millpond::base
