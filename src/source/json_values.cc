// CheckJson and AppendJson walk value and type together; both must know the same pairs.
#include "source/json_values.h"

#include <arrow/builder.h>
#include <arrow/type.h>
#include <arrow/util/decimal.h>

#include <cmath>

#include "source/json_raw.h"
#include "source/text_value.h"
#include "source/type_name.h"

namespace millpond::source {
namespace {

using arrow::internal::checked_cast;
using base::Json;

constexpr size_t kShown = 120;

std::string Show(const Json& value, std::string_view raw) {
  std::string text = value.is_string() ? value.get_ref<const std::string&>() : CompactRaw(raw);
  if (text.size() > kShown) {
    size_t cut = kShown;
    while (cut > 0 && (text[cut] & 0xC0) == 0x80) --cut;
    text = text.substr(0, cut) + "…";
  }
  return text;
}

JsonMisfit Unlike(const Json& value, std::string_view raw, const arrow::DataType& type) {
  return {"", fmt::format("expected {}, found '{}'", TypeName(type), Show(value, raw))};
}

bool ToInt64(const Json& value, int64_t least, int64_t most, int64_t* out) {
  if (!value.is_number_integer()) return false;
  if (value.is_number_unsigned() && value.get<uint64_t>() > static_cast<uint64_t>(INT64_MAX))
    return false;
  *out = value.get<int64_t>();
  return *out >= least && *out <= most;
}

bool ToDecimal(const Json& value, std::string_view raw, const arrow::DataType& type,
               arrow::Decimal128* out) {
  if (!value.is_number() && !value.is_string()) return false;
  const auto& decimal = checked_cast<const arrow::Decimal128Type&>(type);
  const std::string text = value.is_string() ? value.get<std::string>() : std::string(raw);
  int32_t precision = 0, scale = 0;
  if (!arrow::Decimal128::FromString(text, out, &precision, &scale).ok()) return false;
  if (scale != decimal.scale()) {
    auto scaled = out->Rescale(scale, decimal.scale());
    if (!scaled.ok()) return false;
    *out = *scaled;
  }
  return out->FitsInPrecision(decimal.precision());
}

/// Fractions become the nearest number; a whole number must stay what it is.
bool FitsFloating(const Json& value, std::string_view raw, int digits) {
  if (!value.is_number()) return false;
  if (raw.find_first_of(".eE") != std::string_view::npos) return true;
  const auto number = value.get<double>();
  if (std::abs(number) < std::ldexp(1.0, digits)) return true;
  const double stored = digits == 24 ? double{static_cast<float>(number)} : number;
  return fmt::format("{:.0f}", stored) == raw;
}

bool ToDate(const Json& value, int32_t* out) {
  if (!value.is_string()) return false;
  const auto& text = value.get_ref<const std::string&>();
  return ParseDate(text.data(), text.size(), out);
}

bool ToTimestamp(const Json& value, const arrow::DataType& type, int64_t* out) {
  if (!value.is_string()) return false;
  const auto& text = value.get_ref<const std::string&>();
  bool zoned = false;
  return ParseTimestamp(text.data(), text.size(), out, &zoned) &&
         zoned == !checked_cast<const arrow::TimestampType&>(type).timezone().empty();
}

bool LeafFits(const Json& value, std::string_view raw, const arrow::DataType& type) {
  int64_t integer = 0;
  int32_t days = 0;
  arrow::Decimal128 decimal;
  switch (type.id()) {
    case arrow::Type::BOOL:
      return value.is_boolean();
    case arrow::Type::INT32:
      return ToInt64(value, INT32_MIN, INT32_MAX, &integer);
    case arrow::Type::INT64:
      return ToInt64(value, INT64_MIN, INT64_MAX, &integer);
    case arrow::Type::FLOAT:
      return FitsFloating(value, raw, 24);
    case arrow::Type::DOUBLE:
      return FitsFloating(value, raw, 53);
    case arrow::Type::DECIMAL128:
      return ToDecimal(value, raw, type, &decimal);
    case arrow::Type::DATE32:
      return ToDate(value, &days);
    case arrow::Type::TIMESTAMP:
      return ToTimestamp(value, type, &integer);
    case arrow::Type::STRING:
      return true;
    case arrow::Type::BINARY:
      return value.is_string();
    case arrow::Type::FIXED_SIZE_BINARY:
      return value.is_string() &&
             value.get_ref<const std::string&>().size() ==
                 static_cast<size_t>(
                     checked_cast<const arrow::FixedSizeBinaryType&>(type).byte_width());
    default:
      return false;
  }
}

JsonMisfit Within(JsonMisfit misfit, const std::string& step) {
  if (misfit.reason.empty()) return misfit;
  const bool joined = misfit.path.empty() || misfit.path.front() == '[';
  misfit.path = step + (joined ? "" : ".") + misfit.path;
  return misfit;
}

JsonMisfit CheckStruct(const Json& value, std::string_view raw, const arrow::DataType& type,
                       bool ignore_unknown_keys) {
  const auto& fields = checked_cast<const arrow::StructType&>(type);
  const auto raws = RawMembers(raw);
  for (const auto& [key, item] : value.items()) {
    const auto field = fields.GetFieldByName(key);
    if (!field) {
      if (ignore_unknown_keys) continue;
      return {key,
              "a key that the sample did not have; give its type, raise sample_bytes, or set "
              "unknown_keys=ignore"};
    }
    JsonMisfit misfit =
        Within(CheckJson(item, raws.at(key), *field->type(), ignore_unknown_keys), key);
    if (!misfit.reason.empty()) return misfit;
  }
  return {};
}

Status AppendLeaf(const Json& value, std::string_view raw, const arrow::DataType& type,
                  arrow::ArrayBuilder* builder) {
  int64_t integer = 0;
  int32_t days = 0;
  arrow::Decimal128 decimal;
  switch (type.id()) {
    case arrow::Type::BOOL:
      return checked_cast<arrow::BooleanBuilder*>(builder)->Append(value.get<bool>());
    case arrow::Type::INT32:
      return checked_cast<arrow::Int32Builder*>(builder)->Append(value.get<int32_t>());
    case arrow::Type::INT64:
      return checked_cast<arrow::Int64Builder*>(builder)->Append(value.get<int64_t>());
    case arrow::Type::FLOAT:
      return checked_cast<arrow::FloatBuilder*>(builder)->Append(value.get<float>());
    case arrow::Type::DOUBLE:
      return checked_cast<arrow::DoubleBuilder*>(builder)->Append(value.get<double>());
    case arrow::Type::DECIMAL128:
      ToDecimal(value, raw, type, &decimal);
      return checked_cast<arrow::Decimal128Builder*>(builder)->Append(decimal);
    case arrow::Type::DATE32:
      ToDate(value, &days);
      return checked_cast<arrow::Date32Builder*>(builder)->Append(days);
    case arrow::Type::TIMESTAMP:
      ToTimestamp(value, type, &integer);
      return checked_cast<arrow::TimestampBuilder*>(builder)->Append(integer);
    case arrow::Type::STRING:
      return checked_cast<arrow::StringBuilder*>(builder)->Append(
          value.is_string() ? value.get<std::string>() : CompactRaw(raw));
    case arrow::Type::BINARY:
      return checked_cast<arrow::BinaryBuilder*>(builder)->Append(
          value.get_ref<const std::string&>());
    case arrow::Type::FIXED_SIZE_BINARY:
      return checked_cast<arrow::FixedSizeBinaryBuilder*>(builder)->Append(
          value.get_ref<const std::string&>());
    default:
      return base::Internal("JSON value of type {} was not checked", type.ToString());
  }
}

}  // namespace

JsonMisfit CheckJson(const Json& value, std::string_view raw, const arrow::DataType& type,
                     bool ignore_unknown_keys) {
  if (value.is_null()) return {};
  switch (type.id()) {
    case arrow::Type::STRUCT:
      if (!value.is_object()) return Unlike(value, raw, type);
      return CheckStruct(value, raw, type, ignore_unknown_keys);
    case arrow::Type::LIST: {
      if (!value.is_array()) return Unlike(value, raw, type);
      const auto raws = RawItems(raw);
      for (size_t i = 0; i < value.size(); ++i) {
        JsonMisfit misfit =
            Within(CheckJson(value[i], raws.at(i), *type.field(0)->type(), ignore_unknown_keys),
                   fmt::format("[{}]", i));
        if (!misfit.reason.empty()) return misfit;
      }
      return {};
    }
    case arrow::Type::MAP: {
      const auto& map = checked_cast<const arrow::MapType&>(type);
      if (!value.is_object() || map.key_type()->id() != arrow::Type::STRING)
        return Unlike(value, raw, type);
      const auto raws = RawMembers(raw);
      for (const auto& [key, item] : value.items()) {
        JsonMisfit misfit =
            Within(CheckJson(item, raws.at(key), *map.item_type(), ignore_unknown_keys), key);
        if (!misfit.reason.empty()) return misfit;
      }
      return {};
    }
    default:
      return LeafFits(value, raw, type) ? JsonMisfit{} : Unlike(value, raw, type);
  }
}

Status AppendJson(const Json& value, std::string_view raw, const arrow::DataType& type,
                  arrow::ArrayBuilder* builder) {
  if (value.is_null()) return builder->AppendNull();
  switch (type.id()) {
    case arrow::Type::STRUCT: {
      auto* fields = checked_cast<arrow::StructBuilder*>(builder);
      ARROW_RETURN_NOT_OK(fields->Append());
      const auto raws = RawMembers(raw);
      for (int i = 0; i < type.num_fields(); ++i) {
        const auto found = value.find(type.field(i)->name());
        ARROW_RETURN_NOT_OK(found == value.end()
                                ? fields->field_builder(i)->AppendNull()
                                : AppendJson(*found, raws.at(found.key()), *type.field(i)->type(),
                                             fields->field_builder(i)));
      }
      return Status::OK();
    }
    case arrow::Type::LIST: {
      auto* list = checked_cast<arrow::ListBuilder*>(builder);
      ARROW_RETURN_NOT_OK(list->Append());
      const auto raws = RawItems(raw);
      for (size_t i = 0; i < value.size(); ++i)
        ARROW_RETURN_NOT_OK(
            AppendJson(value[i], raws.at(i), *type.field(0)->type(), list->value_builder()));
      return Status::OK();
    }
    case arrow::Type::MAP: {
      auto* map = checked_cast<arrow::MapBuilder*>(builder);
      ARROW_RETURN_NOT_OK(map->Append());
      const auto raws = RawMembers(raw);
      for (const auto& [key, item] : value.items()) {
        ARROW_RETURN_NOT_OK(checked_cast<arrow::StringBuilder*>(map->key_builder())->Append(key));
        ARROW_RETURN_NOT_OK(AppendJson(item, raws.at(key),
                                       *checked_cast<const arrow::MapType&>(type).item_type(),
                                       map->item_builder()));
      }
      return Status::OK();
    }
    default:
      return AppendLeaf(value, raw, type, builder);
  }
}

Status AppendJsonRow(const Json& row, const std::map<std::string, std::string_view>& raws,
                     const std::vector<std::string>& keys, const arrow::Schema& schema,
                     arrow::RecordBatchBuilder* builder) {
  for (int i = 0; i < schema.num_fields(); ++i) {
    const auto found = row.find(keys[static_cast<size_t>(i)]);
    ARROW_RETURN_NOT_OK(found == row.end()
                            ? builder->GetField(i)->AppendNull()
                            : AppendJson(*found, raws.at(found.key()), *schema.field(i)->type(),
                                         builder->GetField(i)));
  }
  return Status::OK();
}

}  // namespace millpond::source
