// Which functions a statement may call: none that reach files, settings, other statements or what
// the gate hides. Called by statement.cc for each function of a syntax tree;
// `tests/sql/functions.txt` keeps the list that was reviewed for the pinned DuckDB version.
#pragma once

#include <string_view>

#include "base/error.h"

namespace millpond::query {

/// kDenied for a table function (in FROM) that is not on the list of harmless ones.
Status CheckTableFunction(std::string_view lower_name);

/// kDenied for a scalar, aggregate or macro on the list of forbidden ones.
Status CheckScalarFunction(std::string_view lower_name);

}  // namespace millpond::query
