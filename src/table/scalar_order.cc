// Comparing scalars across types; see the header.
#include "table/scalar_order.h"

#include <arrow/api.h>
#include <arrow/util/decimal.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string_view>
#include <variant>

namespace millpond::table {
namespace {

using arrow::Decimal256;
using arrow::Scalar;
using arrow::Type;

struct Number {  // Integers and decimals: digits * 10^-scale.
  Decimal256 digits;
  int32_t scale = 0;
};
struct Real {
  double value = 0;
  bool single = false;  // Was a 32-bit float.
};
struct Moment {
  int64_t days_or_ticks = 0;
  int64_t per_day = 1;  // Ticks in a day.
  bool zoned = false;
};
struct Text {
  std::string_view bytes;
  bool is_string = false;  // Else binary.
};
using Kind = std::variant<std::monostate, Number, Real, Moment, Text, bool>;

template <class S>
auto ValueOf(const Scalar& scalar) {
  return static_cast<const S&>(scalar).value;
}

Kind Integer(int64_t value) { return Number{Decimal256(value), 0}; }

int64_t TicksPerDay(arrow::TimeUnit::type unit) {
  constexpr int64_t kSeconds = 86400;
  switch (unit) {
    case arrow::TimeUnit::SECOND:
      return kSeconds;
    case arrow::TimeUnit::MILLI:
      return kSeconds * 1000;
    case arrow::TimeUnit::MICRO:
      return kSeconds * 1000000;
    case arrow::TimeUnit::NANO:
      return kSeconds * 1000000000;
  }
  return 1;
}

Kind KindOf(const Scalar& scalar) {
  if (!scalar.is_valid) return {};
  switch (scalar.type->id()) {
    case Type::BOOL:
      return ValueOf<arrow::BooleanScalar>(scalar);
    case Type::INT8:
      return Integer(ValueOf<arrow::Int8Scalar>(scalar));
    case Type::INT16:
      return Integer(ValueOf<arrow::Int16Scalar>(scalar));
    case Type::INT32:
      return Integer(ValueOf<arrow::Int32Scalar>(scalar));
    case Type::INT64:
      return Integer(ValueOf<arrow::Int64Scalar>(scalar));
    case Type::UINT8:
      return Integer(ValueOf<arrow::UInt8Scalar>(scalar));
    case Type::UINT16:
      return Integer(ValueOf<arrow::UInt16Scalar>(scalar));
    case Type::UINT32:
      return Integer(ValueOf<arrow::UInt32Scalar>(scalar));
    case Type::UINT64:
      return Number{Decimal256(ValueOf<arrow::UInt64Scalar>(scalar)), 0};
    case Type::FLOAT:
      return Real{ValueOf<arrow::FloatScalar>(scalar), true};
    case Type::DOUBLE:
      return Real{ValueOf<arrow::DoubleScalar>(scalar), false};
    case Type::DECIMAL128:
      return Number{Decimal256(ValueOf<arrow::Decimal128Scalar>(scalar)),
                    static_cast<const arrow::DecimalType&>(*scalar.type).scale()};
    case Type::DATE32:
      return Moment{ValueOf<arrow::Date32Scalar>(scalar), 1, false};
    case Type::TIMESTAMP: {
      const auto& type = static_cast<const arrow::TimestampType&>(*scalar.type);
      return Moment{ValueOf<arrow::TimestampScalar>(scalar), TicksPerDay(type.unit()),
                    !type.timezone().empty()};
    }
    case Type::STRING:
    case Type::LARGE_STRING:
    case Type::BINARY:
    case Type::LARGE_BINARY:
    case Type::FIXED_SIZE_BINARY:
      return Text{static_cast<const arrow::BaseBinaryScalar&>(scalar).view(),
                  arrow::is_string(scalar.type->id())};
    default:
      return {};
  }
}

std::optional<std::strong_ordering> OrderReals(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return std::nullopt;
  if (a == b) return std::strong_ordering::equal;
  return a < b ? std::strong_ordering::less : std::strong_ordering::greater;
}

std::optional<std::strong_ordering> Order(const Number& a, const Number& b) {
  const int32_t scale = std::max(a.scale, b.scale);
  auto left = a.digits.Rescale(a.scale, scale);
  auto right = b.digits.Rescale(b.scale, scale);
  if (!left.ok() || !right.ok()) return std::nullopt;
  if (*left == *right) return std::strong_ordering::equal;
  return *left < *right ? std::strong_ordering::less : std::strong_ordering::greater;
}

using Ordering = std::optional<std::strong_ordering>;

// Engines differ in which side they round to the other's type before they compare. Rounding keeps
// values in order but may make them equal, so an order counts where all the ways to round give it.
Ordering Agreed(Ordering a, Ordering b) { return a == b ? a : std::nullopt; }

__extension__ typedef __int128 Whole;
__extension__ typedef unsigned __int128 WholeBits;

// Numbers without a fraction, as far as they fit; the others are ordered by their distance.
std::optional<Whole> WholeOf(const Number& number) {
  const auto& words = number.digits.little_endian_array();
  const uint64_t sign = (words[1] >> 63) != 0 ? ~uint64_t{0} : 0;
  if (number.scale != 0 || words[2] != sign || words[3] != sign) return std::nullopt;
  return static_cast<Whole>((static_cast<WholeBits>(words[1]) << 64) | words[0]);
}

std::strong_ordering OrderExactly(Whole whole, double real) {
  constexpr double kBeyond = 0x1p127;  // Of all that a Whole holds.
  if (real >= kBeyond) return std::strong_ordering::less;
  if (real < -kBeyond) return std::strong_ordering::greater;
  const double floor = std::floor(real);
  const auto below = static_cast<Whole>(floor);
  if (whole != below) return whole <=> below;
  return floor < real ? std::strong_ordering::less : std::strong_ordering::equal;
}

// Decimals with a scale: values further apart than any rounding keep their order.
Ordering OrderUnlessClose(double a, double b, double precision) {
  const auto order = OrderReals(a, b);
  if (!order || std::isinf(a) || std::isinf(b)) return order;
  const double near = precision * std::max(std::abs(a), std::abs(b));
  return std::abs(a - b) <= near ? std::nullopt : order;
}

constexpr double kSinglePrecision = 1e-6, kDoublePrecision = 1e-14;

double Single(double value) { return static_cast<double>(static_cast<float>(value)); }

Ordering Order(const Real& a, const Real& b) {
  const Ordering order = OrderReals(a.value, b.value);
  if (a.single == b.single) return order;
  return Agreed(order, OrderReals(Single(a.value), Single(b.value)));
}

Ordering Order(const Number& a, const Real& b) {
  if (std::isnan(b.value)) return std::nullopt;
  if (const auto whole = WholeOf(a)) {
    const auto rounded = static_cast<double>(*whole);
    const Ordering order = Agreed(OrderExactly(*whole, b.value), OrderReals(rounded, b.value));
    return b.single ? Agreed(order, OrderReals(Single(rounded), b.value)) : order;
  }
  return OrderUnlessClose(a.digits.ToDouble(a.scale), b.value,
                          b.single ? kSinglePrecision : kDoublePrecision);
}

std::optional<std::strong_ordering> Order(const Moment& a, const Moment& b) {
  // Without a zone a moment's place among zoned ones depends on the session.
  if (a.zoned != b.zoned) return std::nullopt;
  const Decimal256 left = Decimal256(a.days_or_ticks) * Decimal256(b.per_day);
  const Decimal256 right = Decimal256(b.days_or_ticks) * Decimal256(a.per_day);
  if (left == right) return std::strong_ordering::equal;
  return left < right ? std::strong_ordering::less : std::strong_ordering::greater;
}

std::optional<std::strong_ordering> Order(const Text& a, const Text& b) {
  if (a.is_string != b.is_string) return std::nullopt;
  return a.bytes <=> b.bytes;
}

std::optional<std::strong_ordering> Order(const bool& a, const bool& b) { return a <=> b; }

std::optional<std::strong_ordering> Order(const Real& a, const Number& b) {
  const auto reversed = Order(b, a);
  if (!reversed) return std::nullopt;
  return 0 <=> *reversed;
}

}  // namespace

std::optional<std::strong_ordering> CompareScalars(const Scalar& a, const Scalar& b) {
  return std::visit(
      [](const auto& x, const auto& y) -> std::optional<std::strong_ordering> {
        if constexpr (requires { Order(x, y); }) return Order(x, y);
        return std::nullopt;
      },
      KindOf(a), KindOf(b));
}

}  // namespace millpond::table
