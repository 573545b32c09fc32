// Which table properties may be set, and to what. Pure. Used by commit.
#pragma once

#include <optional>
#include <string>

#include "base/error.h"

namespace millpond::table {

/// kInvalid for keys that name something else of the table than a property, or that belong to
/// Millpond, and for values that a property known here does not take. Unknown keys are anybody's.
Status CheckProperty(const std::string& key, const std::optional<std::string>& value);

}  // namespace millpond::table
