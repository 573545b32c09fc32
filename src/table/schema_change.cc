// Steps over nested fields; see the header.
#include "table/schema_change.h"

#include <arrow/api.h>
#include <arrow/util/key_value_metadata.h>

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace millpond::table {
namespace {

using arrow::Type;
using FieldPtr = std::shared_ptr<arrow::Field>;
using TypePtr = std::shared_ptr<arrow::DataType>;
using Kind = SchemaStep::Kind;

std::vector<std::string> NamesOf(const arrow::FieldVector& fields) {
  std::vector<std::string> names;
  for (const FieldPtr& field : fields) names.push_back(field->name());
  return names;
}

auto Find(const arrow::FieldVector& fields, const std::string& name) {
  return std::find_if(fields.begin(), fields.end(), [&](const FieldPtr& field) {
    return base::ToLower(field->name()) == base::ToLower(name);
  });
}

/// One step on the fields that hold its column.
class Step {
 public:
  Step(const SchemaStep& step, const Schema& schema, const std::string& table)
      : step_(step), schema_(schema), table_(table), path_(base::Split(step.column, '.')) {}

  Result<arrow::FieldVector> Apply(const arrow::FieldVector& fields) {
    return At(fields, 0, false);
  }

 private:
  // `closed`: the fields are those of a list or map, which are always the same.
  Result<arrow::FieldVector> At(const arrow::FieldVector& fields, size_t depth, bool closed) {
    arrow::FieldVector result = fields;
    const auto found = Find(fields, path_[depth]);
    const auto place = static_cast<size_t>(found - fields.begin());
    const bool last = depth + 1 == path_.size();
    if (last && step_.kind == Kind::kAdd) {
      if (closed) return Refused("only structs take new fields");
      ARROW_RETURN_NOT_OK(Add(found != fields.end(), &result));
      return result;
    }
    if (found == fields.end()) {
      return base::NotFound("{} has no column '{}'.{}", table_, step_.column,
                            base::DidYouMean(path_[depth], NamesOf(fields)));
    }
    if (last) {
      ARROW_RETURN_NOT_OK(Change(place, closed, &result));
      return result;
    }
    ARROW_ASSIGN_OR_RAISE(auto type, Inside((*found)->type(), depth + 1));
    result[place] = (*found)->WithType(std::move(type));
    return result;
  }

  Result<TypePtr> Inside(const TypePtr& type, size_t depth) {
    if (type->id() == Type::STRUCT) {
      ARROW_ASSIGN_OR_RAISE(auto fields, At(type->fields(), depth, false));
      return arrow::struct_(std::move(fields));
    }
    if (type->id() == Type::LIST) {
      ARROW_ASSIGN_OR_RAISE(auto fields, At(type->fields(), depth, true));
      return arrow::list(fields[0]);
    }
    if (type->id() == Type::MAP) {
      const auto& map = static_cast<const arrow::MapType&>(*type);
      ARROW_ASSIGN_OR_RAISE(auto fields, At({map.key_field(), map.item_field()}, depth, true));
      return std::make_shared<arrow::MapType>(fields[0], fields[1]);
    }
    return Refused(fmt::format("{} has no fields inside", type->ToString()));
  }

  Status Refused(const std::string& why) const {
    return base::Invalid("column {} of {}: {}", step_.column, table_, why);
  }

  Status CheckFree(const arrow::FieldVector& fields, const std::string& name,
                   const FieldPtr& itself) const {
    ARROW_RETURN_NOT_OK(base::CheckName(name, "column name"));
    const auto taken = Find(fields, name);
    if (taken == fields.end() || *taken == itself) return Status::OK();
    return base::AlreadyExists("{} has a column '{}' already", table_, (*taken)->name());
  }

  Status Add(bool taken, arrow::FieldVector* fields) const {
    const std::string& name = path_.back();
    if (taken) return base::AlreadyExists("{} has a column '{}' already", table_, step_.column);
    ARROW_RETURN_NOT_OK(base::CheckName(name, "column name"));
    if (name == kSampleId) return Refused("this name is kept for the row's number");
    ARROW_ASSIGN_OR_RAISE(
        const auto storable,
        StorableSchema(*WithoutFieldIds(*arrow::schema({arrow::field(name, step_.type)}))));
    fields->push_back(storable->field(0)->WithNullable(true));
    return Status::OK();
  }

  bool IsIdentifier(const FieldPtr& field) const {
    const auto& ids = schema_.identifier_field_ids;
    return field->name() == kSampleId ||
           std::find(ids.begin(), ids.end(), FieldIdOf(*field).value_or(-1)) != ids.end();
  }

  Status Change(size_t place, bool closed, arrow::FieldVector* fields) const {
    FieldPtr& field = (*fields)[place];
    const bool changes_itself = step_.kind != Kind::kMove && step_.kind != Kind::kDescribe;
    if (changes_itself && IsIdentifier(field)) {
      return Refused("it names the rows of the table and stays as it is");
    }
    const bool changes_place =
        step_.kind == Kind::kDrop || step_.kind == Kind::kRename || step_.kind == Kind::kMove;
    if (closed && changes_place) return Refused("the parts of a list or map stay where they are");
    switch (step_.kind) {
      case Kind::kDrop:
        if (fields->size() == 1) return Refused("it is the last one there");
        fields->erase(fields->begin() + static_cast<std::ptrdiff_t>(place));
        return Status::OK();
      case Kind::kRename:
        ARROW_RETURN_NOT_OK(CheckFree(*fields, step_.name, field));
        field = field->WithName(step_.name);
        return Status::OK();
      case Kind::kMove:
        return Move(place, fields);
      case Kind::kWiden:
        return Widen(&field);
      case Kind::kOptional:
        if (closed && place == 0 && fields->size() == 2) return Refused("keys are never null");
        field = field->WithNullable(true);
        return Status::OK();
      case Kind::kDescribe:
        field = Described(field);
        return Status::OK();
      case Kind::kAdd:
        break;
    }
    return base::Internal("a step of no kind");
  }

  Status Move(size_t place, arrow::FieldVector* fields) const {
    const FieldPtr field = (*fields)[place];
    fields->erase(fields->begin() + static_cast<std::ptrdiff_t>(place));
    if (step_.name.empty()) {
      fields->insert(fields->begin(), field);
      return Status::OK();
    }
    const auto after = Find(*fields, step_.name);
    if (after == fields->end()) {
      return base::NotFound("there is no column '{}' beside {} of {}.{}", step_.name, step_.column,
                            table_, base::DidYouMean(step_.name, NamesOf(*fields)));
    }
    fields->insert(after + 1, field);
    return Status::OK();
  }

  Status Widen(FieldPtr* field) const {
    const arrow::DataType& have = *(*field)->type();
    const arrow::DataType& want = *step_.type;
    bool widens = (have.id() == Type::INT32 && want.id() == Type::INT64) ||
                  (have.id() == Type::FLOAT && want.id() == Type::DOUBLE);
    if (have.id() == Type::DECIMAL128 && want.id() == Type::DECIMAL128) {
      const auto& a = static_cast<const arrow::DecimalType&>(have);
      const auto& b = static_cast<const arrow::DecimalType&>(want);
      widens = a.scale() == b.scale() && a.precision() <= b.precision();
    }
    if (!widens && !have.Equals(want)) {
      return Refused(fmt::format(
          "{} does not widen to {}: int goes to long, float to double, a decimal to more digits; "
          "`millpond clean` casts values",
          have.ToString(), want.ToString()));
    }
    *field = (*field)->WithType(step_.type);
    return Status::OK();
  }

  FieldPtr Described(const FieldPtr& field) const {
    auto metadata = field->metadata() == nullptr ? std::make_shared<arrow::KeyValueMetadata>()
                                                 : field->metadata()->Copy();
    if (metadata->Contains("doc")) (void)metadata->Delete("doc");
    if (!step_.name.empty()) metadata->Append("doc", step_.name);
    return field->WithMetadata(std::move(metadata));
  }

  const SchemaStep& step_;
  const Schema& schema_;
  const std::string& table_;
  const std::vector<std::string> path_;
};

}  // namespace

Result<Schema> ChangeSchema(const Schema& schema, const std::vector<SchemaStep>& steps,
                            const std::string& table_name, int32_t* last_column_id) {
  Schema changed = schema;
  for (const SchemaStep& step : steps) {
    ARROW_ASSIGN_OR_RAISE(auto fields,
                          Step(step, schema, table_name).Apply(changed.arrow->fields()));
    int32_t next_id = *last_column_id + 1;
    ARROW_ASSIGN_OR_RAISE(changed.arrow, AssignFieldIds(*arrow::schema(fields), &next_id));
    *last_column_id = next_id - 1;
  }
  ARROW_RETURN_NOT_OK(CheckAcceptedTypes(*changed.arrow));
  return changed;
}

}  // namespace millpond::table
