// Checking text; see the header.
#include "table/text_check.h"

#include <arrow/api.h>

#include <algorithm>

#include "base/text.h"

namespace millpond::table {
namespace {

bool IsContinuation(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; }

template <class Strings>
int64_t FindInvalidString(const Strings& texts) {
  const int64_t rows = texts.length();
  if (rows == 0) return -1;
  // All bytes at once is many times faster than value by value, and says the same where no value
  // begins in the middle of a character.
  const auto begin = texts.value_offset(0);
  const auto bytes = static_cast<size_t>(texts.value_offset(rows) - begin);
  const auto* data = reinterpret_cast<const char*>(texts.raw_data()) + begin;
  bool valid = bytes == 0 || base::IsValidUtf8(std::string_view(data, bytes));
  for (int64_t i = 0; valid && i < rows; ++i) {
    const auto at = static_cast<size_t>(texts.value_offset(i) - begin);
    valid = at == bytes || !IsContinuation(data[at]);
  }
  if (valid) return -1;
  for (int64_t i = 0; i < rows; ++i) {
    if (texts.IsValid(i) && !base::IsValidUtf8(texts.GetView(i))) return i;
  }
  return -1;  // What is not text belongs to rows that are null.
}

template <class Lists>
int64_t FindInvalidElement(const Lists& lists) {
  const int64_t rows = lists.length();
  if (rows == 0) return -1;
  const auto begin = lists.value_offset(0);
  const int64_t element =
      FindInvalidText(*lists.values()->Slice(begin, lists.value_offset(rows) - begin));
  if (element < 0) return -1;
  for (int64_t row = 0; row < rows; ++row) {
    if (lists.value_offset(row + 1) - begin > element) return row;
  }
  return -1;
}

}  // namespace

int64_t FindInvalidText(const arrow::Array& array) {
  switch (array.type_id()) {
    case arrow::Type::STRING:
      return FindInvalidString(static_cast<const arrow::StringArray&>(array));
    case arrow::Type::LARGE_STRING:
      return FindInvalidString(static_cast<const arrow::LargeStringArray&>(array));
    case arrow::Type::LIST:
    case arrow::Type::MAP:
      return FindInvalidElement(static_cast<const arrow::ListArray&>(array));
    case arrow::Type::LARGE_LIST:
      return FindInvalidElement(static_cast<const arrow::LargeListArray&>(array));
    case arrow::Type::FIXED_SIZE_LIST: {
      const auto& lists = static_cast<const arrow::FixedSizeListArray&>(array);
      const auto width = lists.value_length();
      if (width == 0) return -1;
      const int64_t element = FindInvalidText(
          *lists.values()->Slice(lists.value_offset(0), array.length() * int64_t{width}));
      return element < 0 ? -1 : element / width;
    }
    case arrow::Type::STRUCT: {
      const auto& rows = static_cast<const arrow::StructArray&>(array);
      int64_t first = -1;
      for (int i = 0; i < rows.num_fields(); ++i) {
        // Flattened, so that rows without the struct have no text in it.
        const int64_t found = FindInvalidText(*rows.GetFlattenedField(i).ValueOr(rows.field(i)));
        if (found >= 0 && (first < 0 || found < first)) first = found;
      }
      return first;
    }
    default:
      return -1;
  }
}

}  // namespace millpond::table
