// Which table properties may be set, and to what. Pure. Used by commit.
#pragma once

#include <optional>
#include <string>

#include "base/error.h"

namespace millpond::table {

/// What engines call the format version where they create or upgrade a table by properties.
inline constexpr const char* kFormatVersion = "format-version";

/// "2" or "3"; kInvalid for all others.
Result<int> ParseFormatVersion(const std::string& text);

/// kInvalid for keys that name something else of the table than a property, or that belong to
/// Millpond, and for values that a property known here does not take. Unknown keys are anybody's.
Status CheckProperty(const std::string& key, const std::optional<std::string>& value);

}  // namespace millpond::table
