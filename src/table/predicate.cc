// Predicates against bounds; see the header. Where anything is unknown a file stays.
#include "table/predicate.h"

#include <arrow/api.h>

#include <algorithm>
#include <compare>
#include <optional>

#include "table/bounds.h"
#include "table/scalar_order.h"
#include "table/schema.h"

namespace millpond::table {
namespace {

template <class Map>
std::optional<typename Map::mapped_type> Find(const Map& map, int32_t id) {
  auto found = map.find(id);
  return found == map.end() ? std::nullopt : std::optional(found->second);
}

/// The order of a bound and the tested value; nullopt where there is no bound or no order.
std::optional<std::strong_ordering> OrderOf(const std::map<int32_t, std::string>& bounds,
                                            int32_t field_id,
                                            const std::shared_ptr<arrow::DataType>& type,
                                            const arrow::Scalar& value) {
  auto bytes = bounds.find(field_id);
  if (bytes == bounds.end()) return std::nullopt;
  auto bound = DecodeBound(bytes->second, type);
  if (!bound.ok()) return std::nullopt;
  return CompareScalars(**bound, value);
}

// Only where bounds cannot have been cut do equal ones mean that all values are that one.
bool HasWholeBounds(const arrow::DataType& type) {
  return arrow::is_integer(type.id()) || arrow::is_temporal(type.id()) ||
         arrow::is_decimal(type.id()) || type.id() == arrow::Type::BOOL;
}

}  // namespace

FilePruner::FilePruner(const arrow::Schema& schema, const std::vector<Predicate>& predicates) {
  for (const Predicate& predicate : predicates) {
    auto field = schema.GetFieldByName(predicate.column);
    if (field == nullptr || arrow::is_nested(field->type()->id())) continue;
    auto id = FieldIdOf(*field);
    // Bounds of what is text only in memory are not text.
    if (!id || FieldMetadata(*field, kIcebergTypeKey)) continue;
    const bool compares =
        predicate.op != Comparison::kIsNull && predicate.op != Comparison::kIsNotNull;
    if (compares && (predicate.value == nullptr || !predicate.value->is_valid)) continue;
    tests_.push_back({*id, field->type(), predicate.op, predicate.value});
  }
}

bool FilePruner::MayMatch(const DataFile& file) const {
  return std::all_of(tests_.begin(), tests_.end(),
                     [&](const Test& test) { return MayMatch(file, test); });
}

// NaN passes "greater" in some engines, and bounds leave it out.
bool FilePruner::MayHoldNan(const DataFile& file, const Test& test) {
  if (!arrow::is_floating(test.type->id())) return false;
  return Find(file.nan_counts, test.field_id).value_or(1) > 0;
}

bool FilePruner::MayMatch(const DataFile& file, const Test& test) {
  const auto nulls = Find(file.null_counts, test.field_id);
  const auto values = Find(file.value_counts, test.field_id);
  const bool all_null = nulls && values && *nulls == *values;
  if (test.op == Comparison::kIsNull) return !nulls || *nulls > 0;
  if (all_null) return false;  // Comparisons with null hold for no row.
  if (test.op == Comparison::kIsNotNull) return true;
  const auto lower = OrderOf(file.lower_bounds, test.field_id, test.type, *test.value);
  const auto upper = OrderOf(file.upper_bounds, test.field_id, test.type, *test.value);
  switch (test.op) {
    case Comparison::kEqual:
      return !(lower && *lower > 0) && !(upper && *upper < 0);
    case Comparison::kNotEqual:
      return !(lower && upper && *lower == 0 && *upper == 0 && HasWholeBounds(*test.type));
    case Comparison::kLess:
      return !(lower && *lower >= 0);
    case Comparison::kLessEqual:
      return !(lower && *lower > 0);
    case Comparison::kGreater:
      return !(upper && *upper <= 0) || MayHoldNan(file, test);
    case Comparison::kGreaterEqual:
      return !(upper && *upper < 0) || MayHoldNan(file, test);
    case Comparison::kIsNull:
    case Comparison::kIsNotNull:
      break;
  }
  return true;
}

}  // namespace millpond::table
