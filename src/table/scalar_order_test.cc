// Orders across types, against a slow exact oracle and the ways in which engines round.
#include "table/scalar_order.h"

#include <arrow/api.h>
#include <arrow/util/decimal.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

namespace millpond::table {
namespace {

using Ordering = std::optional<std::strong_ordering>;
constexpr auto kLess = std::strong_ordering::less;
constexpr auto kGreater = std::strong_ordering::greater;
constexpr auto kSame = std::strong_ordering::equal;
constexpr int64_t kTwo53 = int64_t{1} << 53;

template <class A, class B>
Ordering Compare(A a, B b) {
  return CompareScalars(*arrow::MakeScalar(a), *arrow::MakeScalar(b));
}

TEST(ScalarOrderTest, WholeNumbersAndDoublesBelow2To53) {
  EXPECT_EQ(Compare<int64_t>(5, 5.0), kSame);
  EXPECT_EQ(Compare<int64_t>(5, 5.5), kLess);
  EXPECT_EQ(Compare<int64_t>(-5, -5.5), kGreater);
  EXPECT_EQ(Compare(5.5, int64_t{5}), kGreater);
  EXPECT_EQ(Compare<int64_t>(kTwo53, 9007199254740992.0), kSame);
  EXPECT_EQ(Compare<int64_t>(kTwo53 - 1, 9007199254740992.0), kLess);
}

TEST(ScalarOrderTest, NeighboursThatADoubleCannotTellApart) {
  // Exactly greater, equal once rounded: engines disagree.
  EXPECT_EQ(Compare<int64_t>(kTwo53 + 1, 9007199254740992.0), std::nullopt);
  EXPECT_EQ(Compare(9007199254740992.0, kTwo53 + 1), std::nullopt);
  // One further on both ways of comparing agree.
  EXPECT_EQ(Compare<int64_t>(kTwo53 + 2, 9007199254740992.0), kGreater);
  EXPECT_EQ(Compare<int64_t>(kTwo53 + 4, 9007199254740994.0), kGreater);
  EXPECT_EQ(Compare<int64_t>(-kTwo53 - 1, -9007199254740992.0), std::nullopt);
  EXPECT_EQ(Compare<int64_t>(-kTwo53 - 2, -9007199254740992.0), kLess);
}

TEST(ScalarOrderTest, EndsOfTheRange) {
  constexpr int64_t most = std::numeric_limits<int64_t>::max();
  constexpr int64_t least = std::numeric_limits<int64_t>::min();
  EXPECT_EQ(Compare(most, 0x1p63), std::nullopt) << "rounds up to it";
  EXPECT_EQ(Compare(most, std::nextafter(0x1p63, 0.0)), kGreater);
  EXPECT_EQ(Compare(most, 1e300), kLess);
  EXPECT_EQ(Compare(most, std::numeric_limits<double>::infinity()), kLess);
  EXPECT_EQ(Compare(least, -0x1p63), kSame);
  EXPECT_EQ(Compare(least, -std::numeric_limits<double>::infinity()), kGreater);
  EXPECT_EQ(Compare(std::numeric_limits<uint64_t>::max(), 1e19), kGreater);
  EXPECT_EQ(Compare(std::numeric_limits<uint64_t>::max(), most), kGreater);
  EXPECT_EQ(Compare(most, std::nan("")), std::nullopt);
  EXPECT_EQ(Compare<int64_t>(0, -0.0), kSame);
}

TEST(ScalarOrderTest, FloatsRoundMoreThanDoubles) {
  EXPECT_EQ(Compare<int64_t>(16777217, 16777216.0F), std::nullopt);
  EXPECT_EQ(Compare<int64_t>(16777218, 16777216.0F), kGreater);
  EXPECT_EQ(Compare(0.1F, 0.1), std::nullopt) << "0.1F is greater, and equal as a float";
  EXPECT_EQ(Compare(0.5F, 0.5), kSame);
  EXPECT_EQ(Compare(0.1F, 0.2), kLess);
  EXPECT_EQ(Compare(0.3, 0.1F), kGreater);
}

TEST(ScalarOrderTest, DecimalsOfScaleZeroAreWholeNumbers) {
  const auto decimal = [](const char* text, int32_t scale) {
    return arrow::Decimal128Scalar(arrow::Decimal128::FromString(text).ValueOrDie(),
                                   arrow::decimal128(38, scale));
  };
  const arrow::DoubleScalar two53(9007199254740992.0);
  EXPECT_EQ(CompareScalars(decimal("9007199254740993", 0), two53), std::nullopt);
  EXPECT_EQ(CompareScalars(decimal("9007199254740994", 0), two53), kGreater);
  EXPECT_EQ(CompareScalars(decimal("90071992547409920000000", 0), two53), kGreater);
  EXPECT_EQ(CompareScalars(decimal("1.25", 2), arrow::DoubleScalar(1.25)), std::nullopt);
  EXPECT_EQ(CompareScalars(decimal("1.25", 2), arrow::DoubleScalar(1.5)), kLess);
  EXPECT_EQ(CompareScalars(decimal("1.25", 2), arrow::Int64Scalar(1)), kGreater);
}

// The oracle writes both out as decimal texts of the same form.
TEST(ScalarOrderTest, AgreesWithExactAndRoundedComparison) {
  std::mt19937_64 random(7);  // NOLINT(cert-msc51-cpp): the same every time.
  for (int i = 0; i < 20000; ++i) {
    const int shift = static_cast<int>(random() % 60);
    const auto whole = static_cast<int64_t>(random()) >> shift;
    const double real =
        static_cast<double>(whole) + static_cast<double>(static_cast<int>(random() % 5) - 2) *
                                         std::ldexp(1.0, static_cast<int>(random() % 12));
    const long double exact = static_cast<long double>(whole) - static_cast<long double>(real);
    const double rounded = static_cast<double>(whole) - real;
    const auto sign = [](auto x) { return x < 0 ? -1 : (x > 0 ? 1 : 0); };
    const Ordering order = Compare(whole, real);
    if (sign(exact) != sign(rounded)) {
      EXPECT_EQ(order, std::nullopt) << whole << " and " << real;
    } else {
      ASSERT_TRUE(order) << whole << " and " << real;
      EXPECT_EQ(*order, sign(exact) <=> 0) << whole << " and " << real;
    }
  }
}

TEST(ScalarOrderTest, WhatHasNoOrder) {
  EXPECT_EQ(CompareScalars(arrow::Int64Scalar(), arrow::Int64Scalar(1)), std::nullopt);
  EXPECT_EQ(CompareScalars(arrow::StringScalar("1"), arrow::Int64Scalar(1)), std::nullopt);
  EXPECT_EQ(CompareScalars(arrow::StringScalar("a"), arrow::StringScalar("b")), kLess);
  EXPECT_EQ(CompareScalars(arrow::BooleanScalar(true), arrow::BooleanScalar(false)), kGreater);
}

}  // namespace
}  // namespace millpond::table
