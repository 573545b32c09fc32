// Canonical text of key columns. Stable for ever: splits of frozen versions depend on it.
#include <arrow/api.h>
#include <arrow/util/decimal.h>
#include <fmt/format.h>

#include <iterator>

#include "base/hash.h"
#include "base/text.h"
#include "train/split.h"

namespace millpond::train {
namespace {

using arrow::Type;
using base::ErrorKind;

constexpr char kSeparator = '\x1f';
constexpr int64_t kMicrosecondsPerDay = 86'400'000'000;

bool Serves(const arrow::DataType& type) {
  switch (type.id()) {
    case Type::BOOL:
    case Type::STRING:
    case Type::LARGE_STRING:
    case Type::BINARY:
    case Type::LARGE_BINARY:
    case Type::FIXED_SIZE_BINARY:
    case Type::DATE32:
    case Type::DECIMAL128:
      return true;
    case Type::TIMESTAMP:
      return static_cast<const arrow::TimestampType&>(type).unit() == arrow::TimeUnit::MICRO;
    default:
      return arrow::is_integer(type.id());
  }
}

template <class ArrayType>
auto ValueAt(const arrow::Array& array, int64_t row) {
  return static_cast<const ArrayType&>(array).GetView(row);
}

template <class ArrayType>
void AppendNumber(const arrow::Array& array, int64_t row, std::string* text) {
  fmt::format_to(std::back_inserter(*text), "{}", +ValueAt<ArrayType>(array, row));
}

void AppendValue(const arrow::Array& array, int64_t row, std::string* text) {
  switch (array.type_id()) {
    case Type::BOOL:
      text->append(ValueAt<arrow::BooleanArray>(array, row) ? "true" : "false");
      break;
    case Type::INT8:
      return AppendNumber<arrow::Int8Array>(array, row, text);
    case Type::INT16:
      return AppendNumber<arrow::Int16Array>(array, row, text);
    case Type::INT32:
      return AppendNumber<arrow::Int32Array>(array, row, text);
    case Type::INT64:
      return AppendNumber<arrow::Int64Array>(array, row, text);
    case Type::UINT8:
      return AppendNumber<arrow::UInt8Array>(array, row, text);
    case Type::UINT16:
      return AppendNumber<arrow::UInt16Array>(array, row, text);
    case Type::UINT32:
      return AppendNumber<arrow::UInt32Array>(array, row, text);
    case Type::UINT64:
      return AppendNumber<arrow::UInt64Array>(array, row, text);
    case Type::TIMESTAMP:
      return AppendNumber<arrow::TimestampArray>(array, row, text);
    case Type::DATE32:
      fmt::format_to(std::back_inserter(*text), "{}",
                     ValueAt<arrow::Date32Array>(array, row) * kMicrosecondsPerDay);
      break;
    case Type::LARGE_STRING:
    case Type::LARGE_BINARY:
      text->append(ValueAt<arrow::LargeBinaryArray>(array, row));
      break;
    case Type::FIXED_SIZE_BINARY:
      text->append(ValueAt<arrow::FixedSizeBinaryArray>(array, row));
      break;
    case Type::DECIMAL128:
      text->append(static_cast<const arrow::Decimal128Array&>(array).FormatValue(row));
      break;
    default:
      text->append(ValueAt<arrow::BinaryArray>(array, row));
  }
}

}  // namespace

Status CheckKeyType(const arrow::Field& field) {
  if (Serves(*field.type())) return Status::OK();
  return base::Invalid(
      "column '{}' of type {} cannot identify or group samples, because its text is not exact; "
      "cast it in the query to an integer, text, date, timestamp or boolean",
      field.name(), field.type()->ToString());
}

Result<KeyText> KeyText::Make(const arrow::RecordBatch& batch,
                              const std::vector<std::string>& columns) {
  KeyText key;
  for (const std::string& column : columns) {
    int index = batch.schema()->GetFieldIndex(column);
    if (index < 0) return base::Internal("the column '{}' was not read", column);
    ARROW_RETURN_NOT_OK(CheckKeyType(*batch.schema()->field(index)));
    key.arrays_.push_back(batch.column(index));
  }
  return key;
}

bool KeyText::Write(int64_t row, std::string* text) const {
  text->clear();
  for (size_t i = 0; i < arrays_.size(); ++i) {
    if (arrays_[i]->IsNull(row)) return false;
    if (i > 0) text->push_back(kSeparator);
    AppendValue(*arrays_[i], row, text);
  }
  return true;
}

uint64_t SplitHash(std::string_view key_text, uint64_t seed) {
  return base::Hash64(key_text, seed);
}

std::string ClassName(bool present, std::string_view text) {
  return present ? "=" + std::string(text) : "null";
}

}  // namespace millpond::train
