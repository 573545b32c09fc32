// Walks DuckDB's syntax tree of a SELECT: finds the tables it reads (names of WITH queries left
// out, by DuckDB's scoping), the conditions on each, and refuses functions and forms that queries
// may not use. Called by statement.cc.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "query/condition.h"

namespace millpond::query {

/// A table node of the tree.
struct TableNode {
  std::string catalog, schema, name;  ///< As written; name may hold "@ref".
  bool has_alias = false;
  int64_t position = -1;  ///< Byte in the text that was parsed; -1: unknown.
  std::vector<Condition> conditions;
};

/// `node`: a query node ("statements"[i]["node"]).
Result<std::vector<TableNode>> WalkSyntax(const base::Json& node,
                                          const std::vector<base::Json>& parameters);

}  // namespace millpond::query
