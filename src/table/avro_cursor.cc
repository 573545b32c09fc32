// AvroCursor: Avro's binary encoding, bounds-checked (Avro 1.11, "Binary Encoding").
#include <algorithm>

#include "table/avro_reader.h"

namespace millpond::table {

using Kind = AvroType::Kind;

AvroCursor::AvroCursor(std::string_view bytes, std::string where)
    : bytes_(bytes), where_(std::move(where)) {}

void AvroCursor::Fail(std::string problem) {
  if (!problem_.empty()) return;
  problem_ = fmt::format("{}, offset {}: {}", where_, position_, problem);
  position_ = bytes_.size();
}

void AvroCursor::Mismatch(const AvroType& found, std::string_view wanted, std::string_view what) {
  Fail(fmt::format("{} is of Avro type {}, expected {}", what, NameOf(found.kind), wanted));
}

Status AvroCursor::status() const { return ok() ? Status::OK() : base::Corrupt("{}", problem_); }

bool AvroCursor::Boolean() {
  if (remaining() == 0) {
    Fail("the data ends inside a boolean");
    return false;
  }
  const char value = bytes_[position_++];
  if (value != 0 && value != 1) Fail("a boolean is neither 0 nor 1");
  return value == 1;
}

int64_t AvroCursor::Long() {
  uint64_t zigzag = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    if (remaining() == 0) {
      Fail("the data ends inside a number");
      return 0;
    }
    const auto byte = static_cast<uint8_t>(bytes_[position_++]);
    if (shift == 63 && byte > 1) break;
    zigzag |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return static_cast<int64_t>((zigzag >> 1) ^ (~(zigzag & 1) + 1));
  }
  Fail("a number is longer than 64 bits");
  return 0;
}

int32_t AvroCursor::Int() {
  const int64_t value = Long();
  if (value >= INT32_MIN && value <= INT32_MAX) return static_cast<int32_t>(value);
  Fail(fmt::format("the number {} does not fit 32 bits", value));
  return 0;
}

std::string_view AvroCursor::Raw(int64_t length) {
  if (length < 0 || static_cast<uint64_t>(length) > remaining()) {
    Fail(fmt::format("a value of {} bytes where {} are left", length, remaining()));
    return {};
  }
  const std::string_view value = bytes_.substr(position_, static_cast<size_t>(length));
  position_ += static_cast<size_t>(length);
  return value;
}

std::string_view AvroCursor::Bytes() {
  const int64_t length = Long();
  return ok() ? Raw(length) : std::string_view();
}

int64_t AvroCursor::BlockCount(int64_t smallest_item) {
  int64_t count = Long();
  if (count < 0) {
    // A negative count is followed by the block's size in bytes.
    const int64_t size = Long();
    if (size < 0 || static_cast<uint64_t>(size) > remaining() || count == INT64_MIN) {
      Fail(fmt::format("a block of {} bytes where {} are left", size, remaining()));
    }
    count = ok() ? -count : 0;
  }
  if (static_cast<uint64_t>(count) >
      remaining() / static_cast<uint64_t>(std::max<int64_t>(smallest_item, 1))) {
    Fail(fmt::format("{} items cannot be in the {} bytes that are left", count, remaining()));
  }
  return ok() ? count : 0;
}

const AvroType& AvroCursor::Resolve(const AvroType& type) {
  static const AvroType nothing;
  if (!ok()) return nothing;
  if (type.kind != Kind::kUnion) return type;
  const int64_t branch = Long();
  if (branch >= 0 && static_cast<uint64_t>(branch) < type.parts.size()) {
    return *type.parts[static_cast<size_t>(branch)];
  }
  Fail(fmt::format("union branch {} of {}", branch, type.parts.size()));
  return nothing;
}

void AvroCursor::Skip(const AvroType& type) {
  if (!ok()) return;
  switch (type.kind) {
    case Kind::kNull:
      return;
    case Kind::kBoolean:
      (void)Boolean();
      return;
    case Kind::kInt:
    case Kind::kLong:
    case Kind::kEnum:
      (void)Long();
      return;
    case Kind::kFloat:
      (void)Raw(4);
      return;
    case Kind::kDouble:
      (void)Raw(8);
      return;
    case Kind::kBytes:
    case Kind::kString:
      (void)Bytes();
      return;
    case Kind::kFixed:
      (void)Raw(type.fixed_size);
      return;
    case Kind::kArray:
      return Items(type, "array", [this](const AvroType& item) { Skip(item); });
    case Kind::kMap:
      return MapItems(type, [this](std::string_view, const AvroType& value) { Skip(value); });
    case Kind::kRecord:
      return Record(type, [](int32_t, const AvroType&) { return false; });
    case Kind::kUnion:
      return Skip(Resolve(type));
  }
}

std::optional<int64_t> AvroCursor::Integer(const AvroType& resolved, std::string_view what) {
  if (resolved.kind == Kind::kLong) return Long();
  if (resolved.kind == Kind::kInt) return Int();
  if (resolved.kind != Kind::kNull) Mismatch(resolved, "an integer", what);
  return std::nullopt;
}

std::optional<int32_t> AvroCursor::Integer32(const AvroType& resolved, std::string_view what) {
  const std::optional<int64_t> value = Integer(resolved, what);
  if (!value) return std::nullopt;
  if (*value >= INT32_MIN && *value <= INT32_MAX) return static_cast<int32_t>(*value);
  Fail(fmt::format("{} is {}, which does not fit 32 bits", what, *value));
  return std::nullopt;
}

std::optional<bool> AvroCursor::Flag(const AvroType& resolved, std::string_view what) {
  if (resolved.kind == Kind::kBoolean) return Boolean();
  if (resolved.kind != Kind::kNull) Mismatch(resolved, "a boolean", what);
  return std::nullopt;
}

std::optional<std::string_view> AvroCursor::Text(const AvroType& resolved, std::string_view what) {
  if (resolved.kind == Kind::kBytes || resolved.kind == Kind::kString) return Bytes();
  if (resolved.kind == Kind::kFixed) return Raw(resolved.fixed_size);
  if (resolved.kind != Kind::kNull) Mismatch(resolved, "text or bytes", what);
  return std::nullopt;
}

}  // namespace millpond::table
