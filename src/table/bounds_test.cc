// Bounds: the spec's examples, cuts that stay bounds, promoted types, hostile lengths.
#include "table/bounds.h"

#include <arrow/api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "base/text.h"

namespace millpond::table {
namespace {

using arrow::MakeScalar;
using base::ErrorKind;
using base::KindOf;

std::optional<std::string> Encode(const std::shared_ptr<arrow::Scalar>& value,
                                  BoundSide side = BoundSide::kLower) {
  return EncodeBound(*value, side).ValueOrDie();
}

std::string Bytes(std::initializer_list<int> values) {
  std::string bytes;
  for (const int value : values) bytes.push_back(static_cast<char>(value));
  return bytes;
}

std::shared_ptr<arrow::Scalar> Decimal(const std::string& text, int precision, int scale) {
  return std::make_shared<arrow::Decimal128Scalar>(arrow::Decimal128::FromString(text).ValueOrDie(),
                                                   arrow::decimal128(precision, scale));
}

TEST(Bounds, FixedWidthTypesAreLittleEndian) {
  EXPECT_EQ(Encode(MakeScalar(int32_t{34})), Bytes({34, 0, 0, 0}));
  EXPECT_EQ(Encode(MakeScalar(int64_t{-2})), Bytes({254, 255, 255, 255, 255, 255, 255, 255}));
  EXPECT_EQ(Encode(MakeScalar(true)), Bytes({1}));
  EXPECT_EQ(Encode(MakeScalar(1.0f)), Bytes({0, 0, 0x80, 0x3f}));
  EXPECT_EQ(Encode(std::make_shared<arrow::Date32Scalar>(17486)), Bytes({0x4e, 0x44, 0, 0}));
  EXPECT_EQ(
      Encode(std::make_shared<arrow::TimestampScalar>(1, arrow::timestamp(arrow::TimeUnit::MICRO))),
      Bytes({1, 0, 0, 0, 0, 0, 0, 0}));
}

TEST(Bounds, DecimalsAreMinimalBigEndian) {
  EXPECT_EQ(Encode(Decimal("14.20", 9, 2)), Bytes({0x05, 0x8c}));  // 1420
  EXPECT_EQ(Encode(Decimal("0.00", 9, 2)), Bytes({0}));
  EXPECT_EQ(Encode(Decimal("1.27", 9, 2)), Bytes({0x7f}));
  EXPECT_EQ(Encode(Decimal("1.28", 9, 2)), Bytes({0x00, 0x80}));
  EXPECT_EQ(Encode(Decimal("-1.28", 9, 2)), Bytes({0x80}));
  EXPECT_EQ(Encode(Decimal("-1.29", 9, 2)), Bytes({0xff, 0x7f}));
  EXPECT_EQ(Encode(Decimal("-0.01", 9, 2)), Bytes({0xff}));
  EXPECT_EQ(Encode(Decimal("99999999999999999999999999999999999999", 38, 0))->size(), 16u);
}

TEST(Bounds, NoBoundForNullNanAndNested) {
  EXPECT_EQ(Encode(arrow::MakeNullScalar(arrow::int64())), std::nullopt);
  EXPECT_EQ(Encode(MakeScalar(std::nan(""))), std::nullopt);
  EXPECT_EQ(Encode(MakeScalar(std::nanf(""))), std::nullopt);
  EXPECT_EQ(Encode(arrow::MakeEmptyArray(arrow::list(arrow::int32()))
                       .Map([](auto array) { return std::make_shared<arrow::ListScalar>(array); })
                       .ValueOrDie()),
            std::nullopt);
  EXPECT_EQ(KindOf(EncodeBound(*MakeScalar(int8_t{1}), BoundSide::kLower).status()),
            ErrorKind::kInvalid);
}

TEST(Bounds, ZeroHoldsBothZeros) {
  for (const double zero : {0.0, -0.0}) {
    EXPECT_EQ(Encode(MakeScalar(zero), BoundSide::kLower), Bytes({0, 0, 0, 0, 0, 0, 0, 0x80}));
    EXPECT_EQ(Encode(MakeScalar(zero), BoundSide::kUpper), Bytes({0, 0, 0, 0, 0, 0, 0, 0}));
  }
}

TEST(Bounds, TextIsCutAtCodePoints) {
  const auto upper = [](const std::string& text) {
    return Encode(MakeScalar(text), BoundSide::kUpper);
  };
  EXPECT_EQ(upper("short"), "short");
  EXPECT_EQ(upper("exactly16letters"), "exactly16letters");
  EXPECT_EQ(Encode(MakeScalar(std::string("exactly16letters!"))), "exactly16letters");
  EXPECT_EQ(upper("exactly16letters!"), "exactly16lettert");
  // 16 umlauts are 32 bytes and stay; the 17th goes.
  std::string umlauts;
  for (int i = 0; i < 16; ++i) umlauts += "ä";
  EXPECT_EQ(upper(umlauts), umlauts);
  EXPECT_EQ(Encode(MakeScalar(umlauts + "x")), umlauts);
  EXPECT_EQ(upper(umlauts + "x"), umlauts.substr(0, 30) + "å");
  // The increment skips the surrogates, and moves left past the last code point.
  const std::string fifteen(15, 'a');
  EXPECT_EQ(upper(fifteen + "\xed\x9f\xbf" + "x"), fifteen + "\xee\x80\x80");
  EXPECT_EQ(upper(fifteen + "\xf4\x8f\xbf\xbf" + "x"), std::string(14, 'a') + "b");
  EXPECT_EQ(upper(fifteen + "\x7f" + "x"), fifteen + "\xc2\x80");
  std::string highest;
  for (int i = 0; i < 17; ++i) highest += "\xf4\x8f\xbf\xbf";
  EXPECT_EQ(upper(highest), std::nullopt);
  EXPECT_EQ(upper("\xff\xfe"), std::nullopt);
}

TEST(Bounds, BinaryIsCutAtBytes) {
  const auto binary = [](std::string bytes) {
    return std::make_shared<arrow::BinaryScalar>(arrow::Buffer::FromString(std::move(bytes)));
  };
  EXPECT_EQ(Encode(binary(std::string(20, 'a')), BoundSide::kUpper), std::string(15, 'a') + "b");
  EXPECT_EQ(Encode(binary("a" + std::string(20, '\xff')), BoundSide::kUpper), "b");
  EXPECT_EQ(Encode(binary(std::string(20, '\xff')), BoundSide::kUpper), std::nullopt);
  EXPECT_EQ(Encode(binary(std::string(20, '\xff'))), std::string(16, '\xff'));
}

// Of any text: lower <= text <= upper, both valid UTF-8 of at most 16 code points.
TEST(Bounds, RandomTextLiesBetweenItsBounds) {
  std::mt19937 random(11);
  const std::vector<std::string> letters = {"a",
                                            "z",
                                            "\x7f",
                                            "ß",
                                            "\xdf\xbf",
                                            "€",
                                            "\xed\x9f\xbf",
                                            "\xef\xbf\xbf",
                                            "😀",
                                            "\xf4\x8f\xbf\xbf"};
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    for (uint32_t n = random() % 24; n > 0; --n) text += letters[random() % letters.size()];
    const auto lower = Encode(MakeScalar(text), BoundSide::kLower);
    ASSERT_TRUE(lower.has_value());
    EXPECT_LE(*lower, text);
    EXPECT_TRUE(base::IsValidUtf8(*lower));
    const auto upper = Encode(MakeScalar(text), BoundSide::kUpper);
    if (!upper) continue;
    EXPECT_GE(*upper, text);
    EXPECT_TRUE(base::IsValidUtf8(*upper));
    EXPECT_LE(upper->size(), 64u);
  }
}

TEST(Bounds, DecodeGivesBackWhatWasEncoded) {
  const std::vector<std::shared_ptr<arrow::Scalar>> values = {
      MakeScalar(true),
      MakeScalar(int32_t{-7}),
      MakeScalar(int64_t{1} << 40),
      MakeScalar(2.5f),
      MakeScalar(-1e300),
      MakeScalar(std::string("ä")),
      Decimal("-123.45", 9, 2),
      Decimal("99999999999999999999999999999999999999", 38, 0),
      std::make_shared<arrow::Date32Scalar>(-1),
      std::make_shared<arrow::TimestampScalar>(-5, arrow::timestamp(arrow::TimeUnit::MICRO, "UTC")),
      std::make_shared<arrow::BinaryScalar>(arrow::Buffer::FromString("\x01\x02")),
      std::make_shared<arrow::FixedSizeBinaryScalar>(arrow::Buffer::FromString("0123456789abcdef"),
                                                     arrow::fixed_size_binary(16))};
  for (const auto& value : values) {
    const auto back = DecodeBound(*Encode(value), value->type).ValueOrDie();
    EXPECT_TRUE(back->Equals(*value)) << value->ToString() << " " << back->ToString();
  }
}

TEST(Bounds, PromotedColumnsReadOldBounds) {
  EXPECT_TRUE(DecodeBound(Bytes({0xff, 0xff, 0xff, 0xff}), arrow::int64())
                  .ValueOrDie()
                  ->Equals(*MakeScalar(int64_t{-1})));
  EXPECT_TRUE(DecodeBound(Bytes({0, 0, 0x80, 0x3f}), arrow::float64())
                  .ValueOrDie()
                  ->Equals(*MakeScalar(1.0)));
  EXPECT_TRUE(DecodeBound(Bytes({2, 0, 0, 0}), arrow::timestamp(arrow::TimeUnit::MICRO))
                  .ValueOrDie()
                  ->Equals(arrow::TimestampScalar(172'800'000'000,
                                                  arrow::timestamp(arrow::TimeUnit::MICRO))));
  EXPECT_TRUE(DecodeBound(Bytes({0x05, 0x8c}), arrow::decimal128(18, 2))
                  .ValueOrDie()
                  ->Equals(*Decimal("14.20", 18, 2)));
}

TEST(Bounds, LengthsThatFitNoTypeAreCorrupt) {
  for (const auto& type : {arrow::boolean(), arrow::int32(), arrow::int64(), arrow::float32(),
                           arrow::float64(), arrow::date32(), arrow::decimal128(9, 2),
                           arrow::fixed_size_binary(3), arrow::timestamp(arrow::TimeUnit::MICRO)}) {
    for (const size_t length : {0u, 5u, 17u}) {
      // Any number of bytes from 1 to 16 is a decimal.
      if (length == 5 && type->id() == arrow::Type::DECIMAL128) continue;
      EXPECT_EQ(KindOf(DecodeBound(std::string(length, 'x'), type).status()), ErrorKind::kCorrupt)
          << type->ToString() << length;
    }
  }
  EXPECT_EQ(
      KindOf(DecodeBound(Bytes({0xff, 0xff, 0xff, 0x7f}), arrow::timestamp(arrow::TimeUnit::NANO))
                 .status()),
      ErrorKind::kCorrupt);
  EXPECT_EQ(KindOf(DecodeBound("x", arrow::list(arrow::int32())).status()), ErrorKind::kInvalid);
}

}  // namespace
}  // namespace millpond::table
