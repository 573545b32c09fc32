// Placing rows by a plan, and the plan's document.
#include "train/split.h"

#include <arrow/api.h>

#include <algorithm>

#include "base/text.h"

namespace millpond::train {
namespace {

using base::Json;

constexpr int64_t kMicrosecondsPerDay = 86'400'000'000;

template <class Value>
int32_t PartBelow(const std::vector<Value>& cuts, Value value) {
  return static_cast<int32_t>(std::ranges::upper_bound(cuts, value) - cuts.begin());
}

Status NullIn(const std::vector<std::string>& columns, std::string_view role) {
  return base::Invalid("{} '{}' is null in a row; drop such rows in the query or fill them", role,
                       base::Join(columns, ", "));
}

using Parts = std::vector<int32_t>;

Status ByHash(const SplitPlan& plan, const std::vector<std::string>& columns, std::string_view role,
              const arrow::RecordBatch& batch, Parts* parts) {
  ARROW_ASSIGN_OR_RAISE(KeyText key, KeyText::Make(batch, columns));
  std::string text;
  for (int64_t row = 0; row < batch.num_rows(); ++row) {
    if (!key.Write(row, &text)) return NullIn(columns, role);
    parts->push_back(PartBelow(plan.hash_cuts, SplitHash(text, plan.seed)));
  }
  return Status::OK();
}

Status ByClass(const SplitPlan& plan, const std::vector<std::string>& key_columns,
               const arrow::RecordBatch& batch, Parts* parts) {
  ARROW_ASSIGN_OR_RAISE(KeyText key, KeyText::Make(batch, key_columns));
  ARROW_ASSIGN_OR_RAISE(KeyText class_key, KeyText::Make(batch, {plan.column}));
  std::string text, class_text;
  for (int64_t row = 0; row < batch.num_rows(); ++row) {
    if (!key.Write(row, &text)) return NullIn(key_columns, "key");
    bool present = class_key.Write(row, &class_text);
    auto cuts = plan.class_cuts.find(ClassName(present, class_text));
    parts->push_back(PartBelow(cuts == plan.class_cuts.end() ? plan.hash_cuts : cuts->second,
                               SplitHash(text, plan.seed)));
  }
  return Status::OK();
}

Status ByTime(const SplitPlan& plan, const arrow::RecordBatch& batch, Parts* parts) {
  ARROW_ASSIGN_OR_RAISE(std::vector<int64_t> times,
                        TimesOf(*batch.GetColumnByName(plan.column), plan.column));
  for (int64_t time : times) parts->push_back(PartBelow(plan.time_cuts, time));
  return Status::OK();
}

Status ByGivenName(const SplitPlan& plan, const arrow::RecordBatch& batch, Parts* parts) {
  ARROW_ASSIGN_OR_RAISE(KeyText names, KeyText::Make(batch, {plan.column}));
  std::string name;
  for (int64_t row = 0; row < batch.num_rows(); ++row) {
    auto found = names.Write(row, &name) ? std::ranges::find(plan.parts, name) : plan.parts.end();
    parts->push_back(found == plan.parts.end() ? kNoPart
                                               : static_cast<int32_t>(found - plan.parts.begin()));
  }
  return Status::OK();
}

template <class ArrayType>
void AppendTimes(const arrow::Array& array, int64_t factor, std::vector<int64_t>* times) {
  const auto& typed = static_cast<const ArrayType&>(array);
  for (int64_t row = 0; row < array.length(); ++row) {
    times->push_back(static_cast<int64_t>(typed.Value(row)) * factor);
  }
}

// A list of numbers, of the type asked for; kCorrupt otherwise.
template <class Value>
Result<std::vector<Value>> Numbers(const Json& json, std::string_view origin) {
  if (!json.is_array()) return base::Corrupt("{}: cuts are not a list", origin);
  std::vector<Value> values;
  for (const Json& number : json) {
    if (!number.is_number_integer()) return base::Corrupt("{}: a cut is not an integer", origin);
    values.push_back(number.get<Value>());
  }
  return values;
}

}  // namespace

Status CheckTimeType(const arrow::Field& field) {
  arrow::Type::type id = field.type()->id();
  bool micro =
      id == arrow::Type::TIMESTAMP &&
      static_cast<const arrow::TimestampType&>(*field.type()).unit() == arrow::TimeUnit::MICRO;
  if (micro || id == arrow::Type::DATE32 || id == arrow::Type::INT32 || id == arrow::Type::INT64) {
    return Status::OK();
  }
  return base::Invalid(
      "column '{}' of type {} is no time to split by; cast it in the query to a timestamp, date or "
      "integer",
      field.name(), field.type()->ToString());
}

Result<std::vector<int64_t>> TimesOf(const arrow::Array& array, const std::string& column) {
  ARROW_RETURN_NOT_OK(CheckTimeType(*arrow::field(column, array.type())));
  if (array.null_count() > 0) return NullIn({column}, "the time");
  std::vector<int64_t> times;
  times.reserve(static_cast<size_t>(array.length()));
  switch (array.type_id()) {
    case arrow::Type::DATE32:
      AppendTimes<arrow::Date32Array>(array, kMicrosecondsPerDay, &times);
      break;
    case arrow::Type::INT32:
      AppendTimes<arrow::Int32Array>(array, 1, &times);
      break;
    case arrow::Type::INT64:
      AppendTimes<arrow::Int64Array>(array, 1, &times);
      break;
    default:
      AppendTimes<arrow::TimestampArray>(array, 1, &times);
  }
  return times;
}

std::vector<std::string> PlanColumns(const DatasetDefinition& definition) {
  std::vector<std::string> columns = definition.key;
  const std::string& column = definition.split.column;
  if (!column.empty() && std::ranges::find(columns, column) == columns.end()) {
    columns.push_back(column);
  }
  return columns;
}

Result<std::vector<int32_t>> AssignParts(const SplitPlan& plan, const std::vector<std::string>& key,
                                         const arrow::RecordBatch& batch) {
  Parts parts;
  parts.reserve(static_cast<size_t>(batch.num_rows()));
  switch (plan.method) {
    case SplitMethod::kNone:
      parts.assign(static_cast<size_t>(batch.num_rows()), 0);
      break;
    case SplitMethod::kHash:
      ARROW_RETURN_NOT_OK(ByHash(plan, key, "key", batch, &parts));
      break;
    case SplitMethod::kGroup:
      ARROW_RETURN_NOT_OK(ByHash(plan, {plan.column}, "the group", batch, &parts));
      break;
    case SplitMethod::kStratified:
      ARROW_RETURN_NOT_OK(ByClass(plan, key, batch, &parts));
      break;
    case SplitMethod::kTime:
      ARROW_RETURN_NOT_OK(ByTime(plan, batch, &parts));
      break;
    case SplitMethod::kGiven:
      ARROW_RETURN_NOT_OK(ByGivenName(plan, batch, &parts));
      break;
  }
  return parts;
}

Json PlanToJson(const SplitPlan& plan) {
  return {{"by", NameOf(plan.method)},   {"column", plan.column},
          {"seed", plan.seed},           {"parts", plan.parts},
          {"hash_cuts", plan.hash_cuts}, {"class_cuts", plan.class_cuts},
          {"time_cuts", plan.time_cuts}};
}

Result<SplitPlan> PlanFromJson(const Json& json, std::string_view origin) {
  SplitPlan plan;
  ARROW_ASSIGN_OR_RAISE(std::string by, base::GetString(json, "by", origin));
  auto method = MethodNamed(by);
  if (!method) return base::Corrupt("{}: split by '{}' is not known", origin, by);
  plan.method = *method;
  ARROW_ASSIGN_OR_RAISE(plan.column, base::GetString(json, "column", origin));
  const Json seed = json.value("seed", Json());
  if (!seed.is_number_integer()) return base::Corrupt("{}: 'seed' is missing", origin);
  plan.seed = seed.get<uint64_t>();
  ARROW_ASSIGN_OR_RAISE(const Json* parts, base::GetArray(json, "parts", origin));
  for (const Json& part : *parts) {
    if (!part.is_string()) return base::Corrupt("{}: the name of a part is no text", origin);
    plan.parts.push_back(part.get<std::string>());
  }
  ARROW_ASSIGN_OR_RAISE(plan.hash_cuts, Numbers<uint64_t>(json.value("hash_cuts", Json()), origin));
  ARROW_ASSIGN_OR_RAISE(plan.time_cuts, Numbers<int64_t>(json.value("time_cuts", Json()), origin));
  ARROW_ASSIGN_OR_RAISE(const Json* classes, base::GetObject(json, "class_cuts", origin));
  for (const auto& [name, cuts] : classes->items()) {
    ARROW_ASSIGN_OR_RAISE(plan.class_cuts[name], Numbers<uint64_t>(cuts, origin));
  }
  return plan;
}

}  // namespace millpond::train
