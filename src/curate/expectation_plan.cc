// Reading arguments, and the parts that most plans share; see the header.
#include "curate/expectation_plan.h"

#include <arrow/api.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.h"
#include "base/time.h"

namespace millpond::curate {
namespace {

using base::Invalid;
using base::Json;

Status WrongArgument(const char* name, const char* wanted, const Json& found) {
  return Invalid("the argument {} must be {}, not {}", name, wanted, base::CanonicalJson(found));
}

/// -1, 0, 1; nullopt where the two cannot be compared.
std::optional<int> CompareJson(const Json& a, const Json& b) {
  if (a.is_number_integer() && b.is_number_integer()) {
    const auto x = a.get<int64_t>(), y = b.get<int64_t>();
    return x < y ? -1 : x > y ? 1 : 0;
  }
  if (a.is_number() && b.is_number()) {
    const double x = a.get<double>(), y = b.get<double>();
    if (x != x || y != y) return std::nullopt;
    return x < y ? -1 : x > y ? 1 : 0;
  }
  if (!a.is_string() || !b.is_string()) return std::nullopt;
  const auto at = base::ParseTime(a.get_ref<const std::string&>());
  const auto bt = base::ParseTime(b.get_ref<const std::string&>());
  if (at.ok() && bt.ok()) return *at < *bt ? -1 : *at > *bt ? 1 : 0;
  const int order = a.get_ref<const std::string&>().compare(b.get_ref<const std::string&>());
  return order < 0 ? -1 : order > 0 ? 1 : 0;
}

}  // namespace

bool PlanInputs::Has(const char* name) const { return !Raw(name).is_null(); }

const Json& PlanInputs::Raw(const char* name) const {
  static const Json kNull;
  const auto found = kwargs_.find(name);
  return found == kwargs_.end() ? kNull : *found;
}

Result<std::string> PlanInputs::Text(const char* name) const {
  const Json& value = Raw(name);
  if (!value.is_string()) return WrongArgument(name, "text", value);
  return value.get<std::string>();
}

Result<double> PlanInputs::Number(const char* name, double otherwise) const {
  const Json& value = Raw(name);
  if (value.is_null()) return otherwise;
  if (!value.is_number()) return WrongArgument(name, "a number", value);
  return value.get<double>();
}

Result<bool> PlanInputs::Flag(const char* name, bool otherwise) const {
  const Json& value = Raw(name);
  if (value.is_null()) return otherwise;
  if (!value.is_boolean()) return WrongArgument(name, "true or false", value);
  return value.get<bool>();
}

Result<Json> PlanInputs::List(const char* name) const {
  const Json& value = Raw(name);
  if (!value.is_array()) return WrongArgument(name, "a list", value);
  return value;
}

Result<std::vector<std::string>> PlanInputs::Texts(const char* name) const {
  ARROW_ASSIGN_OR_RAISE(const Json list, List(name));
  std::vector<std::string> texts;
  for (const Json& item : list) {
    if (!item.is_string()) return WrongArgument(name, "a list of texts", list);
    texts.push_back(item.get<std::string>());
  }
  if (texts.empty()) return WrongArgument(name, "a list with something in it", list);
  return texts;
}

Result<std::shared_ptr<arrow::Field>> PlanInputs::Column(const char* name) const {
  ARROW_ASSIGN_OR_RAISE(const std::string column, Text(name));
  return view_.Column(column);
}

Result<std::vector<std::shared_ptr<arrow::Field>>> PlanInputs::Columns(const char* name) const {
  ARROW_ASSIGN_OR_RAISE(const auto names, Texts(name));
  std::vector<std::shared_ptr<arrow::Field>> columns;
  for (const std::string& column : names) {
    ARROW_ASSIGN_OR_RAISE(auto field, view_.Column(column));
    columns.push_back(std::move(field));
  }
  return columns;
}

Result<double> PlanInputs::Mostly() const {
  ARROW_ASSIGN_OR_RAISE(const double mostly, Number("mostly", 1.0));
  if (mostly >= 0 && mostly <= 1) return mostly;
  return WrongArgument("mostly", "between 0 and 1", Raw("mostly"));
}

std::string PlanInputs::Condition() const {
  const Json& condition = Raw("row_condition");
  // On lines of its own: a comment in the condition ends with it.
  return condition.is_string() ? "(\n" + condition.get<std::string>() + "\n)" : "true";
}

std::string PlanInputs::Count(const std::string& predicate) const {
  return Filtered("count(*)", predicate);
}

std::string PlanInputs::Filtered(const std::string& aggregate, const std::string& predicate) const {
  const std::string condition = Condition();
  if (condition == "true" && predicate == "true") return aggregate;
  if (condition == "true") return aggregate + " FILTER (WHERE " + predicate + ")";
  if (predicate == "true") return aggregate + " FILTER (WHERE " + condition + ")";
  return aggregate + " FILTER (WHERE " + condition + " AND (" + predicate + "))";
}

const ExpectationDefinition* FindExpectation(std::string_view type) {
  for (auto definitions : {ValueExpectations(), AggregateExpectations(), TableExpectations()}) {
    for (const ExpectationDefinition& definition : definitions) {
      if (definition.info.type == type) return &definition;
    }
  }
  return nullptr;
}

std::span<const ExpectationInfo> KnownExpectations() {
  static const std::vector<ExpectationInfo> kKnown = [] {
    std::vector<ExpectationInfo> known;
    for (auto definitions : {ValueExpectations(), AggregateExpectations(), TableExpectations()}) {
      for (const ExpectationDefinition& definition : definitions) known.push_back(definition.info);
    }
    std::sort(known.begin(), known.end(),
              [](const ExpectationInfo& a, const ExpectationInfo& b) { return a.type < b.type; });
    return known;
  }();
  return kKnown;
}

void JudgeRows(double mostly, AggregateValues values, ExpectationResult* result) {
  const auto count = [&](size_t i) { return values[i].is_null() ? 0 : values[i].get<int64_t>(); };
  const int64_t elements = count(0), missing = count(1), unexpected = count(2);
  result->elements = elements;
  result->missing = missing;
  result->unexpected = unexpected;
  const int64_t present = elements - missing;
  result->success =
      present == 0 ||
      static_cast<double>(present - unexpected) / static_cast<double>(present) >= mostly;
}

Result<ExpectationPlan> PlanRows(const PlanInputs& inputs, const std::string& present,
                                 const std::string& unexpected, std::vector<std::string> shown) {
  ARROW_ASSIGN_OR_RAISE(const double mostly, inputs.Mostly());
  const std::string wrong = "(" + present + ") AND coalesce((" + unexpected + "), true)";
  ExpectationPlan plan;
  plan.aggregates = {inputs.Count("true"), inputs.Count("NOT (" + present + ")"),
                     inputs.Count(wrong)};
  plan.judge = [mostly](AggregateValues values, ExpectationResult* result) {
    JudgeRows(mostly, values, result);
  };
  plan.sample_where = inputs.Condition() + " AND " + wrong;
  plan.sample_values = std::move(shown);
  return plan;
}

Result<Bounds> BoundsOf(const PlanInputs& inputs) {
  Bounds bounds;
  bounds.low = inputs.Raw("min_value");
  bounds.high = inputs.Raw("max_value");
  ARROW_ASSIGN_OR_RAISE(bounds.strict_low, inputs.Flag("strict_min", false));
  ARROW_ASSIGN_OR_RAISE(bounds.strict_high, inputs.Flag("strict_max", false));
  if (bounds.low.is_null() && bounds.high.is_null()) {
    return Invalid("give min_value, max_value or both");
  }
  if (bounds.low.is_structured()) return WrongArgument("min_value", "one value", bounds.low);
  if (bounds.high.is_structured()) return WrongArgument("max_value", "one value", bounds.high);
  if (const auto order = CompareJson(bounds.low, bounds.high); order && *order > 0) {
    return Invalid("min_value {} is greater than max_value {}", base::CanonicalJson(bounds.low),
                   base::CanonicalJson(bounds.high));
  }
  return bounds;
}

bool Within(const Json& value, const Bounds& bounds) {
  if (!bounds.low.is_null()) {
    const auto order = CompareJson(value, bounds.low);
    if (!order || *order < 0 || (*order == 0 && bounds.strict_low)) return false;
  }
  if (!bounds.high.is_null()) {
    const auto order = CompareJson(value, bounds.high);
    if (!order || *order > 0 || (*order == 0 && bounds.strict_high)) return false;
  }
  return true;
}

}  // namespace millpond::curate
