// Parsing recipes, and how steps read their arguments.
#include "curate/recipe.h"

#include <arrow/api.h>

#include <algorithm>
#include <utility>

#include "base/hash.h"
#include "base/text.h"
#include "base/yaml.h"
#include "curate/recipe_step.h"
#include "table/schema.h"

namespace millpond::curate {
namespace {

using base::Invalid;
using base::Json;

Result<RecipeStep> ParseStep(const Json& item, const std::string& where) {
  if (!item.is_object() || item.size() != 1) {
    return Invalid("{}: write it as 'fill: {{column: age, value: 0}}', not {}", where,
                   base::CanonicalJson(item));
  }
  RecipeStep step{item.begin().key(), item.begin().value()};
  const StepDefinition* definition = FindStep(step.kind);
  if (definition == nullptr) {
    const auto kinds = StepKinds();
    return Invalid("{}: there is no step '{}'.{} Steps: {}", where, step.kind,
                   base::DidYouMean(step.kind, kinds), base::Join(kinds, ", "));
  }
  // "dedup:" alone, and "trim: name", say enough.
  if (step.arguments.is_null()) step.arguments = Json::object();
  if (step.arguments.is_string()) step.arguments = {{"column", step.arguments}};
  if (step.arguments.is_array()) step.arguments = {{"columns", step.arguments}};
  if (!step.arguments.is_object()) {
    return Invalid("{}: the arguments of {} must be named, as in {{column: age}}", where,
                   step.kind);
  }
  const std::vector<std::string> known(definition->arguments.begin(), definition->arguments.end());
  for (const auto& [name, value] : step.arguments.items()) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    return Invalid("{}: {} has no argument '{}'.{} Its arguments: {}", where, step.kind, name,
                   base::DidYouMean(name, known), base::Join(known, ", "));
  }
  return step;
}

}  // namespace

Result<Recipe> ParseRecipe(std::string_view text, std::string_view origin) {
  ARROW_ASSIGN_OR_RAISE(const Json document, base::ParseYaml(text, origin));
  Recipe recipe;
  recipe.text = std::string(text);
  std::string_view stem = origin;
  if (const size_t slash = stem.rfind('/'); slash != std::string_view::npos) {
    stem.remove_prefix(slash + 1);
  }
  recipe.name = std::string(stem.substr(0, stem.find('.')));
  Json steps = document;
  if (document.is_object()) {
    static const std::vector<std::string> kKeys = {"name", "steps", "description"};
    for (const auto& [key, value] : document.items()) {
      if (std::find(kKeys.begin(), kKeys.end(), key) == kKeys.end()) {
        return Invalid("{}: a recipe has no '{}'.{}", origin, key, base::DidYouMean(key, kKeys));
      }
    }
    if (document.contains("name") && document["name"].is_string()) recipe.name = document["name"];
    steps = document.value("steps", Json());
  }
  if (!steps.is_array() || steps.empty()) {
    return Invalid("{}: a recipe is a list of steps, or has one under 'steps'", origin);
  }
  for (size_t i = 0; i < steps.size(); ++i) {
    ARROW_ASSIGN_OR_RAISE(auto step,
                          ParseStep(steps[i], fmt::format("{}: step {}", origin, i + 1)));
    recipe.steps.push_back(std::move(step));
  }
  recipe.hash = base::Sha256Hex(base::CanonicalJson(steps));
  return recipe;
}

const StepDefinition* FindStep(std::string_view kind) {
  for (auto definitions : {ValueSteps(), RowSteps()}) {
    for (const StepDefinition& definition : definitions) {
      if (definition.kind == kind) return &definition;
    }
  }
  return nullptr;
}

std::vector<std::string> StepKinds() {
  std::vector<std::string> kinds;
  for (auto definitions : {ValueSteps(), RowSteps()}) {
    for (const StepDefinition& definition : definitions) kinds.emplace_back(definition.kind);
  }
  std::sort(kinds.begin(), kinds.end());
  return kinds;
}

const Json& StepInputs::Raw(const char* name) const {
  static const Json kNull;
  const auto found = step_.arguments.find(name);
  return found == step_.arguments.end() ? kNull : *found;
}

Result<std::string> StepInputs::Text(const char* name) const {
  const Json& value = Raw(name);
  if (value.is_string()) return value.get<std::string>();
  return Invalid("{} needs the argument '{}' as text, found {}", step_.kind, name,
                 base::CanonicalJson(value));
}

Result<std::string> StepInputs::Text(const char* name, std::string_view otherwise) const {
  return Raw(name).is_null() ? Result<std::string>(std::string(otherwise)) : Text(name);
}

Result<bool> StepInputs::Flag(const char* name, bool otherwise) const {
  const Json& value = Raw(name);
  if (value.is_null()) return otherwise;
  if (value.is_boolean()) return value.get<bool>();
  return Invalid("the argument '{}' of {} must be true or false, not {}", name, step_.kind,
                 base::CanonicalJson(value));
}

Result<StepColumn> StepInputs::Find(const std::string& name) const {
  std::vector<std::string> names;
  for (const StepColumn& column : columns_) {
    if (column.name == name) return column;
    names.push_back(column.name);
  }
  return base::NotFound("there is no column '{}' at this step.{}", name,
                        base::DidYouMean(name, names));
}

Result<std::vector<StepColumn>> StepInputs::ColumnsIn(const char* name) const {
  const Json& value = Raw(name);
  const Json list = value.is_string() ? Json::array({value}) : value;
  if (!list.is_array() || list.empty()) {
    return Invalid("the argument '{}' of {} must name columns, found {}", name, step_.kind,
                   base::CanonicalJson(value));
  }
  std::vector<StepColumn> found;
  std::set<std::string> seen;
  for (const Json& item : list) {
    if (!item.is_string()) {
      return Invalid("the argument '{}' of {} must name columns, found {}", name, step_.kind,
                     base::CanonicalJson(item));
    }
    ARROW_ASSIGN_OR_RAISE(auto column, Find(item.get<std::string>()));
    if (!seen.insert(column.name).second) {
      return Invalid("{} names the column '{}' twice", step_.kind, column.name);
    }
    found.push_back(std::move(column));
  }
  return found;
}

Result<std::vector<StepColumn>> StepInputs::Columns() const {
  const bool one = !Raw("column").is_null(), many = !Raw("columns").is_null();
  if (one == many) return Invalid("{} needs either 'column' or 'columns'", step_.kind);
  ARROW_ASSIGN_OR_RAISE(auto found, ColumnsIn(one ? "column" : "columns"));
  for (const StepColumn& column : found) {
    if (column.name == table::kSampleId) {
      return Invalid("sample_id names the rows and cannot be changed by {}", step_.kind);
    }
  }
  return found;
}

Result<std::vector<Json>> StepInputs::Fitted(const std::vector<std::string>& values,
                                             const std::string& tail) const {
  ARROW_ASSIGN_OR_RAISE(auto fitted, fit_(base::Join(values, ", "), tail));
  fitted.resize(values.size());
  return fitted;
}

bool StepInputs::HasSampleId() const { return Find(std::string(table::kSampleId)).ok(); }

}  // namespace millpond::curate
