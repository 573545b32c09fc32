// Result columns of text and blobs. A Reader gives the bytes of one row. Used by column_output.cc
// only.
#pragma once

#include <limits>
#include <string>
#include <vector>

#include "query/column_output.h"

namespace millpond::query {

/// VARCHAR and BLOB: the bytes as they stand.
struct PlainText {
  using Source = duckdb_string_t;
  std::string_view Read(const Source& value) const {
    const uint32_t length = value.value.inlined.length;
    const char* bytes = length <= sizeof(value.value.inlined.inlined) ? value.value.inlined.inlined
                                                                      : value.value.pointer.ptr;
    return {bytes, length};
  }
};

/// ENUM: the label of a code of this width.
template <class Code>
struct EnumLabel {
  using Source = Code;
  std::vector<std::string> labels;
  std::string_view Read(Code code) const { return labels[code]; }
};

/// UUID in its usual form; DuckDB keeps it as a 128-bit integer with the sign bit flipped.
struct UuidText {
  using Source = duckdb_hugeint;
  mutable std::string text;
  std::string_view Read(const duckdb_hugeint& value) const {
    const uint64_t upper = static_cast<uint64_t>(value.upper) ^ (1ULL << 63);
    text = fmt::format("{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", upper >> 32, (upper >> 16) & 0xffff,
                       upper & 0xffff, value.lower >> 48, value.lower & 0xffffffffffffULL);
    return text;
  }
};

/// BIT as zeros and ones: one byte with the count of padding bits, then the bits.
struct BitText {
  using Source = duckdb_string_t;
  mutable std::string text;
  std::string_view Read(const duckdb_string_t& value) const {
    const std::string_view bytes = PlainText().Read(value);
    text.clear();
    const size_t padding = bytes.empty() ? 0 : static_cast<uint8_t>(bytes[0]);
    for (size_t bit = 8 + padding; bit < bytes.size() * 8; ++bit) {
      text += ((static_cast<uint8_t>(bytes[bit / 8]) >> (7 - bit % 8)) & 1) != 0 ? '1' : '0';
    }
    return text;
  }
};

template <class Reader>
class TextColumn final : public ColumnOutput {
 public:
  using Source = typename Reader::Source;
  TextColumn(std::shared_ptr<arrow::DataType> type, Reader reader)
      : ColumnOutput(std::move(type)), reader_(std::move(reader)) {}

  Status Append(duckdb_vector vector, int64_t offset, int64_t count) override {
    const auto* from = static_cast<const Source*>(duckdb_vector_get_data(vector));
    const uint64_t* validity = duckdb_vector_get_validity(vector);
    ARROW_RETURN_NOT_OK(AppendValidity(validity, offset, count));
    ARROW_RETURN_NOT_OK(offsets_.Reserve(count + 1));
    for (int64_t row = offset; row < offset + count; ++row) {
      offsets_.UnsafeAppend(static_cast<int32_t>(bytes_.length()));
      if (!IsValid(validity, row)) continue;
      const std::string_view text = reader_.Read(from[row]);
      const int64_t size = static_cast<int64_t>(text.size());
      if (bytes_.length() + size > std::numeric_limits<int32_t>::max()) {
        return base::Invalid("text or blobs of one batch exceed 2 GiB: select fewer of them");
      }
      ARROW_RETURN_NOT_OK(bytes_.Append(text.data(), size));
    }
    return Status::OK();
  }

  int64_t VariableBytes(duckdb_vector vector, int64_t offset, int64_t count) const override {
    if constexpr (std::is_same_v<Reader, PlainText>) {
      const auto* from = static_cast<const Source*>(duckdb_vector_get_data(vector));
      const uint64_t* validity = duckdb_vector_get_validity(vector);
      int64_t bytes = 0;
      for (int64_t row = offset; row < offset + count; ++row) {
        if (IsValid(validity, row)) bytes += from[row].value.inlined.length;
      }
      return bytes;
    }
    return 0;
  }

  Result<std::shared_ptr<arrow::ArrayData>> Finish() override {
    ARROW_RETURN_NOT_OK(offsets_.Append(static_cast<int32_t>(bytes_.length())));
    ARROW_ASSIGN_OR_RAISE(auto offsets, offsets_.Finish());
    ARROW_ASSIGN_OR_RAISE(auto bytes, bytes_.Finish());
    return FinishWith({std::move(offsets), std::move(bytes)});
  }

 private:
  Reader reader_;
  arrow::TypedBufferBuilder<int32_t> offsets_;
  arrow::BufferBuilder bytes_;
};

}  // namespace millpond::query
