// From a user's SQL to what DuckDB runs: tables resolved to versions, each past the decision point,
// pruned to files, made into views of a catalog that only this query sees. Called by session.cc.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "query/engine.h"
#include "query/gate.h"
#include "query/query_plan.h"
#include "query/session.h"
#include "query/statement.h"
#include "query/view_catalogs.h"
#include "table/catalog.h"
#include "table/file_columns.h"
#include "table/history.h"
#include "table/manifest_cache.h"
#include "table/scan_plan.h"

namespace millpond::query {

/// A table version that a statement reads, allowed by the decision point.
struct AllowedTable {
  table::TableVersion version;
  ReadDecision decision;
  std::vector<Condition> conditions;  ///< Of its first use.
  std::vector<Condition> filter;      ///< What the row filter says in simple terms.
  int uses = 0;
  std::vector<std::string> hidden;  ///< Hidden columns that the statement names and it offers.
  std::string schema, view;         ///< Where its view is made in the query's catalog.
};

class Planner {
 public:
  Planner(const Principal& principal, DecisionPoint& decisions,
          std::shared_ptr<table::Catalog> catalog, table::ManifestCache& manifests,
          table::FileColumnsCache& columns)
      : principal_(principal),
        decisions_(decisions),
        catalog_(std::move(catalog)),
        manifests_(manifests),
        columns_(columns) {}

  /// The plan's tables are views of a catalog taken from `views`.
  Result<QueryPlan> Plan(Connection& connection, const std::string& sql, const SqlOptions& options,
                         ViewCatalogs& views);

  /// Only the versions that the statement reads.
  Result<std::vector<TableRead>> Inputs(Connection& connection, const std::string& sql,
                                        const SqlOptions& options);

 private:
  struct Resolved;
  Result<Resolved> Resolve(Connection& connection, const std::string& sql,
                           const SqlOptions& options);
  Result<table::TableVersion> VersionOf(const TableUse& use, const SqlOptions& options);
  Result<table::TableVersion> AtAnyCase(const table::TableName& name, const std::string& ref);
  // What each of the tables is to read, pruned.
  Result<std::vector<table::ScanPlan>> PlanScans(const std::vector<AllowedTable>& tables,
                                                 const SqlOptions& options);
  // The view that stands for the table; what is read goes into the plan.
  Result<View> MakeView(Connection& connection, const AllowedTable& allowed, table::ScanPlan scan,
                        QueryPlan* plan);
  // Asks the decision point and fills `decision` and `filter`.
  Status Decide(Connection& connection, AllowedTable* allowed);

  const Principal& principal_;
  DecisionPoint& decisions_;
  const std::shared_ptr<table::Catalog> catalog_;
  table::ManifestCache& manifests_;
  table::FileColumnsCache& columns_;
};

}  // namespace millpond::query
