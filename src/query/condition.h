// Simple conditions of a statement, `column op constant`, that let a scan skip files. Taken from
// the syntax tree by statement.cc; turned into table::Predicate once the table's schema is known.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "table/predicate.h"

namespace millpond::query {

/// A constant as the syntax tree has it.
struct Literal {
  std::string
      type;  ///< DuckDB's type id ("INTEGER", "DECIMAL", "VARCHAR", "DATE"…), "" for a parameter.
  base::Json value;  ///< Number, string or boolean; a parameter's: its value.
  int scale = 0;     ///< Of a DECIMAL, whose value is an integer.
};

struct Condition {
  std::vector<std::string> column;  ///< As written: {"a"} or {"t", "a"}.
  table::Comparison op = table::Comparison::kEqual;
  Literal literal;  ///< Unused for the two null tests.
};

/// The conditions among the AND-ed parts of a WHERE expression; what is not simple is left out.
std::vector<Condition> ConditionsOf(const base::Json& where,
                                    const std::vector<base::Json>& parameters);

/// Appends what `condition` says of the column `field` in a form that never excludes a row which
/// DuckDB would keep. Nothing where the types do not allow it.
void AppendPredicates(const Condition& condition, const arrow::Field& field,
                      std::vector<table::Predicate>* predicates);

}  // namespace millpond::query
