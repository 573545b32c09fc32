// What one expectation asks of the data, as SQL aggregates and a judgement over their values. The
// definitions (name, arguments, how to compile) live in expectation_{values,aggregates,tables}.cc;
// expectations.cc gathers the aggregates of a suite into as few passes as it can.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "curate/expectations.h"
#include "curate/table_view.h"

namespace millpond::curate {

using AggregateValues = std::span<const base::Json>;

struct ExpectationPlan {
  std::string from;                     ///< Relation to aggregate over; empty: the table.
  std::vector<std::string> aggregates;  ///< SQL; may be empty (answered by the schema alone).
  /// Fills success, observed and counts from the aggregates' values, in their order.
  std::function<void(AggregateValues, ExpectationResult*)> judge;

  // Unexpected values to show; `sample_where` empty: none.
  std::string sample_from;  ///< Relation with a sample_id; empty: the table.
  std::string sample_where;
  std::vector<std::string> sample_values;  ///< Expressions; several are shown as a list.
};

/// Arguments of one expectation against one table, read with errors that name them.
class PlanInputs {
 public:
  PlanInputs(const TableView& view, const base::Json& kwargs) : view_(view), kwargs_(kwargs) {}

  const TableView& view() const { return view_; }
  bool Has(const char* name) const;
  const base::Json& Raw(const char* name) const;  ///< Null where absent.
  Result<std::string> Text(const char* name) const;
  Result<double> Number(const char* name, double otherwise) const;
  Result<bool> Flag(const char* name, bool otherwise) const;
  Result<base::Json> List(const char* name) const;
  Result<std::vector<std::string>> Texts(const char* name) const;
  /// The column that the argument names.
  Result<std::shared_ptr<arrow::Field>> Column(const char* name = "column") const;
  Result<std::vector<std::shared_ptr<arrow::Field>>> Columns(const char* name) const;
  /// 0 to 1; 1 where absent.
  Result<double> Mostly() const;
  /// "(condition)" or "true".
  std::string Condition() const;
  /// count(*) FILTER (row_condition AND `predicate`)
  std::string Count(const std::string& predicate) const;
  /// `aggregate` FILTER (row_condition AND `predicate`)
  std::string Filtered(const std::string& aggregate, const std::string& predicate = "true") const;

 private:
  const TableView& view_;
  const base::Json& kwargs_;
};

struct ExpectationDefinition {
  ExpectationInfo info;
  Result<ExpectationPlan> (*plan)(const PlanInputs&);
};

std::span<const ExpectationDefinition> ValueExpectations();
std::span<const ExpectationDefinition> AggregateExpectations();
std::span<const ExpectationDefinition> TableExpectations();

/// Null where there is none of that name.
const ExpectationDefinition* FindExpectation(std::string_view type);

/// A plan over rows: `unexpected` is a predicate over the values that `present` holds for; counts,
/// mostly and samples follow from it.
Result<ExpectationPlan> PlanRows(const PlanInputs& inputs, const std::string& present,
                                 const std::string& unexpected, std::vector<std::string> shown);

/// The judgement of PlanRows over [elements, missing, unexpected].
void JudgeRows(double mostly, AggregateValues values, ExpectationResult* result);

/// A bound pair of the arguments min_value and max_value with strict_min and strict_max.
struct Bounds {
  base::Json low, high;
  bool strict_low = false, strict_high = false;
};
Result<Bounds> BoundsOf(const PlanInputs& inputs);

/// Whether a number (as CellOf gives it) is within; null never is.
bool Within(const base::Json& value, const Bounds& bounds);

}  // namespace millpond::curate
