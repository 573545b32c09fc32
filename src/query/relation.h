// The SQL that stands for one table version behind the gate: its files read by field, its rows
// filtered, its columns masked. Called by planner.cc, which makes a view of it.
#pragma once

#include <arrow/type_fwd.h>

#include <string>

#include "base/error.h"
#include "query/gate.h"
#include "table/history.h"
#include "table/scan_plan.h"

namespace millpond::query {

/// A SELECT with exactly the version's columns. Files of older schemas are read by field id:
/// renamed columns take their new name, widened ones are cast, absent ones are null. A row filter
/// also stands around each column, so that no order of evaluation shows a value of a hidden row.
Result<std::string> RelationSql(const table::TableVersion& version, const table::ScanPlan& plan,
                                const ReadDecision& decision);

/// DuckDB's name of an Arrow type; kInvalid for types that tables cannot hold.
Result<std::string> SqlTypeOf(const arrow::DataType& type);

}  // namespace millpond::query
