// One step of a recipe as SQL over the rows before it. recipe.cc checks steps as written; clean.cc
// chains their SQL; recipe_{cast,values,rows}.cc compile them.
#pragma once

#include <arrow/type_fwd.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "curate/recipe.h"

namespace millpond::curate {

struct StepColumn {
  std::string name;
  std::shared_ptr<arrow::DataType> type;
  std::optional<int32_t> field_id;  ///< Of the table's column that it still is.
};

/// What a cast may refuse.
struct CastGuard {
  std::string column;
  std::string refused;  ///< SQL: true for a row whose value cannot be cast.
  std::string wanted;   ///< Type name, for the reason.
};

struct StepSql {
  std::map<std::string, std::string> changed;              ///< Column -> its new expression.
  std::vector<std::pair<std::string, std::string>> added;  ///< New columns, at the end.
  std::set<std::string> dropped;
  std::map<std::string, std::string> renamed;
  std::string keep;               ///< Rows to keep; empty: all.
  std::string qualify;            ///< The same over windows.
  std::vector<CastGuard> guards;  ///< Rows that break one are rejected.
  bool reorders = false;          ///< The rows may come out in another order.
  base::Json values = base::Json::object();
};

/// What a step may ask of the rows before it.
class StepInputs {
 public:
  using Fit = std::function<Result<std::vector<base::Json>>(const std::string& select,
                                                            const std::string& tail)>;

  StepInputs(const RecipeStep& step, const std::vector<StepColumn>& columns, Fit fit)
      : step_(step), columns_(columns), fit_(std::move(fit)) {}

  const std::vector<StepColumn>& columns() const { return columns_; }
  const base::Json& Raw(const char* name) const;  ///< Null where absent.
  Result<std::string> Text(const char* name) const;
  Result<std::string> Text(const char* name, std::string_view otherwise) const;
  Result<bool> Flag(const char* name, bool otherwise) const;
  /// The columns that `column` or `columns` name; sample_id is refused.
  Result<std::vector<StepColumn>> Columns() const;
  Result<std::vector<StepColumn>> ColumnsIn(const char* name) const;
  Result<StepColumn> Find(const std::string& name) const;
  bool HasSampleId() const;
  /// Values over the rows before the step, in one pass: SELECT `values` FROM them `tail`; nulls
  /// where that gives no row.
  Result<std::vector<base::Json>> Fitted(const std::vector<std::string>& values,
                                         const std::string& tail = "") const;

 private:
  const RecipeStep& step_;
  const std::vector<StepColumn>& columns_;
  Fit fit_;
};

struct StepDefinition {
  std::string_view kind;
  std::span<const std::string_view> arguments;
  Result<StepSql> (*compile)(const StepInputs&);
};

std::span<const StepDefinition> ValueSteps();
std::span<const StepDefinition> RowSteps();

/// Null where there is none of that kind.
const StepDefinition* FindStep(std::string_view kind);
std::vector<std::string> StepKinds();

/// recipe_cast.cc
Result<StepSql> CompileCast(const StepInputs& inputs);

}  // namespace millpond::curate
