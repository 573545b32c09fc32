// Encoding and decoding of column bounds. See bounds.h.
#include "table/bounds.h"

#include <arrow/api.h>
#include <arrow/util/decimal.h>

#include <bit>
#include <cmath>
#include <cstring>

#include "base/text.h"

namespace millpond::table {
namespace {

using arrow::Type;
using Encoded = std::optional<std::string>;

static_assert(std::endian::native == std::endian::little);

template <class T>
std::string LittleEndian(T value) {
  std::string bytes(sizeof(T), '\0');
  std::memcpy(bytes.data(), &value, sizeof(T));
  return bytes;
}

template <class T>
T FromLittleEndian(std::string_view bytes) {
  T value{};
  bytes.copy(reinterpret_cast<char*>(&value), sizeof(T));
  return value;
}

template <class T>
Encoded EncodeFloat(T value, BoundSide side) {
  if (std::isnan(value)) return std::nullopt;
  // -0.0 equals +0.0, but engines order them; the bound must hold both.
  if (value == 0) value = side == BoundSide::kLower ? T{-0.0} : T{0.0};
  return LittleEndian(value);
}

// Two's complement, big-endian, in as few bytes as hold the sign.
std::string EncodeDecimal(const arrow::Decimal128& value) {
  const std::array<uint8_t, 16> little = value.ToBytes();
  std::string bytes(little.rbegin(), little.rend());
  size_t begin = 0;
  while (begin + 1 < bytes.size()) {
    const bool next_is_negative = (static_cast<uint8_t>(bytes[begin + 1]) & 0x80) != 0;
    const auto lead = static_cast<uint8_t>(bytes[begin]);
    if (!(lead == 0x00 && !next_is_negative) && !(lead == 0xff && next_is_negative)) break;
    ++begin;
  }
  return bytes.substr(begin);
}

// Where each code point of valid UTF-8 begins, up to and with the one after the last that is kept.
std::vector<size_t> CodePointStarts(std::string_view text, size_t most) {
  std::vector<size_t> starts;
  for (size_t i = 0; i < text.size() && starts.size() <= most; ++i) {
    if ((static_cast<uint8_t>(text[i]) & 0xc0) != 0x80) starts.push_back(i);
  }
  return starts;
}

uint32_t DecodeCodePoint(std::string_view bytes) {
  const auto lead = static_cast<uint8_t>(bytes[0]);
  if (bytes.size() == 1) return lead;
  uint32_t point = lead & (0xff >> (bytes.size() + 1));
  for (const char byte : bytes.substr(1))
    point = (point << 6) | (static_cast<uint8_t>(byte) & 0x3f);
  return point;
}

std::string EncodeCodePoint(uint32_t point) {
  const auto tail = [point](int shift) {
    return static_cast<char>(0x80 | ((point >> shift) & 0x3f));
  };
  if (point < 0x80) return {static_cast<char>(point)};
  if (point < 0x800) return {static_cast<char>(0xc0 | (point >> 6)), tail(0)};
  if (point < 0x10000) return {static_cast<char>(0xe0 | (point >> 12)), tail(6), tail(0)};
  return {static_cast<char>(0xf0 | (point >> 18)), tail(12), tail(6), tail(0)};
}

Encoded EncodeText(std::string_view text, BoundSide side) {
  // What is not text has no code points to cut at.
  if (!base::IsValidUtf8(text)) return std::nullopt;
  std::vector<size_t> starts = CodePointStarts(text, kBoundLength);
  if (starts.size() <= kBoundLength) return std::string(text);
  size_t end = starts.back();
  if (side == BoundSide::kLower) return std::string(text.substr(0, end));
  for (size_t last = kBoundLength; last > 0; --last) {
    const size_t begin = starts[last - 1];
    uint32_t point = DecodeCodePoint(text.substr(begin, end - begin)) + 1;
    if (point == 0xd800) point = 0xe000;  // Surrogates are no code points of UTF-8.
    if (point <= 0x10ffff) return std::string(text.substr(0, begin)) + EncodeCodePoint(point);
    end = begin;
  }
  return std::nullopt;
}

Encoded EncodeBinary(std::string_view bytes, BoundSide side) {
  if (bytes.size() <= kBoundLength) return std::string(bytes);
  std::string cut(bytes.substr(0, kBoundLength));
  if (side == BoundSide::kLower) return cut;
  while (!cut.empty() && cut.back() == '\xff') cut.pop_back();
  if (cut.empty()) return std::nullopt;
  cut.back() = static_cast<char>(static_cast<uint8_t>(cut.back()) + 1);
  return cut;
}

std::string_view ViewOf(const arrow::Scalar& value) {
  return static_cast<const arrow::BaseBinaryScalar&>(value).view();
}

Status BadLength(std::string_view bytes, const arrow::DataType& type) {
  return base::Corrupt("a bound of {} bytes does not fit a column of type {}", bytes.size(),
                       type.ToString());
}

Result<arrow::Decimal128> DecodeDecimal(std::string_view bytes, const arrow::DataType& type) {
  if (bytes.empty() || bytes.size() > 16) return BadLength(bytes, type);
  return arrow::Decimal128::FromBigEndian(reinterpret_cast<const uint8_t*>(bytes.data()),
                                          static_cast<int32_t>(bytes.size()));
}

// The 64-bit count of a time or long column; a shorter one was written before the column was
// promoted.
Result<int64_t> DecodeInt64(std::string_view bytes, const arrow::DataType& type) {
  if (bytes.size() == 8) return FromLittleEndian<int64_t>(bytes);
  if (bytes.size() != 4) return BadLength(bytes, type);
  const int64_t narrow = FromLittleEndian<int32_t>(bytes);
  if (type.id() != Type::TIMESTAMP) return narrow;
  // v3 promotes dates to timestamps.
  const bool nanoseconds =
      static_cast<const arrow::TimestampType&>(type).unit() == arrow::TimeUnit::NANO;
  int64_t result = 0;
  if (__builtin_mul_overflow(narrow, nanoseconds ? 86'400'000'000'000 : 86'400'000'000, &result)) {
    return base::Corrupt("a date bound of {} days is beyond {}", narrow, type.ToString());
  }
  return result;
}

Result<double> DecodeDouble(std::string_view bytes, const arrow::DataType& type) {
  if (bytes.size() == 8) return FromLittleEndian<double>(bytes);
  if (bytes.size() == 4) return FromLittleEndian<float>(bytes);
  return BadLength(bytes, type);
}

}  // namespace

Result<std::optional<std::string>> EncodeBound(const arrow::Scalar& value, BoundSide side) {
  if (!value.is_valid) return Encoded();
  switch (value.type->id()) {
    case Type::BOOL:
      return Encoded(std::string(1, static_cast<const arrow::BooleanScalar&>(value).value ? 1 : 0));
    case Type::INT32:
      return Encoded(LittleEndian(static_cast<const arrow::Int32Scalar&>(value).value));
    case Type::DATE32:
      return Encoded(LittleEndian(static_cast<const arrow::Date32Scalar&>(value).value));
    case Type::INT64:
      return Encoded(LittleEndian(static_cast<const arrow::Int64Scalar&>(value).value));
    case Type::TIMESTAMP: {
      const auto unit = static_cast<const arrow::TimestampType&>(*value.type).unit();
      if (unit != arrow::TimeUnit::MICRO && unit != arrow::TimeUnit::NANO) break;
      return Encoded(LittleEndian(static_cast<const arrow::TimestampScalar&>(value).value));
    }
    case Type::FLOAT:
      return EncodeFloat(static_cast<const arrow::FloatScalar&>(value).value, side);
    case Type::DOUBLE:
      return EncodeFloat(static_cast<const arrow::DoubleScalar&>(value).value, side);
    case Type::DECIMAL128:
      return Encoded(EncodeDecimal(static_cast<const arrow::Decimal128Scalar&>(value).value));
    case Type::STRING:
    case Type::LARGE_STRING:
      return EncodeText(ViewOf(value), side);
    case Type::BINARY:
    case Type::LARGE_BINARY:
      return EncodeBinary(ViewOf(value), side);
    case Type::FIXED_SIZE_BINARY:
      return Encoded(std::string(ViewOf(value)));
    case Type::LIST:
    case Type::STRUCT:
    case Type::MAP:
      return Encoded();
    default:
      break;
  }
  return base::Invalid("type {} has no bounds; it is not one that a table holds",
                       value.type->ToString());
}

Result<std::shared_ptr<arrow::Scalar>> DecodeBound(std::string_view bytes,
                                                   const std::shared_ptr<arrow::DataType>& type) {
  switch (type->id()) {
    case Type::BOOL:
      if (bytes.size() != 1) return BadLength(bytes, *type);
      return std::make_shared<arrow::BooleanScalar>(bytes[0] != 0);
    case Type::INT32:
      if (bytes.size() != 4) return BadLength(bytes, *type);
      return std::make_shared<arrow::Int32Scalar>(FromLittleEndian<int32_t>(bytes));
    case Type::DATE32:
      if (bytes.size() != 4) return BadLength(bytes, *type);
      return std::make_shared<arrow::Date32Scalar>(FromLittleEndian<int32_t>(bytes));
    case Type::INT64: {
      ARROW_ASSIGN_OR_RAISE(int64_t value, DecodeInt64(bytes, *type));
      return std::make_shared<arrow::Int64Scalar>(value);
    }
    case Type::TIMESTAMP: {
      ARROW_ASSIGN_OR_RAISE(int64_t value, DecodeInt64(bytes, *type));
      return std::make_shared<arrow::TimestampScalar>(value, type);
    }
    case Type::FLOAT:
      if (bytes.size() != 4) return BadLength(bytes, *type);
      return std::make_shared<arrow::FloatScalar>(FromLittleEndian<float>(bytes));
    case Type::DOUBLE: {
      ARROW_ASSIGN_OR_RAISE(double value, DecodeDouble(bytes, *type));
      return std::make_shared<arrow::DoubleScalar>(value);
    }
    case Type::DECIMAL128: {
      ARROW_ASSIGN_OR_RAISE(auto value, DecodeDecimal(bytes, *type));
      return std::make_shared<arrow::Decimal128Scalar>(value, type);
    }
    case Type::STRING:
      return std::make_shared<arrow::StringScalar>(std::string(bytes));
    case Type::BINARY:
      return std::make_shared<arrow::BinaryScalar>(arrow::Buffer::FromString(std::string(bytes)));
    case Type::FIXED_SIZE_BINARY: {
      const auto width = static_cast<const arrow::FixedSizeBinaryType&>(*type).byte_width();
      if (bytes.size() != static_cast<size_t>(width)) return BadLength(bytes, *type);
      return std::make_shared<arrow::FixedSizeBinaryScalar>(
          arrow::Buffer::FromString(std::string(bytes)), type);
    }
    default:
      return base::Invalid("a column of type {} has no bounds", type->ToString());
  }
}

}  // namespace millpond::table
