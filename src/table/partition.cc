// Partition tuples read and used; see the header.
#include "table/partition.h"

#include <arrow/type.h>

#include <charconv>
#include <cstring>

#include "base/json.h"
#include "table/avro_reader.h"
#include "table/schema.h"

namespace millpond::table {
namespace {

using Kind = AvroType::Kind;

template <class T>
std::string LittleEndian(T value) {
  std::string bytes(sizeof(T), '\0');
  std::memcpy(bytes.data(), &value, sizeof(T));
  return bytes;
}

std::optional<std::string> ReadValue(const AvroType& type, AvroCursor* cursor) {
  switch (type.kind) {
    case Kind::kBoolean:
      return std::string(1, cursor->Boolean() ? '\1' : '\0');
    case Kind::kInt:
      return LittleEndian(cursor->Int());
    case Kind::kLong:
      return LittleEndian(cursor->Long());
    case Kind::kFloat:
      return std::string(cursor->Raw(4));
    case Kind::kDouble:
      return std::string(cursor->Raw(8));
    case Kind::kBytes:
    case Kind::kString:
      return std::string(cursor->Bytes());
    case Kind::kFixed:
      return std::string(cursor->Raw(type.fixed_size));
    default:
      cursor->Mismatch(type, "a primitive", "a partition value");
      return std::nullopt;
  }
}

std::optional<int64_t> IntegerIn(const std::string& bytes) {
  if (bytes.size() == 4) {
    int32_t value = 0;
    std::memcpy(&value, bytes.data(), 4);
    return value;
  }
  if (bytes.size() != 8) return std::nullopt;
  int64_t value = 0;
  std::memcpy(&value, bytes.data(), 8);
  return value;
}

// W of "truncate[W]".
std::optional<int64_t> WidthOf(std::string_view transform) {
  constexpr std::string_view kTruncate = "truncate[";
  if (!transform.starts_with(kTruncate) || !transform.ends_with("]")) return std::nullopt;
  const std::string_view digits =
      transform.substr(kTruncate.size(), transform.size() - kTruncate.size() - 1);
  int64_t width = 0;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), width);
  if (parsed.ec != std::errc() || parsed.ptr != digits.data() + digits.size() || width < 1) {
    return std::nullopt;
  }
  return width;
}

// Days from 1970-01-01 to the first of January of 1970 + `years`, or of the month of 1970 +
// `months` / 12 (Howard Hinnant, "chrono-compatible low-level date algorithms").
int64_t DaysOfMonth(int64_t months) {
  int64_t year = 1970 + (months >= 0 ? months / 12 : (months - 11) / 12);
  const int64_t month = months - (year - 1970) * 12 + 1;
  year -= month <= 2 ? 1 : 0;
  const int64_t era = (year >= 0 ? year : year - 399) / 400;
  const int64_t of_era = year - era * 400;
  const int64_t day = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5;
  return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + day - 719468;
}

// First hour of a year, month, day or hour partition, counted from 1970.
std::optional<int64_t> FirstHour(std::string_view transform, int64_t value) {
  if (value < -10'000'000 || value > 100'000'000) return std::nullopt;
  if (transform == "year") return DaysOfMonth(value * 12) * 24;
  if (transform == "month") return DaysOfMonth(value) * 24;
  if (transform == "day") return value * 24;
  if (transform == "hour") return value;
  return std::nullopt;
}

/// The bounds of a column by one partition value.
struct Bounds {
  std::optional<std::string> lower, upper;
};

Bounds TimeBounds(std::string_view transform, int64_t value, const arrow::DataType& type) {
  const auto first = FirstHour(transform, value);
  const auto next = FirstHour(transform, value + 1);
  if (!first || !next) return {};
  if (type.id() == arrow::Type::DATE32) {
    return {LittleEndian(static_cast<int32_t>(*first / 24)),
            LittleEndian(static_cast<int32_t>(*next / 24 - 1))};
  }
  if (type.id() != arrow::Type::TIMESTAMP) return {};
  const bool nanoseconds =
      static_cast<const arrow::TimestampType&>(type).unit() == arrow::TimeUnit::NANO;
  const int64_t hour = nanoseconds ? 3'600'000'000'000 : 3'600'000'000;
  int64_t lower = 0;
  int64_t upper = 0;
  if (__builtin_mul_overflow(*first, hour, &lower) || __builtin_mul_overflow(*next, hour, &upper)) {
    return {};
  }
  return {LittleEndian(lower), LittleEndian(upper - 1)};
}

Bounds TruncatedBounds(int64_t width, const std::string& value, const arrow::DataType& type) {
  if (type.id() == arrow::Type::STRING || type.id() == arrow::Type::BINARY) return {value, {}};
  const auto first = IntegerIn(value);
  if (!first || !arrow::is_integer(type.id())) return {};
  int64_t last = 0;
  if (__builtin_add_overflow(*first, width - 1, &last)) return {value, {}};
  if (value.size() == 8) return {value, LittleEndian(last)};
  return {value, LittleEndian(static_cast<int32_t>(std::min<int64_t>(last, INT32_MAX)))};
}

Bounds BoundsOf(std::string_view transform, const std::string& value, const arrow::DataType& type) {
  if (transform == "identity") return {value, value};
  if (const auto width = WidthOf(transform)) return TruncatedBounds(*width, value, type);
  const auto number = IntegerIn(value);
  return number ? TimeBounds(transform, *number, type) : Bounds();
}

// Transforms whose value is null for null alone.
bool KeepsNull(std::string_view transform) {
  return transform == "identity" || transform == "year" || transform == "month" ||
         transform == "day" || transform == "hour" || transform.starts_with("truncate[") ||
         transform.starts_with("bucket[");
}

}  // namespace

std::vector<PartitionField> PartitionFieldsOf(const TableMetadata& metadata, int32_t spec_id) {
  std::vector<PartitionField> result;
  const base::Json* fields = metadata.PartitionFields(spec_id);
  if (fields == nullptr) return result;
  int32_t implied = 1000;
  for (const base::Json& field : *fields) {
    PartitionField one;
    one.source_id = field.value("source-id", 0);
    one.field_id = field.value("field-id", implied);
    one.transform = field.value("transform", "");
    implied = one.field_id + 1;
    result.push_back(std::move(one));
  }
  return result;
}

Result<PartitionReader> PartitionReader::Make(const Manifest& manifest, std::string_view origin) {
  PartitionReader reader;
  reader.origin_ = origin;
  if (manifest.partition_type.empty()) return reader;
  ARROW_ASSIGN_OR_RAISE(const base::Json json, base::ParseJson(manifest.partition_type, origin));
  ARROW_ASSIGN_OR_RAISE(reader.type_, ParseAvroSchema(json, origin));
  if (reader.type_->kind != Kind::kRecord) {
    return base::Corrupt("{}: the partition type is not a record", origin);
  }
  return reader;
}

Result<PartitionTuple> PartitionReader::Read(std::string_view encoded) const {
  PartitionTuple tuple;
  if (type_ == nullptr) return tuple;
  AvroCursor cursor(encoded, origin_);
  cursor.Record(*type_, [&](int32_t id, const AvroType& type) {
    tuple[id] = type.kind == Kind::kNull ? std::nullopt : ReadValue(type, &cursor);
    return true;
  });
  ARROW_RETURN_NOT_OK(cursor.status());
  return tuple;
}

std::string PartitionKey(int32_t spec_id, const PartitionTuple& tuple) {
  std::string key = fmt::format("{}", spec_id);
  for (const auto& [id, value] : tuple) {
    if (!value) {
      key += fmt::format(";{}", id);
      continue;
    }
    // An int that was promoted to a long is the same value in eight bytes.
    const auto number = value->size() == 4 ? IntegerIn(*value) : std::nullopt;
    const std::string bytes = number ? LittleEndian(*number) : *value;
    key += fmt::format(";{}={}:", id, bytes.size());
    key += bytes;
  }
  return key;
}

void AddPartitionBounds(const std::vector<PartitionField>& fields, const PartitionTuple& tuple,
                        const arrow::Schema& schema, DataFile* file) {
  for (const PartitionField& field : fields) {
    const auto value = tuple.find(field.field_id);
    if (value == tuple.end()) continue;
    if (!value->second) {
      if (!KeepsNull(field.transform) || file->null_counts.contains(field.source_id)) continue;
      file->null_counts[field.source_id] = file->record_count;
      file->value_counts[field.source_id] = file->record_count;
      continue;
    }
    for (const auto& column : schema.fields()) {
      if (FieldIdOf(*column) != field.source_id) continue;
      Bounds bounds = BoundsOf(field.transform, *value->second, *column->type());
      if (bounds.lower) file->lower_bounds.try_emplace(field.source_id, std::move(*bounds.lower));
      if (bounds.upper) file->upper_bounds.try_emplace(field.source_id, std::move(*bounds.upper));
    }
  }
}

}  // namespace millpond::table
