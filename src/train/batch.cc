// The hash of a batch: each column's name, type and shape, then a hash of its values.
#include "train/batch.h"

#include <arrow/api.h>
#include <fmt/format.h>

#include "base/hash.h"

namespace millpond::train {
namespace {

std::string_view BytesOf(const arrow::Buffer& buffer) {
  return {reinterpret_cast<const char*>(buffer.data()), static_cast<size_t>(buffer.size())};
}

// Text, binary and lists: validity, lengths and bytes of each row.
std::string HashOfArray(const arrow::Array& array) {
  std::string summary;
  auto add = [&](bool valid, int64_t length) {
    summary.push_back(valid ? 1 : 0);
    summary.append(reinterpret_cast<const char*>(&length), sizeof(length));
  };
  if (array.type_id() == arrow::Type::LIST) {
    const auto& list = static_cast<const arrow::ListArray&>(array);
    for (int64_t row = 0; row < list.length(); ++row)
      add(list.IsValid(row), list.value_length(row));
    summary += base::Hash128Hex(BytesOf(*list.values()->data()->buffers[1]));
  } else {
    const auto& text = static_cast<const arrow::BinaryArray&>(array);
    for (int64_t row = 0; row < text.length(); ++row)
      add(text.IsValid(row), text.value_length(row));
    summary += base::Hash128Hex(BytesOf(*text.value_data()));
  }
  return base::Hash128Hex(summary);
}

}  // namespace

std::string HashOf(const Batch& batch) {
  std::string summary;
  for (const BatchColumn& column : batch.columns) {
    summary += fmt::format("{}\n{}\n{}\n{}\n", column.name, column.type->ToString(),
                           fmt::join(column.shape, ","),
                           column.array != nullptr ? HashOfArray(*column.array)
                                                   : base::Hash128Hex(BytesOf(*column.values)));
  }
  return base::Hash128Hex(summary);
}

}  // namespace millpond::train
