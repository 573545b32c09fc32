// SQL statements that change tables, taken apart: INSERT, DELETE, UPDATE, MERGE INTO. Only the
// frame is read here; expressions, conditions and queries inside stay text, and whoever carries the
// change out asks them as SELECTs through a session, so that every read passes the gate. Pure.
// Called by ingest/.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace millpond::query {

/// Column -> SQL expression.
using Assignments = std::vector<std::pair<std::string, std::string>>;

/// One WHEN of a MERGE.
struct MergeClause {
  enum class When { kMatched, kNotMatched, kNotMatchedBySource };
  enum class Action { kUpdate, kDelete, kInsert, kNothing };

  When when = When::kMatched;
  std::string condition;  ///< Behind AND; empty: always.
  Action action = Action::kNothing;
  Assignments set;   ///< Of an update or insert; empty with `all`.
  bool all = false;  ///< UPDATE SET * or INSERT *: every column of the source, by name.
};

struct ChangeStatement {
  enum class Kind { kInsert, kDelete, kUpdate, kMerge };

  Kind kind = Kind::kInsert;
  std::string with;                  ///< "WITH …" in front, or empty.
  std::string space, table, alias;   ///< As written; `space` and `alias` may be empty.
  std::vector<std::string> columns;  ///< INSERT INTO t (…); empty: all.
  bool by_name = false;              ///< INSERT INTO t BY NAME.
  std::string query;                 ///< INSERT: SELECT, VALUES, FROM….
  Assignments set;                   ///< UPDATE.
  std::string source;                ///< UPDATE … FROM, DELETE … USING, MERGE … USING: tables.
  std::string condition;             ///< WHERE, or MERGE's ON; empty: all rows.
  std::vector<MergeClause> clauses;  ///< MERGE.
};

/// nullopt where the text is not such a statement (a SELECT, or anything that a session refuses).
/// kInvalid with the place where one does not parse, or uses a form that tables here do not have.
Result<std::optional<ChangeStatement>> ParseChangeStatement(std::string_view sql);

}  // namespace millpond::query
