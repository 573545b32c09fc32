// One loop per physical type, with the parser inlined: the value buffer is written directly and the
// validity bitmap exists only where there is a null.
#include "source/column_convert.h"

#include <arrow/array.h>
#include <arrow/buffer.h>
#include <arrow/type.h>
#include <arrow/util/bit_util.h>
#include <arrow/util/decimal.h>
#include <arrow/util/utf8.h>

#include <algorithm>
#include <cstring>

#include "source/text_value.h"
#include "source/type_name.h"

namespace millpond::source {
namespace {

using arrow::Buffer;

bool IsUtf8(std::string_view text) {
  static const bool ready = [] {
    arrow::util::InitializeUTF8();
    return true;
  }();
  return ready && arrow::util::ValidateUTF8(text);
}

/// The validity bitmap of an array being built; allocated at the first null.
class Validity {
 public:
  explicit Validity(int64_t count) : count_(count) {}

  Status SetNull(size_t row) {
    if (!bitmap_) {
      ARROW_ASSIGN_OR_RAISE(bitmap_, arrow::AllocateBuffer(arrow::bit_util::BytesForBits(count_)));
      std::memset(bitmap_->mutable_data(), 0xFF, static_cast<size_t>(bitmap_->size()));
    }
    arrow::bit_util::ClearBit(bitmap_->mutable_data(), static_cast<int64_t>(row));
    ++nulls_;
    return Status::OK();
  }
  std::shared_ptr<Buffer> buffer() { return std::move(bitmap_); }
  int64_t nulls() const { return nulls_; }

 private:
  const int64_t count_;
  std::shared_ptr<Buffer> bitmap_;
  int64_t nulls_ = 0;
};

bool IsMarker(std::string_view text, const std::vector<std::string>& markers) {
  for (const std::string& marker : markers)
    if (text == marker) return true;
  return false;
}

/// Whether a marker could be read as a value, so that markers must be looked at first ("-999",
/// "nan").
template <class Parse>
bool MarkersParse(const std::vector<std::string>& markers, const Parse& parse) {
  typename Parse::Value value{};
  return std::any_of(markers.begin(), markers.end(), [&](const std::string& marker) {
    return !marker.empty() && parse(marker, &value);
  });
}

// clang-format off
struct AsInt64 { using Value = int64_t; bool operator()(std::string_view t, int64_t* v) const { return ParseInt64(t.data(), t.size(), v); } };
struct AsInt32 { using Value = int32_t; bool operator()(std::string_view t, int32_t* v) const { return ParseInt32(t.data(), t.size(), v); } };
struct AsDate { using Value = int32_t; bool operator()(std::string_view t, int32_t* v) const { return ParseDate(t.data(), t.size(), v); } };
struct AsBoolean { using Value = uint8_t; bool operator()(std::string_view t, uint8_t* v) const { bool b = false; const bool fits = ParseBoolean(t.data(), t.size(), &b); *v = b; return fits; } };
// clang-format on

struct AsDouble {
  using Value = double;
  char point;
  bool operator()(std::string_view text, double* value) const {
    return ParseDouble(text.data(), text.size(), point, value);
  }
};

struct AsFloat {
  using Value = float;
  char point;
  bool operator()(std::string_view text, float* value) const {
    if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
    return !text.empty() && arrow::internal::StringToFloat(text.data(), text.size(), point, value);
  }
};

struct AsTimestamp {
  using Value = int64_t;
  bool zoned;
  bool operator()(std::string_view text, int64_t* value) const {
    bool has_zone = false;
    return ParseTimestamp(text.data(), text.size(), value, &has_zone) && has_zone == zoned;
  }
};

struct AsDecimal {
  using Value = arrow::Decimal128;
  int32_t precision, scale;
  char point;
  bool operator()(std::string_view text, arrow::Decimal128* value) const {
    std::string dotted;
    if (point != '.') {
      dotted = text;
      std::replace(dotted.begin(), dotted.end(), point, '.');
      text = dotted;
    }
    int32_t found_precision = 0, found_scale = 0;
    if (!arrow::Decimal128::FromString(text, value, &found_precision, &found_scale).ok())
      return false;
    if (found_scale != scale) {
      auto scaled = value->Rescale(found_scale, scale);
      if (!scaled.ok()) return false;
      *value = *scaled;
    }
    return value->FitsInPrecision(precision);
  }
};

/// Fills `values` by `parse`; nulls and misfits get a zero.
template <class Parse>
Status FillValues(const CellColumn& cells, const ColumnRules& rules, const Parse& parse,
                  typename Parse::Value* values, Validity* validity,
                  std::vector<uint32_t>* bad_rows) {
  const bool markers_first = MarkersParse(rules.null_markers, parse);
  for (size_t row = 0; row < cells.count; ++row) {
    const Field& field = cells.field(row);
    std::string_view text = cells.value(field);
    if (!text.empty() && !markers_first && parse(text, &values[row])) continue;
    text = TrimSpace(text);
    const bool null = text.empty() || IsMarker(text, rules.null_markers);
    if (!null && parse(text, &values[row])) continue;
    values[row] = typename Parse::Value{};
    ARROW_RETURN_NOT_OK(validity->SetNull(row));
    if (!null) bad_rows->push_back(static_cast<uint32_t>(row));
  }
  return Status::OK();
}

template <class Parse>
Result<std::shared_ptr<arrow::Array>> ConvertFixed(const CellColumn& cells,
                                                   const ColumnRules& rules, const Parse& parse,
                                                   std::vector<uint32_t>* bad_rows) {
  using Value = typename Parse::Value;
  const auto count = static_cast<int64_t>(cells.count);
  Validity validity(count);
  ARROW_ASSIGN_OR_RAISE(std::shared_ptr<Buffer> values,
                        arrow::AllocateBuffer(count * static_cast<int64_t>(sizeof(Value))));
  ARROW_RETURN_NOT_OK(FillValues(
      cells, rules, parse, reinterpret_cast<Value*>(values->mutable_data()), &validity, bad_rows));
  const int64_t nulls = validity.nulls();
  return arrow::MakeArray(
      arrow::ArrayData::Make(rules.type, count, {validity.buffer(), std::move(values)}, nulls));
}

Result<std::shared_ptr<arrow::Array>> ConvertBoolean(const CellColumn& cells,
                                                     const ColumnRules& rules,
                                                     std::vector<uint32_t>* bad_rows) {
  const auto count = static_cast<int64_t>(cells.count);
  Validity validity(count);
  std::vector<uint8_t> flags(cells.count);
  ARROW_RETURN_NOT_OK(FillValues(cells, rules, AsBoolean{}, flags.data(), &validity, bad_rows));
  ARROW_ASSIGN_OR_RAISE(std::shared_ptr<Buffer> bits,
                        arrow::AllocateBuffer(arrow::bit_util::BytesForBits(count)));
  std::memset(bits->mutable_data(), 0, static_cast<size_t>(bits->size()));
  for (size_t row = 0; row < flags.size(); ++row)
    if (flags[row] != 0) arrow::bit_util::SetBit(bits->mutable_data(), static_cast<int64_t>(row));
  const int64_t nulls = validity.nulls();
  return arrow::MakeArray(
      arrow::ArrayData::Make(rules.type, count, {validity.buffer(), std::move(bits)}, nulls));
}

/// A cell of a string or binary column: its text, and whether it is null.
std::string_view StringCell(const CellColumn& cells, const ColumnRules& rules, size_t row,
                            bool* null) {
  const Field& field = cells.field(row);
  std::string_view text = cells.value(field);
  if (rules.trim) text = TrimSpace(text);
  *null = text.empty() ? !field.quoted
                       : rules.string_markers && IsMarker(TrimSpace(text), rules.null_markers);
  return text;
}

Result<std::shared_ptr<arrow::Array>> ConvertString(const CellColumn& cells,
                                                    const ColumnRules& rules, bool check_utf8,
                                                    std::vector<uint32_t>* bad_rows) {
  const auto count = static_cast<int64_t>(cells.count);
  Validity validity(count);
  ARROW_ASSIGN_OR_RAISE(std::shared_ptr<Buffer> offsets,
                        arrow::AllocateBuffer((count + 1) * static_cast<int64_t>(sizeof(int32_t))));
  auto* offset = reinterpret_cast<int32_t*>(offsets->mutable_data());
  int64_t most = 0;
  for (size_t row = 0; row < cells.count; ++row) most += cells.field(row).size;
  ARROW_ASSIGN_OR_RAISE(std::shared_ptr<Buffer> data, arrow::AllocateBuffer(most));
  auto* out = reinterpret_cast<char*>(data->mutable_data());
  int32_t at = 0;
  for (size_t row = 0; row < cells.count; ++row) {
    offset[row] = at;
    bool null = false;
    const std::string_view text = StringCell(cells, rules, row, &null);
    const bool bad = !null && check_utf8 && !IsUtf8(text);
    if (null || bad) {
      ARROW_RETURN_NOT_OK(validity.SetNull(row));
      if (bad) bad_rows->push_back(static_cast<uint32_t>(row));
      continue;
    }
    if (!text.empty()) std::memcpy(out + at, text.data(), text.size());
    at += static_cast<int32_t>(text.size());
  }
  offset[cells.count] = at;
  const int64_t nulls = validity.nulls();
  return arrow::MakeArray(arrow::ArrayData::Make(
      rules.type, count, {validity.buffer(), std::move(offsets), std::move(data)}, nulls));
}

Result<std::shared_ptr<arrow::Array>> ConvertFixedBinary(const CellColumn& cells,
                                                         const ColumnRules& rules,
                                                         std::vector<uint32_t>* bad_rows) {
  const auto count = static_cast<int64_t>(cells.count);
  const auto width =
      static_cast<size_t>(static_cast<const arrow::FixedSizeBinaryType&>(*rules.type).byte_width());
  Validity validity(count);
  ARROW_ASSIGN_OR_RAISE(std::shared_ptr<Buffer> data,
                        arrow::AllocateBuffer(count * static_cast<int64_t>(width)));
  for (size_t row = 0; row < cells.count; ++row) {
    bool null = false;
    const std::string_view text = StringCell(cells, rules, row, &null);
    auto* out = data->mutable_data() + row * width;
    if (!null && text.size() == width) {
      std::memcpy(out, text.data(), width);
      continue;
    }
    std::memset(out, 0, width);
    ARROW_RETURN_NOT_OK(validity.SetNull(row));
    if (!null) bad_rows->push_back(static_cast<uint32_t>(row));
  }
  const int64_t nulls = validity.nulls();
  return arrow::MakeArray(
      arrow::ArrayData::Make(rules.type, count, {validity.buffer(), std::move(data)}, nulls));
}

}  // namespace

Status CheckTextType(const arrow::DataType& type, std::string_view column) {
  switch (type.id()) {
    case arrow::Type::BOOL:
    case arrow::Type::INT32:
    case arrow::Type::INT64:
    case arrow::Type::FLOAT:
    case arrow::Type::DOUBLE:
    case arrow::Type::DECIMAL128:
    case arrow::Type::DATE32:
    case arrow::Type::TIMESTAMP:
    case arrow::Type::STRING:
    case arrow::Type::BINARY:
    case arrow::Type::FIXED_SIZE_BINARY:
      return Status::OK();
    default:
      return base::Invalid(
          "column '{}' cannot be read as {} from text: choose a simple type, or deliver the data "
          "as JSON or Parquet",
          column, TypeName(type));
  }
}

Result<std::shared_ptr<arrow::Array>> ConvertColumn(const CellColumn& cells,
                                                    const ColumnRules& rules, bool valid_utf8,
                                                    std::vector<uint32_t>* bad_rows) {
  const char point = rules.decimal_point;
  switch (rules.type->id()) {
    case arrow::Type::BOOL:
      return ConvertBoolean(cells, rules, bad_rows);
    case arrow::Type::INT32:
      return ConvertFixed(cells, rules, AsInt32{}, bad_rows);
    case arrow::Type::INT64:
      return ConvertFixed(cells, rules, AsInt64{}, bad_rows);
    case arrow::Type::FLOAT:
      return ConvertFixed(cells, rules, AsFloat{point}, bad_rows);
    case arrow::Type::DOUBLE:
      return ConvertFixed(cells, rules, AsDouble{point}, bad_rows);
    case arrow::Type::DATE32:
      return ConvertFixed(cells, rules, AsDate{}, bad_rows);
    case arrow::Type::TIMESTAMP: {
      const auto& type = static_cast<const arrow::TimestampType&>(*rules.type);
      return ConvertFixed(cells, rules, AsTimestamp{!type.timezone().empty()}, bad_rows);
    }
    case arrow::Type::DECIMAL128: {
      const auto& type = static_cast<const arrow::Decimal128Type&>(*rules.type);
      return ConvertFixed(cells, rules, AsDecimal{type.precision(), type.scale(), point}, bad_rows);
    }
    case arrow::Type::STRING:
      return ConvertString(cells, rules, !valid_utf8, bad_rows);
    case arrow::Type::BINARY:
      return ConvertString(cells, rules, false, bad_rows);
    case arrow::Type::FIXED_SIZE_BINARY:
      return ConvertFixedBinary(cells, rules, bad_rows);
    default:
      return CheckTextType(*rules.type, "");
  }
}

}  // namespace millpond::source
