// Iceberg's single-value binary form (spec, Appendix D): what bounds in manifests are made of.
// Called by the table writer (statistics to bounds) and scan planning (bounds to values). Pure
// functions.
#pragma once

#include <arrow/type_fwd.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace millpond::table {

enum class BoundSide { kLower, kUpper };

/// Text and binary bounds keep this many code points or bytes; more would bloat manifests.
inline constexpr size_t kBoundLength = 16;

/// The bytes of a bound, or nullopt where there should be none: null, NaN, nested types, an upper
/// bound that cannot be cut. Long text and binary are cut; a cut upper bound is incremented, so it
/// stays a bound. Zero floats become -0.0 below and +0.0 above.
Result<std::optional<std::string>> EncodeBound(const arrow::Scalar& value, BoundSide side);

/// The value of a bound of a column that now has `type`. Bytes of a type that was promoted since
/// are widened: 4 bytes for a long are an int, 4 for a double a float. kCorrupt where the length
/// fits no type; kInvalid for nested types.
Result<std::shared_ptr<arrow::Scalar>> DecodeBound(std::string_view bytes,
                                                   const std::shared_ptr<arrow::DataType>& type);

}  // namespace millpond::table
