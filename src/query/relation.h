// The SQL that stands for one table version behind the gate: its files read by field, its rows
// filtered, its columns masked. Called by planner.cc, which makes a view of it.
#pragma once

#include <arrow/type_fwd.h>

#include <string>

#include "base/error.h"
#include "query/file_relation.h"
#include "query/gate.h"

namespace millpond::query {

/// A SELECT with exactly the version's columns and the hidden ones that were asked for. Columns are
/// found by field id: renamed columns take their new name, widened ones are cast, absent ones have
/// their default or are null; deleted rows are left out. A row filter also stands around each
/// column, so that no order of evaluation shows a value of a hidden row.
Result<std::string> RelationSql(const FileSelection& selection, const ReadDecision& decision);

}  // namespace millpond::query
