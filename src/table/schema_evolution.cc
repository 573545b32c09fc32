// Growing schemas; see the header. What "fits" means: the writer's checked cast loses nothing, for
// all values or (integers into floating point) for all that it lets through.
#include "table/schema_evolution.h"

#include <arrow/api.h>

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace millpond::table {
namespace {

using arrow::Type;
using FieldPtr = std::shared_ptr<arrow::Field>;
using TypePtr = std::shared_ptr<arrow::DataType>;

/// Collects what does not fit instead of stopping at the first, so that one error names all.
class Growth {
 public:
  explicit Growth(const std::string& table_name) : table_name_(table_name) {}

  arrow::FieldVector Fields(const arrow::FieldVector& have, const arrow::FieldVector& want,
                            const std::string& prefix) {
    arrow::FieldVector grown;
    for (const FieldPtr& field : have) {
      auto match = Find(want, field->name());
      grown.push_back(match == nullptr ? field
                                       : field->WithType(Grow(field->type(), match->type(),
                                                              prefix + field->name())));
    }
    for (const FieldPtr& field : want) {
      if (Find(have, field->name()) != nullptr) continue;
      if (field->type()->id() == Type::NA) continue;  // No value yet, so no type to give it.
      grown.push_back(field->WithNullable(true));
    }
    return grown;
  }

  Status Verdict() const {
    if (misfits_.empty()) return Status::OK();
    return base::Invalid("{}; cast or rename the column{} first", base::Join(misfits_, "; "),
                         misfits_.size() == 1 ? "" : "s");
  }

 private:
  static FieldPtr Find(const arrow::FieldVector& fields, const std::string& name) {
    auto found = std::find_if(fields.begin(), fields.end(),
                              [&](const FieldPtr& field) { return field->name() == name; });
    return found == fields.end() ? nullptr : *found;
  }

  static bool Fits(const arrow::DataType& have, const arrow::DataType& want) {
    switch (want.id()) {
      case Type::NA:
        return true;
      case Type::INT32:
        return have.id() == Type::INT64 || arrow::is_floating(have.id());
      case Type::INT64:
        return arrow::is_floating(have.id());
      case Type::FLOAT:
        return have.id() == Type::DOUBLE;
      case Type::DATE32:
        return have.id() == Type::TIMESTAMP &&
               static_cast<const arrow::TimestampType&>(have).timezone().empty();
      case Type::FIXED_SIZE_BINARY:
        return have.id() == Type::BINARY;
      case Type::DECIMAL128: {
        if (have.id() != Type::DECIMAL128) return false;
        const auto& a = static_cast<const arrow::DecimalType&>(have);
        const auto& b = static_cast<const arrow::DecimalType&>(want);
        return a.scale() == b.scale() && a.precision() >= b.precision();
      }
      default:
        return false;
    }
  }

  // Iceberg's promotions: int to long, float to double, decimals of one scale to more digits.
  static bool Widens(const arrow::DataType& have, const arrow::DataType& want) {
    if (have.id() == Type::INT32) return want.id() == Type::INT64;
    if (have.id() == Type::FLOAT) return want.id() == Type::DOUBLE;
    return have.id() == Type::DECIMAL128 && want.id() == Type::DECIMAL128 && Fits(want, have);
  }

  TypePtr Grow(const TypePtr& have, const TypePtr& want, const std::string& path) {
    if (have->id() == Type::STRUCT && want->id() == Type::STRUCT) {
      return arrow::struct_(Fields(have->fields(), want->fields(), path + "."));
    }
    if (have->id() == Type::LIST && want->id() == Type::LIST) {
      const FieldPtr& element = have->field(0);
      return arrow::list(
          element->WithType(Grow(element->type(), want->field(0)->type(), path + ".element")));
    }
    if (have->id() == Type::MAP && want->id() == Type::MAP) {
      const auto& a = static_cast<const arrow::MapType&>(*have);
      const auto& b = static_cast<const arrow::MapType&>(*want);
      if (a.key_type()->Equals(*b.key_type())) {
        return std::make_shared<arrow::MapType>(
            a.key_field(),
            a.item_field()->WithType(Grow(a.item_type(), b.item_type(), path + ".value")));
      }
    }
    if (have->Equals(*want) || Fits(*have, *want)) return have;
    if (Widens(*have, *want)) return want;
    misfits_.push_back(fmt::format("{} is {} in {} and {} in the new rows", path, have->ToString(),
                                   table_name_, want->ToString()));
    return have;
  }

  const std::string& table_name_;
  std::vector<std::string> misfits_;
};

Result<FieldPtr> AsIdentifier(const FieldPtr& field) {
  if (field->name() != kSampleId) return field->WithNullable(false);
  if (field->type()->id() != Type::INT32 && field->type()->id() != Type::INT64) {
    return base::Invalid(
        "the column '{}' is {}; this name is kept for the row's number (int64), rename yours",
        kSampleId, field->type()->ToString());
  }
  return field->WithType(arrow::int64())->WithNullable(false);
}

}  // namespace

Result<Schema> FirstSchema(const arrow::Schema& columns,
                           const std::vector<std::string>& identifier) {
  if (columns.num_fields() == 0) {
    return base::Invalid("a table needs at least one column");
  }
  ARROW_ASSIGN_OR_RAISE(auto storable, StorableSchema(*WithoutFieldIds(columns)));
  std::vector<std::string> identifiers = identifier;
  if (identifiers.empty() && storable->GetFieldIndex(std::string(kSampleId)) >= 0) {
    identifiers.emplace_back(kSampleId);
  }
  arrow::FieldVector fields = storable->fields();
  for (FieldPtr& field : fields) {
    if (field->name() == kSampleId ||
        std::find(identifiers.begin(), identifiers.end(), field->name()) != identifiers.end()) {
      ARROW_ASSIGN_OR_RAISE(field, AsIdentifier(field));
    }
  }
  int32_t next_id = 1;
  Schema schema;
  ARROW_ASSIGN_OR_RAISE(schema.arrow, AssignFieldIds(*arrow::schema(fields), &next_id));
  ARROW_RETURN_NOT_OK(CheckAcceptedTypes(*schema.arrow));
  for (const std::string& name : identifiers) {
    auto field = schema.arrow->GetFieldByName(name);
    if (field == nullptr) {
      return base::Invalid("the identifier column '{}' is not among the table's columns", name);
    }
    if (arrow::is_nested(field->type()->id()) || arrow::is_floating(field->type()->id())) {
      return base::Invalid("the identifier column '{}' is {}; use an integer, text or time column",
                           name, field->type()->ToString());
    }
    schema.identifier_field_ids.push_back(*FieldIdOf(*field));
  }
  return schema;
}

Result<std::shared_ptr<arrow::Schema>> GrowSchema(const arrow::Schema& table,
                                                  const arrow::Schema& wanted,
                                                  const std::string& table_name,
                                                  int32_t* last_column_id) {
  auto bare = WithoutFieldIds(wanted);
  // A column of nulls only has no storable type yet but fits everywhere.
  arrow::FieldVector typed;
  std::copy_if(bare->fields().begin(), bare->fields().end(), std::back_inserter(typed),
               [](const FieldPtr& field) { return field->type()->id() != Type::NA; });
  ARROW_ASSIGN_OR_RAISE(auto storable, StorableSchema(*arrow::schema(typed)));
  Growth growth(table_name);
  auto grown = arrow::schema(growth.Fields(table.fields(), storable->fields(), ""));
  ARROW_RETURN_NOT_OK(growth.Verdict());
  int32_t next_id = *last_column_id + 1;
  ARROW_ASSIGN_OR_RAISE(grown, AssignFieldIds(*grown, &next_id));
  ARROW_RETURN_NOT_OK(CheckAcceptedTypes(*grown));
  *last_column_id = next_id - 1;
  return grown;
}

Result<std::shared_ptr<arrow::Schema>> ReplaceColumns(const Schema& table,
                                                      const arrow::Schema& columns,
                                                      const std::string& table_name,
                                                      int32_t* last_column_id) {
  arrow::FieldVector replaced;
  for (const FieldPtr& field : columns.fields()) {
    const auto id = FieldIdOf(*field);
    if (!id) {
      ARROW_ASSIGN_OR_RAISE(auto storable,
                            StorableSchema(*WithoutFieldIds(*arrow::schema({field}))));
      replaced.push_back(storable->field(0)->WithNullable(true));
      continue;
    }
    const auto& own = table.arrow->fields();
    auto found = std::find_if(own.begin(), own.end(),
                              [&](const FieldPtr& other) { return FieldIdOf(*other) == id; });
    if (found == own.end()) {
      return base::Invalid("{} has no column with the field id {}, which '{}' carries", table_name,
                           *id, field->name());
    }
    replaced.push_back((*found)->WithName(field->name()));
  }
  for (const int32_t id : table.identifier_field_ids) {
    if (std::none_of(replaced.begin(), replaced.end(),
                     [&](const FieldPtr& field) { return FieldIdOf(*field) == id; })) {
      return base::Invalid("{} must keep the column that names its rows (field id {})", table_name,
                           id);
    }
  }
  int32_t next_id = *last_column_id + 1;
  ARROW_ASSIGN_OR_RAISE(auto schema, AssignFieldIds(*arrow::schema(replaced), &next_id));
  ARROW_RETURN_NOT_OK(CheckAcceptedTypes(*schema));
  *last_column_id = next_id - 1;
  return schema;
}

}  // namespace millpond::table
