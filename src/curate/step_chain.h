// The steps of a recipe as one growing chain of SQL over a pinned table: each step is a relation
// over the one before, and figures are asked of any point in it. Used by clean.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/context.h"
#include "base/error.h"
#include "curate/recipe.h"
#include "curate/recipe_step.h"
#include "curate/table_view.h"
#include "query/session.h"

namespace millpond::curate {

/// Rows that a step rejects, as a query of (sample_id, column, value, row).
struct RejectQuery {
  std::string sql;
  std::vector<CastGuard> guards;
};

class StepChain {
 public:
  /// `stored`: the table's schema with field ids.
  StepChain(query::Session& session, const TableView& view, const arrow::Schema& stored,
            const base::Context& context);

  /// Compiles the step, fits what it needs, counts what it does, and adds it to the chain.
  Result<StepReport> Add(const RecipeStep& step);

  /// All rows after the last step.
  std::string Sql() const;
  const std::vector<StepColumn>& columns() const { return columns_; }
  const std::vector<RejectQuery>& rejects() const { return rejects_; }
  bool changes_schema() const { return changes_schema_; }
  int64_t rows() const { return rows_; }
  Status CountRows();

 private:
  /// "WITH s0 AS (…), …" up to the last step, then `select` from it.
  std::string Over(const std::string& select, const std::string& tail) const;
  Result<std::vector<base::Json>> One(const std::string& select, const std::string& tail);
  std::string Refused(const StepSql& sql) const;
  std::string Relation(const StepSql& sql) const;
  Status CountCells(const StepSql& sql, StepReport* report);
  void QueueRejects(const StepSql& sql);
  Status TakeColumns(const StepSql& sql);

  query::Session& session_;
  const TableView& view_;
  const base::Context& context_;
  std::vector<std::string> relations_;  // SELECT text of each step.
  std::vector<StepColumn> columns_;
  std::vector<RejectQuery> rejects_;
  bool reorders_ = false, changes_schema_ = false;
  int64_t rows_ = 0;
};

}  // namespace millpond::curate
