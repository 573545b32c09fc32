// What DuckDB is to run for one statement and how its errors lead back to what the user wrote. Made
// by planner.cc, run by result_stream.cc.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "query/engine_error.h"
#include "query/scan_functions.h"
#include "query/session.h"
#include "query/text_edits.h"
#include "query/view_catalogs.h"

namespace millpond::query {

struct QueryPlan {
  std::string source;                   ///< As the user wrote it.
  std::string sql;                      ///< What runs: every table is named by its view.
  std::shared_ptr<ViewCatalog> views;   ///< Of the tables and given rows; null where none is read.
  std::vector<std::string> given_rows;  ///< Names of SqlOptions::rows that the statement reads.
  std::vector<TableRead> inputs;
  base::Json tables;                              ///< As in Explanation.
  std::vector<std::shared_ptr<ScanLease>> scans;  ///< What the relations' functions look up.
  bool has_policy = false;                        ///< A filter or mask applies to some table.

  /// Makes the views where they are not there yet; before `sql` is prepared.
  Status OpenViews(Connection& connection) const;

  /// `error`, which DuckDB reported for `sql`, as a status with its place in `source`.
  Status ToStatus(const EngineError& error) const;

  TextEdits refs{""}, names{""};
};

}  // namespace millpond::query
