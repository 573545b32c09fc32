// Picks the column for each DuckDB type; the validity bitmap that all columns share; booleans.
#include "query/column_output.h"

#include <arrow/type.h>

#include <utility>
#include <vector>

#include "query/fixed_column.h"
#include "query/nested_column.h"
#include "query/text_column.h"

namespace millpond::query {

Status ColumnOutput::AppendValidity(const uint64_t* validity, int64_t offset, int64_t count) {
  length_ += count;
  if (validity == nullptr) return validity_.Append(count, true);
  ARROW_RETURN_NOT_OK(validity_.Reserve(count));
  validity_.UnsafeAppend(reinterpret_cast<const uint8_t*>(validity), offset, count);
  return Status::OK();
}

Result<std::shared_ptr<arrow::ArrayData>> ColumnOutput::FinishWith(
    std::vector<std::shared_ptr<arrow::Buffer>> buffers,
    std::vector<std::shared_ptr<arrow::ArrayData>> children) {
  const int64_t nulls = validity_.false_count();
  ARROW_ASSIGN_OR_RAISE(auto bitmap, validity_.Finish());
  buffers.insert(buffers.begin(), nulls > 0 ? std::move(bitmap) : nullptr);
  return arrow::ArrayData::Make(type_, std::exchange(length_, 0), std::move(buffers),
                                std::move(children), nulls);
}

namespace {

class BooleanColumn final : public ColumnOutput {
 public:
  BooleanColumn() : ColumnOutput(arrow::boolean()) {}

  Status Append(duckdb_vector vector, int64_t offset, int64_t count) override {
    const auto* from = static_cast<const bool*>(duckdb_vector_get_data(vector));
    const uint64_t* validity = duckdb_vector_get_validity(vector);
    ARROW_RETURN_NOT_OK(AppendValidity(validity, offset, count));
    ARROW_RETURN_NOT_OK(values_.Reserve(count));
    for (int64_t row = offset; row < offset + count; ++row) {
      values_.UnsafeAppend(IsValid(validity, row) && from[row]);
    }
    return Status::OK();
  }

  Result<std::shared_ptr<arrow::ArrayData>> Finish() override {
    ARROW_ASSIGN_OR_RAISE(auto values, values_.Finish());
    return FinishWith({std::move(values)});
  }

 private:
  arrow::TypedBufferBuilder<bool> values_;
};

using Column = std::unique_ptr<ColumnOutput>;

template <class Convert>
Column Fixed(std::shared_ptr<arrow::DataType> type) {
  return std::make_unique<FixedColumn<Convert>>(std::move(type));
}

template <class Reader>
Column Text(std::shared_ptr<arrow::DataType> type, Reader reader) {
  return std::make_unique<TextColumn<Reader>>(std::move(type), std::move(reader));
}

class OwnedType {
 public:
  explicit OwnedType(duckdb_logical_type type) : type_(type) {}
  ~OwnedType() { duckdb_destroy_logical_type(&type_); }
  OwnedType(const OwnedType&) = delete;
  OwnedType& operator=(const OwnedType&) = delete;
  duckdb_logical_type get() const { return type_; }

 private:
  duckdb_logical_type type_;
};

std::string TakeText(char* text) {
  std::string copy = text == nullptr ? "" : text;
  duckdb_free(text);
  return copy;
}

Column DecimalColumn(duckdb_logical_type type) {
  auto arrow_type = arrow::decimal128(duckdb_decimal_width(type), duckdb_decimal_scale(type));
  switch (duckdb_decimal_internal_type(type)) {
    case DUCKDB_TYPE_SMALLINT:
      return Fixed<ToDecimal<int16_t>>(arrow_type);
    case DUCKDB_TYPE_INTEGER:
      return Fixed<ToDecimal<int32_t>>(arrow_type);
    case DUCKDB_TYPE_BIGINT:
      return Fixed<ToDecimal<int64_t>>(arrow_type);
    default:
      return Fixed<HugeToDecimal<duckdb_hugeint>>(arrow_type);
  }
}

template <class Code>
Column EnumOf(duckdb_logical_type type) {
  EnumLabel<Code> reader;
  for (uint32_t i = 0; i < duckdb_enum_dictionary_size(type); ++i) {
    reader.labels.push_back(TakeText(duckdb_enum_dictionary_value(type, i)));
  }
  return Text(arrow::utf8(), std::move(reader));
}

Column EnumColumn(duckdb_logical_type type) {
  switch (duckdb_enum_internal_type(type)) {
    case DUCKDB_TYPE_UTINYINT:
      return EnumOf<uint8_t>(type);
    case DUCKDB_TYPE_USMALLINT:
      return EnumOf<uint16_t>(type);
    default:
      return EnumOf<uint32_t>(type);
  }
}

Result<Column> ListOf(duckdb_logical_type type, bool array) {
  const OwnedType child_type(array ? duckdb_array_type_child_type(type)
                                   : duckdb_list_type_child_type(type));
  ARROW_ASSIGN_OR_RAISE(auto child, MakeColumnOutput(child_type.get()));
  auto list = arrow::list(child->type());
  const int64_t size = array ? static_cast<int64_t>(duckdb_array_type_array_size(type)) : 0;
  return std::make_unique<ListColumn>(std::move(list), std::move(child), size);
}

Result<Column> StructOf(duckdb_logical_type type) {
  std::vector<std::shared_ptr<arrow::Field>> fields;
  std::vector<Column> children;
  for (idx_t i = 0; i < duckdb_struct_type_child_count(type); ++i) {
    const OwnedType child_type(duckdb_struct_type_child_type(type, i));
    ARROW_ASSIGN_OR_RAISE(children.emplace_back(), MakeColumnOutput(child_type.get()));
    fields.push_back(
        arrow::field(TakeText(duckdb_struct_type_child_name(type, i)), children.back()->type()));
  }
  return std::make_unique<StructColumn>(arrow::struct_(std::move(fields)), std::move(children));
}

Result<Column> MapOf(duckdb_logical_type type) {
  const OwnedType key_type(duckdb_map_type_key_type(type));
  const OwnedType value_type(duckdb_map_type_value_type(type));
  std::vector<Column> children(2);
  ARROW_ASSIGN_OR_RAISE(children[0], MakeColumnOutput(key_type.get()));
  ARROW_ASSIGN_OR_RAISE(children[1], MakeColumnOutput(value_type.get()));
  auto map = arrow::map(children[0]->type(), children[1]->type());
  auto entry = static_cast<const arrow::MapType&>(*map).value_type();
  auto entries = std::make_unique<StructColumn>(std::move(entry), std::move(children));
  return std::make_unique<ListColumn>(std::move(map), std::move(entries), 0);
}

// Numbers, dates and times; nullptr for all other types.
Column ScalarColumn(duckdb_type id) {
  // clang-format off
  switch (id) {
    case DUCKDB_TYPE_BOOLEAN: return std::make_unique<BooleanColumn>();
    case DUCKDB_TYPE_TINYINT: return Fixed<Widen<int8_t, int32_t>>(arrow::int32());
    case DUCKDB_TYPE_SMALLINT: return Fixed<Widen<int16_t, int32_t>>(arrow::int32());
    case DUCKDB_TYPE_INTEGER: return Fixed<Same<int32_t>>(arrow::int32());
    case DUCKDB_TYPE_SQLNULL: return Fixed<Same<int32_t>>(arrow::int32());
    case DUCKDB_TYPE_BIGINT: return Fixed<Same<int64_t>>(arrow::int64());
    case DUCKDB_TYPE_UTINYINT: return Fixed<Widen<uint8_t, int32_t>>(arrow::int32());
    case DUCKDB_TYPE_USMALLINT: return Fixed<Widen<uint16_t, int32_t>>(arrow::int32());
    case DUCKDB_TYPE_UINTEGER: return Fixed<Widen<uint32_t, int64_t>>(arrow::int64());
    case DUCKDB_TYPE_UBIGINT: return Fixed<ToDecimal<uint64_t>>(arrow::decimal128(20, 0));
    case DUCKDB_TYPE_HUGEINT: return Fixed<HugeToDecimal<duckdb_hugeint>>(arrow::decimal128(38, 0));
    case DUCKDB_TYPE_UHUGEINT: return Fixed<HugeToDecimal<duckdb_uhugeint>>(arrow::decimal128(38, 0));
    case DUCKDB_TYPE_FLOAT: return Fixed<Same<float>>(arrow::float32());
    case DUCKDB_TYPE_DOUBLE: return Fixed<Same<double>>(arrow::float64());
    case DUCKDB_TYPE_DATE: return Fixed<Same<int32_t>>(arrow::date32());
    case DUCKDB_TYPE_TIME: return Fixed<ToTimeOfDay<1>>(arrow::time64(arrow::TimeUnit::MICRO));
    case DUCKDB_TYPE_TIME_NS: return Fixed<ToTimeOfDay<1000>>(arrow::time64(arrow::TimeUnit::MICRO));
    case DUCKDB_TYPE_TIMESTAMP: return Fixed<Same<int64_t>>(arrow::timestamp(arrow::TimeUnit::MICRO));
    case DUCKDB_TYPE_TIMESTAMP_S: return Fixed<ToMicros<1000000>>(arrow::timestamp(arrow::TimeUnit::MICRO));
    case DUCKDB_TYPE_TIMESTAMP_MS: return Fixed<ToMicros<1000>>(arrow::timestamp(arrow::TimeUnit::MICRO));
    case DUCKDB_TYPE_TIMESTAMP_NS: return Fixed<NanosToMicros>(arrow::timestamp(arrow::TimeUnit::MICRO));
    case DUCKDB_TYPE_TIMESTAMP_TZ: return Fixed<Same<int64_t>>(arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"));
    case DUCKDB_TYPE_INTERVAL: return Fixed<ToMonthDayNano>(arrow::month_day_nano_interval());
    default: return nullptr;
  }
  // clang-format on
}

}  // namespace

Result<std::unique_ptr<ColumnOutput>> MakeColumnOutput(duckdb_logical_type type) {
  const duckdb_type id = duckdb_get_type_id(type);
  if (Column scalar = ScalarColumn(id)) return scalar;
  switch (id) {
    case DUCKDB_TYPE_VARCHAR:
      return Text(arrow::utf8(), PlainText());
    case DUCKDB_TYPE_BLOB:
      return Text(arrow::binary(), PlainText());
    case DUCKDB_TYPE_UUID:
      return Text(arrow::utf8(), UuidText());
    case DUCKDB_TYPE_BIT:
      return Text(arrow::utf8(), BitText());
    case DUCKDB_TYPE_DECIMAL:
      return DecimalColumn(type);
    case DUCKDB_TYPE_ENUM:
      return EnumColumn(type);
    case DUCKDB_TYPE_LIST:
      return ListOf(type, false);
    case DUCKDB_TYPE_ARRAY:
      return ListOf(type, true);
    case DUCKDB_TYPE_STRUCT:
      return StructOf(type);
    case DUCKDB_TYPE_MAP:
      return MapOf(type);
    default:
      return base::Invalid("has a type that results cannot hold: cast it to VARCHAR in the query");
  }
}

}  // namespace millpond::query
