// Type by type: a table of targets, then casts; nested data keeps its buffers and only its leaves
// change.
#include "source/normalise.h"

#include <arrow/array.h>
#include <arrow/array/util.h>
#include <arrow/builder.h>
#include <arrow/compute/api.h>
#include <arrow/extension_type.h>
#include <arrow/type.h>

namespace millpond::source {
namespace {

using arrow::Type;
using arrow::internal::checked_cast;
using base::Invalid;
using TypePtr = std::shared_ptr<arrow::DataType>;
using ArrayPtr = std::shared_ptr<arrow::Array>;

constexpr int kDeepest = 64;

Status Refuse(const arrow::DataType& type, const std::string& column, std::string_view instead) {
  return Invalid("column '{}' has type {}, which a table cannot hold: {}", column, type.ToString(),
                 instead);
}

bool IsListLike(Type::type id) {
  return id == Type::LIST || id == Type::LARGE_LIST || id == Type::FIXED_SIZE_LIST ||
         id == Type::LIST_VIEW || id == Type::LARGE_LIST_VIEW;
}

class TypeNormaliser {
 public:
  TypeNormaliser(const NormaliseOptions& options, std::vector<std::string>* notes)
      : options_(options), notes_(notes) {}

  Result<TypePtr> Run(const TypePtr& type, const std::string& column, int depth) {
    if (depth > kDeepest) return Refuse(*type, column, "it is nested too deeply");
    if (IsListLike(type->id())) {
      ARROW_ASSIGN_OR_RAISE(auto item, Run(type->field(0)->type(), column + "[]", depth + 1));
      return arrow::list(item);
    }
    switch (type->id()) {
      case Type::STRUCT:
        return Struct(type, column, depth);
      case Type::MAP: {
        const auto& map = checked_cast<const arrow::MapType&>(*type);
        ARROW_ASSIGN_OR_RAISE(auto key, Run(map.key_type(), column + ".key", depth + 1));
        ARROW_ASSIGN_OR_RAISE(auto value, Run(map.item_type(), column + ".value", depth + 1));
        return arrow::map(key, value);
      }
      case Type::DICTIONARY:
        return Run(checked_cast<const arrow::DictionaryType&>(*type).value_type(), column,
                   depth + 1);
      case Type::RUN_END_ENCODED:
        return Run(checked_cast<const arrow::RunEndEncodedType&>(*type).value_type(), column,
                   depth + 1);
      case Type::EXTENSION: {
        const auto& extension = checked_cast<const arrow::ExtensionType&>(*type);
        if (extension.extension_name() == "arrow.uuid") return arrow::utf8();
        notes_->push_back(fmt::format("column '{}': {} is kept as its storage type", column,
                                      extension.extension_name()));
        return Run(extension.storage_type(), column, depth + 1);
      }
      default:
        return Leaf(type, column);
    }
  }

 private:
  Result<TypePtr> Struct(const TypePtr& type, const std::string& column, int depth) {
    if (type->num_fields() == 0)
      return Refuse(*type, column, "a struct needs a field; drop the column");
    arrow::FieldVector fields;
    for (const auto& field : type->fields()) {
      ARROW_ASSIGN_OR_RAISE(auto normal,
                            Run(field->type(), column + "." + field->name(), depth + 1));
      fields.push_back(arrow::field(field->name(), normal));
    }
    return arrow::struct_(std::move(fields));
  }

  Result<TypePtr> Leaf(const TypePtr& type, const std::string& column) {
    switch (type->id()) {
      case Type::BOOL:
      case Type::INT32:
      case Type::INT64:
      case Type::FLOAT:
      case Type::DOUBLE:
      case Type::DATE32:
      case Type::STRING:
      case Type::BINARY:
      case Type::FIXED_SIZE_BINARY:
        return type;
      case Type::NA:
      case Type::LARGE_STRING:
      case Type::STRING_VIEW:
        return arrow::utf8();
      case Type::LARGE_BINARY:
      case Type::BINARY_VIEW:
        return arrow::binary();
      case Type::INT8:
      case Type::INT16:
      case Type::UINT8:
      case Type::UINT16:
        return arrow::int32();
      case Type::UINT32:
        return arrow::int64();
      case Type::UINT64:
        return arrow::decimal128(20, 0);
      case Type::HALF_FLOAT:
        return arrow::float32();
      case Type::DATE64:
        return arrow::date32();
      case Type::TIMESTAMP:
        return Timestamp(checked_cast<const arrow::TimestampType&>(*type), column);
      case Type::TIME32:
      case Type::TIME64:
        if (options_.time_as_string) return arrow::utf8();
        return Refuse(*type, column, "set time_as=string to keep times of day as text");
      case Type::DECIMAL32:
      case Type::DECIMAL64:
      case Type::DECIMAL128:
      case Type::DECIMAL256:
        return Decimal(checked_cast<const arrow::DecimalType&>(*type), column);
      case Type::DURATION:
      case Type::INTERVAL_MONTHS:
      case Type::INTERVAL_DAY_TIME:
      case Type::INTERVAL_MONTH_DAY_NANO:
        return Refuse(*type, column, "write it as a number of seconds before syncing");
      default:
        return Refuse(*type, column, "convert or drop the column before syncing");
    }
  }

  Result<TypePtr> Timestamp(const arrow::TimestampType& type, const std::string& column) {
    if (type.timezone().empty()) return arrow::timestamp(arrow::TimeUnit::MICRO);
    if (type.timezone() != "UTC" && type.timezone() != "Z" && type.timezone() != "+00:00" &&
        type.timezone() != "Etc/UTC")
      notes_->push_back(
          fmt::format("column '{}': times of zone {} are kept as the same instants in UTC", column,
                      type.timezone()));
    return arrow::timestamp(arrow::TimeUnit::MICRO, "UTC");
  }

  static Result<TypePtr> Decimal(const arrow::DecimalType& type, const std::string& column) {
    if (type.precision() > 38 || type.scale() < 0 || type.scale() > type.precision())
      return Refuse(type, column,
                    "decimals have at most 38 digits and a scale from 0 to the precision");
    return arrow::decimal128(type.precision(), type.scale());
  }

  const NormaliseOptions options_;
  std::vector<std::string>* const notes_;
};

Result<ArrayPtr> CastTo(const ArrayPtr& array, const TypePtr& target, const std::string& column,
                        const NormaliseOptions& options) {
  auto cast = arrow::compute::CastOptions::Safe(target);
  cast.allow_time_truncate = options.truncate_ns;
  auto done = arrow::compute::Cast(*array, target, cast);
  if (done.ok()) return done;
  const bool time = array->type_id() == Type::TIMESTAMP;
  return Invalid("column '{}': {}{}", column, done.status().message(),
                 time ? "; set truncate_ns=true to cut times to whole microseconds" : "");
}

Result<ArrayPtr> UuidText(const arrow::Array& storage) {
  if (storage.type_id() != Type::FIXED_SIZE_BINARY ||
      checked_cast<const arrow::FixedSizeBinaryArray&>(storage).byte_width() != 16)
    return base::Corrupt("a UUID column is not stored in 16 bytes per value");
  const auto& bytes = checked_cast<const arrow::FixedSizeBinaryArray&>(storage);
  arrow::StringBuilder builder;
  ARROW_RETURN_NOT_OK(builder.Reserve(bytes.length()));
  for (int64_t row = 0; row < bytes.length(); ++row) {
    if (bytes.IsNull(row)) {
      ARROW_RETURN_NOT_OK(builder.AppendNull());
      continue;
    }
    std::string text;
    for (int i = 0; i < 16; ++i) {
      if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
      text += fmt::format("{:02x}", bytes.GetValue(row)[i]);
    }
    ARROW_RETURN_NOT_OK(builder.Append(text));
  }
  return builder.Finish();
}

/// The same nested array with child `index` replaced; offsets and validity stay.
Result<ArrayPtr> WithChildren(const ArrayPtr& array, const TypePtr& target,
                              const std::vector<TypePtr>& child_targets, const std::string& column,
                              const NormaliseOptions& options) {
  auto data = array->data()->Copy();
  data->type = target;
  for (size_t i = 0; i < child_targets.size(); ++i) {
    const ArrayPtr child = arrow::MakeArray(data->child_data[i]);
    ARROW_ASSIGN_OR_RAISE(auto normal, NormaliseArray(child, child_targets[i], column, options));
    data->child_data[i] = normal->data();
  }
  return arrow::MakeArray(data);
}

Result<ArrayPtr> NormaliseList(const ArrayPtr& array, const TypePtr& target,
                               const std::string& column, const NormaliseOptions& options) {
  ArrayPtr list = array;
  if (array->type_id() != Type::LIST) {
    ARROW_ASSIGN_OR_RAISE(
        list, CastTo(array, arrow::list(array->type()->field(0)->type()), column, options));
  }
  return WithChildren(list, target, {target->field(0)->type()}, column, options);
}

}  // namespace

Result<TypePtr> NormaliseType(const TypePtr& type, const std::string& column,
                              const NormaliseOptions& options, std::vector<std::string>* notes) {
  return TypeNormaliser(options, notes).Run(type, column, 0);
}

Result<ArrayPtr> NormaliseArray(const ArrayPtr& array, const TypePtr& target,
                                const std::string& column, const NormaliseOptions& options) {
  if (array->type()->Equals(*target)) return array;
  if (IsListLike(array->type_id())) return NormaliseList(array, target, column, options);
  switch (array->type_id()) {
    case Type::EXTENSION: {
      const auto& extension = checked_cast<const arrow::ExtensionArray&>(*array);
      const bool uuid =
          checked_cast<const arrow::ExtensionType&>(*array->type()).extension_name() ==
          "arrow.uuid";
      if (uuid) return UuidText(*extension.storage());
      return NormaliseArray(extension.storage(), target, column, options);
    }
    case Type::DICTIONARY: {
      const auto& value = checked_cast<const arrow::DictionaryType&>(*array->type()).value_type();
      ARROW_ASSIGN_OR_RAISE(auto decoded, CastTo(array, value, column, options));
      return NormaliseArray(decoded, target, column, options);
    }
    case Type::RUN_END_ENCODED: {
      ARROW_ASSIGN_OR_RAISE(auto decoded, arrow::compute::RunEndDecode(array));
      return NormaliseArray(decoded.make_array(), target, column, options);
    }
    case Type::STRUCT: {
      std::vector<TypePtr> children;
      for (const auto& field : target->fields()) children.push_back(field->type());
      return WithChildren(array, target, children, column, options);
    }
    case Type::MAP:
      return WithChildren(array, target, {target->field(0)->type()}, column, options);
    case Type::NA:
      return arrow::MakeArrayOfNull(target, array->length());
    default:
      return CastTo(array, target, column, options);
  }
}

}  // namespace millpond::source
