// A user's SQL after the gate's first half: one SELECT, its refs rewritten, its functions checked,
// the tables it names found. Made by ParseStatement from DuckDB's own syntax tree of the very text
// that runs, so there is no second opinion on what a statement means. Used by planner.cc.
#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "query/condition.h"
#include "query/engine.h"
#include "query/text_edits.h"

namespace millpond::query {

/// One place where a statement reads a table.
struct TableUse {
  std::string space;                  ///< Namespace as written; empty: the default.
  std::string name;                   ///< As written, without the ref.
  std::string ref;                    ///< "" where none is written.
  size_t begin = 0, end = 0;          ///< The name's bytes in Statement::sql.
  std::string alias;                  ///< As written; empty: none.
  std::string default_alias;          ///< To be given to an AT form that has no alias of its own.
  std::vector<Condition> conditions;  ///< Must all hold for a row of this use to matter.
};

/// A `*` whose FROM reads tables directly: where names can be taken out of it.
struct StarUse {
  std::string relation;        ///< t of t.*; empty: all of FROM.
  std::vector<size_t> tables;  ///< Places in Statement::tables.
  size_t exclude_at = 0;       ///< Byte where excluded names go; 0: the star is not written out.
  /// What stands around them there: " EXCLUDE (" and ")", or "(" and ", " where a list begins…
  std::string before, after;
  size_t close_at = 0;  ///< Byte where ")" must follow a single excluded name; 0: none.
};

struct Statement {
  TextEdits edits;  ///< From what the user wrote to `sql`.
  std::string sql;
  std::vector<TableUse> tables;          ///< In the order of their position.
  std::set<std::string> hidden_columns;  ///< Mentioned anywhere, lower case (file_relation.h).
  std::vector<StarUse> stars;
  bool has_natural_join = false;
};

/// kInvalid: does not parse, or is not one statement; kDenied: writes, or calls what queries may
/// not call. `parameters` only sharpen the conditions.
Result<Statement> ParseStatement(Connection& connection, std::string_view source,
                                 const std::vector<base::Json>& parameters);

/// "message (line 2, column 7)": where `offset` lies in `text`.
std::string WithPosition(const std::string& message, std::string_view text, size_t offset);

/// Checks that `text` is one expression over columns (no statement around it, no tables in it) and
/// gives the simple conditions that it is made of, as far as it is. `what` it is goes into the
/// error.
Result<std::vector<Condition>> ParseExpression(Connection& connection, std::string_view text,
                                               std::string_view what);

}  // namespace millpond::query
