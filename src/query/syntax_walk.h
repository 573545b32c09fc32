// Walks DuckDB's syntax tree of a SELECT: finds the tables it reads (names of WITH queries left
// out, by DuckDB's scoping), the conditions on each, and refuses functions and forms that queries
// may not use. Called by statement.cc.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "query/condition.h"

namespace millpond::query {

/// A table node of the tree.
struct TableNode {
  std::string catalog, schema, name;  ///< As written; name may hold "@ref".
  std::string alias;                  ///< Empty: none is written.
  int64_t position = -1;              ///< Byte in the text that was parsed; -1: unknown.
  std::vector<Condition> conditions;
};

/// A star of a SELECT list and the tables of the pond that its FROM reads directly.
struct StarNode {
  int64_t position = -1;
  std::string relation;         ///< t of t.*; empty: all of FROM.
  std::vector<int64_t> tables;  ///< Positions of their nodes.
};

struct Syntax {
  std::vector<TableNode> tables;
  std::set<std::string> hidden_columns;  ///< Mentioned ones (file_relation.h), lower case.
  std::vector<StarNode> stars;
  bool has_natural_join = false;
};

/// `node`: a query node ("statements"[i]["node"]).
Result<Syntax> WalkSyntax(const base::Json& node, const std::vector<base::Json>& parameters);

}  // namespace millpond::query
