// The order of two values of any types that SQL compares, told only where every engine agrees on
// it. Used for bounds: by the statistics of new files and by scan planning. Pure.
#pragma once

#include <arrow/type_fwd.h>

#include <compare>
#include <optional>

namespace millpond::table {

/// nullopt where the two are not comparable, one is null or NaN, or rounding in a mixed comparison
/// (a decimal with a double, a float with a double) could make engines disagree.
std::optional<std::strong_ordering> CompareScalars(const arrow::Scalar& a, const arrow::Scalar& b);

}  // namespace millpond::table
