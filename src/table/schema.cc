// Field ids and the types a table may hold. Called by commit (Create, EvolveTo), the table writer
// and schema_json. Pure functions over immutable Arrow schemas.
#include "table/schema.h"

#include <arrow/api.h>
#include <arrow/util/key_value_metadata.h>

#include <charconv>
#include <limits>
#include <set>

#include "base/text.h"

namespace millpond::table {
namespace {

using arrow::Type;
using FieldPtr = std::shared_ptr<arrow::Field>;

// Ids above this are reserved by Iceberg for metadata columns.
constexpr int32_t kHighestUserId = 2147483447;

FieldPtr WithId(const FieldPtr& field, int32_t id) {
  const arrow::KeyValueMetadata entry({kFieldIdKey}, {std::to_string(id)});
  return field->WithMergedMetadata(entry.Copy());
}

FieldPtr WithoutId(const FieldPtr& field) {
  if (!field->HasMetadata()) return field;
  auto metadata = field->metadata()->Copy();
  if (!metadata->Contains(kFieldIdKey)) return field;
  (void)metadata->Delete(kFieldIdKey);
  return metadata->size() == 0 ? field->RemoveMetadata() : field->WithMetadata(metadata);
}

// The same nested type over other children; other types as they are.
std::shared_ptr<arrow::DataType> WithChildren(const std::shared_ptr<arrow::DataType>& type,
                                              const arrow::FieldVector& children) {
  switch (type->id()) {
    case Type::STRUCT:
      return arrow::struct_(children);
    case Type::LIST:
      return arrow::list(children[0]);
    case Type::LARGE_LIST:
      return arrow::large_list(children[0]);
    case Type::FIXED_SIZE_LIST:
      return arrow::fixed_size_list(
          children[0], static_cast<const arrow::FixedSizeListType&>(*type).list_size());
    case Type::MAP: {
      const auto& entries = children[0]->type();
      return std::make_shared<arrow::MapType>(
          entries->field(0), entries->field(1),
          static_cast<const arrow::MapType&>(*type).keys_sorted());
    }
    default:
      return type;
  }
}

FieldPtr StripField(const FieldPtr& field) {
  arrow::FieldVector children;
  for (const FieldPtr& child : field->type()->fields()) children.push_back(StripField(child));
  const FieldPtr bare = WithoutId(field);
  return children.empty() ? bare : bare->WithType(WithChildren(field->type(), children));
}

// Collects the ids in use; two fields with one id are refused.
Status CollectIds(const arrow::FieldVector& fields, bool of_map, std::set<int32_t>* used) {
  for (const FieldPtr& field : fields) {
    const std::optional<int32_t> id = of_map ? std::nullopt : FieldIdOf(*field);
    if (id && !used->insert(*id).second) {
      return base::Invalid("two columns have the field id {} (one is '{}'); each needs its own",
                           *id, field->name());
    }
    ARROW_RETURN_NOT_OK(
        CollectIds(field->type()->fields(), field->type()->id() == Type::MAP, used));
  }
  return Status::OK();
}

// Numbers a field and what is below it, depth first. A map's inner "entries" field has no id of its
// own.
Result<FieldPtr> AssignField(const FieldPtr& field, bool is_entries, int32_t* next_id) {
  FieldPtr result = field;
  if (!is_entries && !FieldIdOf(*field)) {
    if (*next_id > kHighestUserId) {
      return base::Exhausted("the table has used up all field ids; create a new table");
    }
    result = WithId(field, (*next_id)++);
  }
  arrow::FieldVector children;
  const bool is_map = field->type()->id() == Type::MAP;
  for (const FieldPtr& child : field->type()->fields()) {
    ARROW_ASSIGN_OR_RAISE(FieldPtr numbered, AssignField(child, is_map, next_id));
    children.push_back(std::move(numbered));
  }
  return children.empty() ? result : result->WithType(WithChildren(field->type(), children));
}

int32_t HighestIn(const arrow::FieldVector& fields) {
  int32_t highest = 0;
  for (const FieldPtr& field : fields) {
    highest =
        std::max({highest, FieldIdOf(*field).value_or(0), HighestIn(field->type()->fields())});
  }
  return highest;
}

// What to use in place of a type that a v2 table does not hold; empty where the type is held.
std::string ReplacementFor(const arrow::DataType& type) {
  switch (type.id()) {
    case Type::BOOL:
    case Type::INT32:
    case Type::INT64:
    case Type::FLOAT:
    case Type::DOUBLE:
    case Type::DATE32:
    case Type::STRING:
    case Type::BINARY:
    case Type::FIXED_SIZE_BINARY:
    case Type::DECIMAL128:
    case Type::STRUCT:
    case Type::LIST:
    case Type::MAP:
      return "";
    case Type::TIMESTAMP: {
      const auto& timestamp = static_cast<const arrow::TimestampType&>(type);
      if (timestamp.unit() != arrow::TimeUnit::MICRO) return "timestamp in microseconds";
      if (timestamp.timezone().empty() || timestamp.timezone() == "UTC") return "";
      return "timestamp in microseconds with time zone UTC";
    }
    case Type::INT8:
    case Type::INT16:
    case Type::UINT8:
    case Type::UINT16:
      return "int32";
    case Type::UINT32:
      return "int64";
    case Type::UINT64:
      return "decimal128(20, 0), or int64 where the values fit";
    case Type::HALF_FLOAT:
      return "float";
    case Type::TIME32:
    case Type::TIME64:
      return "string (\"12:30:00\") or int64 microseconds: other engines cannot read time columns";
    case Type::DATE64:
      return "date32";
    case Type::DURATION:
      return "int64, with the unit in the column's name";
    case Type::LARGE_STRING:
    case Type::STRING_VIEW:
      return "string";
    case Type::LARGE_BINARY:
    case Type::BINARY_VIEW:
      return "binary";
    case Type::DECIMAL32:
    case Type::DECIMAL64:
    case Type::DECIMAL256:
      return "decimal128 (precision up to 38)";
    case Type::FIXED_SIZE_LIST:
    case Type::LARGE_LIST:
    case Type::LIST_VIEW:
    case Type::LARGE_LIST_VIEW:
      return "list";
    case Type::DICTIONARY:
      return "the type of its values";
    case Type::NA:
      return "a type: a column of nothing but nulls does not say what it will hold";
    case Type::EXTENSION:
      return "fixed_size_binary(16) or string for a uuid, else its storage type";
    default:
      return "one of bool, int32, int64, float, double, decimal128, date32, timestamp, string, "
             "binary, fixed_size_binary, list, struct, map";
  }
}

Status CheckNames(const arrow::FieldVector& fields, const std::string& inside) {
  std::set<std::string> names;
  std::set<std::string> lowered;
  for (const FieldPtr& field : fields) {
    const std::string where = inside.empty() ? "" : fmt::format(" in '{}'", inside);
    if (field->name().empty()) {
      return base::Invalid("a column{} has an empty name; give every column a name", where);
    }
    if (!base::IsValidUtf8(field->name())) {
      return base::Invalid("a column name{} is not valid UTF-8; rename it", where);
    }
    if (!names.insert(field->name()).second) {
      return base::Invalid("there are two columns '{}'{}; rename one", field->name(), where);
    }
    if (!lowered.insert(base::ToLower(field->name())).second) {
      return base::Invalid(
          "column '{}'{} differs from another only by upper and lower case, which SQL cannot tell "
          "apart; rename one",
          field->name(), where);
    }
  }
  return Status::OK();
}

Status CheckField(const arrow::Field& field, const std::string& path) {
  const arrow::DataType& type = *field.type();
  const std::string replacement = ReplacementFor(type);
  if (!replacement.empty()) {
    return base::Invalid("column '{}' is {}, which a table does not hold; use {}", path,
                         type.ToString(), replacement);
  }
  if (type.id() == Type::STRUCT) ARROW_RETURN_NOT_OK(CheckNames(type.fields(), path));
  if (type.id() == Type::FIXED_SIZE_BINARY &&
      static_cast<const arrow::FixedSizeBinaryType&>(type).byte_width() == 0) {
    return base::Invalid("column '{}' is fixed_size_binary(0); use binary", path);
  }
  if (type.id() == Type::MAP) {
    const auto& map = static_cast<const arrow::MapType&>(type);
    ARROW_RETURN_NOT_OK(CheckField(*map.key_field(), path + ".key"));
    return CheckField(*map.item_field(), path + ".value");
  }
  for (const FieldPtr& child : type.fields()) {
    ARROW_RETURN_NOT_OK(CheckField(
        *child, type.id() == Type::LIST ? path + ".element" : path + "." + child->name()));
  }
  return Status::OK();
}

}  // namespace

Status CheckAcceptedTypes(const arrow::Schema& schema) {
  ARROW_RETURN_NOT_OK(CheckNames(schema.fields(), ""));
  for (const FieldPtr& field : schema.fields()) {
    ARROW_RETURN_NOT_OK(CheckField(*field, field->name()));
  }
  return Status::OK();
}

std::shared_ptr<arrow::Schema> WithoutFieldIds(const arrow::Schema& schema) {
  arrow::FieldVector fields;
  for (const FieldPtr& field : schema.fields()) fields.push_back(StripField(field));
  return arrow::schema(std::move(fields), schema.metadata());
}

Result<std::shared_ptr<arrow::Schema>> AssignFieldIds(const arrow::Schema& schema,
                                                      int32_t* next_id) {
  std::set<int32_t> used;
  ARROW_RETURN_NOT_OK(CollectIds(schema.fields(), false, &used));
  if (!used.empty() && *used.rbegin() >= *next_id) {
    if (*used.rbegin() > kHighestUserId) {
      return base::Invalid("field id {} is reserved; user columns end at {}", *used.rbegin(),
                           kHighestUserId);
    }
    *next_id = *used.rbegin() + 1;
  }
  arrow::FieldVector fields;
  for (const FieldPtr& field : schema.fields()) {
    ARROW_ASSIGN_OR_RAISE(FieldPtr numbered, AssignField(field, false, next_id));
    fields.push_back(std::move(numbered));
  }
  return arrow::schema(std::move(fields), schema.metadata());
}

int32_t HighestFieldId(const arrow::Schema& schema) { return HighestIn(schema.fields()); }

std::optional<int32_t> FieldIdOf(const arrow::Field& field) {
  if (!field.HasMetadata()) return std::nullopt;
  const int index = field.metadata()->FindKey(kFieldIdKey);
  if (index < 0) return std::nullopt;
  const std::string& text = field.metadata()->value(index);
  int32_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  // Arrow's Parquet reader marks a column without an id as -1.
  if (error != std::errc() || end != text.data() + text.size() || id < 0) return std::nullopt;
  return id;
}

bool SameColumns(const arrow::Schema& a, const arrow::Schema& b) {
  return a.Equals(b, /*check_metadata=*/false);
}

}  // namespace millpond::table
