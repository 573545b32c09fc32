// SQL for changes of rows; see the header.
#include "ingest/row_selection.h"

#include <arrow/type.h>

#include <map>
#include <utility>

#include "base/text.h"
#include "query/column_expression.h"
#include "query/sql_lexer.h"
#include "table/schema.h"

namespace millpond::ingest {
namespace {

using base::QuoteIdentifier;
using query::Assignments;
using query::ChangeStatement;
using query::MergeClause;

/// Expression for each of a table's columns, by position; empty where a statement gives none.
using Values = std::vector<std::string>;

class Builder {
 public:
  Builder(query::Session& session, const ChangeStatement& statement,
          const query::SqlOptions& options, const arrow::Schema& columns, bool lineage)
      : session_(session), statement_(statement), options_(options), columns_(columns) {
    target_ = QuoteIdentifier(statement.alias.empty() ? statement.table : statement.alias);
    place_ = target_ + "._file AS \"#file\", " + target_ + "._pos AS \"#pos\", " +
             (lineage ? target_ + "._row_id" : "CAST(NULL AS BIGINT)") + " AS \"#row\"";
  }

  Result<RowSelection> Delete() {
    RowSelection selection;
    selection.verb = table::RowVerb::kDelete;
    selection.actions = {RowAction::kNothing, RowAction::kDelete};
    selection.sql = With() + "SELECT " + place_ + ", 1 AS \"#n\"" + FromWhere();
    return selection;
  }

  Result<RowSelection> Update() {
    RowSelection selection;
    selection.verb = table::RowVerb::kUpdate;
    selection.actions = {RowAction::kNothing, RowAction::kUpdate};
    selection.has_values = true;
    selection.each_row_once = !statement_.source.empty();
    ARROW_ASSIGN_OR_RAISE(const Values set, Resolve(statement_.set, true));
    std::string inner = "SELECT " + place_,
                outer = "SELECT \"#file\", \"#pos\", \"#row\", 1 AS \"#n\"";
    std::vector<std::string> changed;
    for (size_t i = 0; i < set.size(); ++i) {
      const std::string name = fmt::format("\"#{}\"", i);
      ARROW_ASSIGN_OR_RAISE(const std::string value, ValueSql(set[i], i, true));
      inner += ", " + value + " AS " + name;
      outer += ", " + name;
      if (set[i].empty()) continue;
      inner += fmt::format(", {} AS \"#old{}\"", Old(i), i);
      changed.push_back(fmt::format("{} IS DISTINCT FROM \"#old{}\"", name, i));
    }
    selection.sql =
        With() + outer + " FROM (" + inner + FromWhere() + ") WHERE " + base::Join(changed, " OR ");
    return selection;
  }

  Result<RowSelection> Merge() {
    RowSelection selection;
    selection.verb = table::RowVerb::kMerge;
    selection.each_row_once = true;
    selection.actions = {RowAction::kNothing};
    ARROW_RETURN_NOT_OK(NameSource());
    Branches joined, alone;
    for (const MergeClause& clause : statement_.clauses) {
      const bool by_source = clause.when == MergeClause::When::kNotMatchedBySource;
      ARROW_RETURN_NOT_OK(Add(clause, by_source ? &alone : &joined, &selection));
    }
    std::vector<std::string> parts;
    const std::string from = " FROM " + source_;
    if (!joined.whens.empty()) {
      parts.push_back(Select(joined, from + (joined.inserts ? " LEFT JOIN " : " JOIN ") +
                                         TargetSql() + " ON (" + statement_.condition + ")"));
    }
    if (!alone.whens.empty()) {
      parts.push_back(Select(alone, " FROM " + TargetSql() + " WHERE NOT EXISTS (SELECT 1" + from +
                                        " WHERE (" + statement_.condition + "))"));
    }
    selection.has_values = true;
    selection.sql = With() + base::Join(parts, " UNION ALL ");
    return selection;
  }

 private:
  /// CASE arms of one SELECT of a merge.
  struct Branches {
    std::string whens;
    std::vector<std::string> values;  // For each column: "WHEN 1 THEN … WHEN 2 THEN …".
    bool inserts = false;
  };

  std::string With() const { return statement_.with.empty() ? "" : statement_.with + " "; }
  std::string TargetSql() const { return TableSql(statement_) + " AS " + target_; }
  std::string FromWhere() const {
    std::string sql = " FROM " + TargetSql();
    if (!statement_.source.empty()) sql += ", " + statement_.source;
    // A line of its own, so that a comment at the condition's end does not hide the bracket.
    if (!statement_.condition.empty()) sql += " WHERE (" + statement_.condition + "\n)";
    return sql;
  }
  std::string Old(size_t i) const {
    return target_ + "." + QuoteIdentifier(columns_.field(static_cast<int>(i))->name());
  }

  // The value of column i, in the column's type.
  Result<std::string> ValueSql(const std::string& expression, size_t i, bool keeps_old) const {
    if (expression.empty() && keeps_old) return Old(i);
    ARROW_ASSIGN_OR_RAISE(const std::string type,
                          query::SqlTypeOf(*columns_.field(static_cast<int>(i))->type()));
    return "CAST((" + (expression.empty() ? "NULL" : expression + "\n") + ") AS " + type + ")";
  }

  Result<Values> Resolve(const Assignments& set, bool updates) const {
    Values values(static_cast<size_t>(columns_.num_fields()));
    for (const auto& [name, expression] : set) {
      int found = -1;
      for (int i = 0; i < columns_.num_fields(); ++i) {
        if (base::ToLower(columns_.field(i)->name()) == base::ToLower(name)) found = i;
      }
      if (found < 0) {
        const auto names = columns_.field_names();
        return base::Invalid("{} has no column '{}'.{}", statement_.table, name,
                             base::DidYouMean(name, names));
      }
      if (updates && columns_.field(found)->name() == table::kSampleId) {
        return base::Invalid(
            "{} names a row for good and cannot be set; insert the row anew to number it again",
            table::kSampleId);
      }
      values[static_cast<size_t>(found)] = expression;
    }
    return values;
  }

  // The source as a relation whose name is known.
  Status NameSource() {
    const auto tokens = query::LexSql(statement_.source);
    const auto kind = tokens.back().kind;
    if (kind != query::TokenKind::kWord && kind != query::TokenKind::kQuoted) {
      return base::Invalid("give the rows to merge a name: USING (SELECT …) AS new");
    }
    source_name_ = QuoteIdentifier(query::TokenText(statement_.source, tokens.back()));
    source_ = statement_.source;
    return Status::OK();
  }

  // The source's columns that the table has too.
  Result<Assignments> AllColumns(bool updates) {
    ARROW_ASSIGN_OR_RAISE(
        const auto schema,
        session_.SchemaOf(With() + "SELECT " + source_name_ + ".* FROM " + source_, options_));
    Assignments set;
    for (const auto& field : schema->fields()) {
      if (updates && base::ToLower(field->name()) == table::kSampleId) continue;
      set.emplace_back(field->name(), source_name_ + "." + QuoteIdentifier(field->name()));
    }
    return set;
  }

  Status Add(const MergeClause& clause, Branches* branches, RowSelection* selection) {
    using Action = MergeClause::Action;
    const bool updates = clause.action == Action::kUpdate;
    const bool inserts = clause.action == Action::kInsert;
    Assignments set = clause.set;
    if (clause.all) {
      ARROW_ASSIGN_OR_RAISE(set, AllColumns(updates));
    }
    ARROW_ASSIGN_OR_RAISE(const Values values, Resolve(set, updates));
    branches->inserts |= clause.when == MergeClause::When::kNotMatched;
    std::string when = target_ + "._file IS " +
                       (clause.when == MergeClause::When::kNotMatched ? "NULL" : "NOT NULL");
    if (!clause.condition.empty()) when += " AND (" + clause.condition + "\n)";
    const size_t number = selection->actions.size();
    selection->actions.push_back(updates                            ? RowAction::kUpdate
                                 : inserts                          ? RowAction::kInsert
                                 : clause.action == Action::kDelete ? RowAction::kDelete
                                                                    : RowAction::kNothing);
    branches->values.resize(values.size());
    std::vector<std::string> changed;
    for (size_t i = 0; i < values.size() && (updates || inserts); ++i) {
      ARROW_ASSIGN_OR_RAISE(const std::string value, ValueSql(values[i], i, updates));
      branches->values[i] += fmt::format(" WHEN {} THEN {}", number, value);
      if (updates && !values[i].empty()) changed.push_back(value + " IS DISTINCT FROM " + Old(i));
    }
    std::string then = std::to_string(number);
    if (updates) {
      then = changed.empty()
                 ? "0"
                 : "CASE WHEN " + base::Join(changed, " OR ") + " THEN " + then + " ELSE 0 END";
    }
    branches->whens += " WHEN " + when + " THEN " + then;
    return Status::OK();
  }

  std::string Select(const Branches& branches, const std::string& from) const {
    std::string inner = "SELECT " + place_ + ", CASE" + branches.whens + " ELSE 0 END AS \"#n\"";
    std::string outer = "SELECT \"#file\", \"#pos\", \"#row\", \"#n\"";
    for (size_t i = 0; i < branches.values.size(); ++i) {
      const std::string name = fmt::format("\"#{}\"", i);
      // "#n" is the alias beside it: no column of the pond may have that name and be meant.
      inner += ", " +
               (branches.values[i].empty() ? "NULL" : "CASE \"#n\"" + branches.values[i] + " END") +
               " AS " + name;
      outer += ", " + name;
    }
    return outer + " FROM (" + inner + from + ") WHERE \"#n\" > 0";
  }

  query::Session& session_;
  const ChangeStatement& statement_;
  const query::SqlOptions& options_;
  const arrow::Schema& columns_;
  std::string target_, place_, source_, source_name_;
};

}  // namespace

std::string TableSql(const ChangeStatement& statement) {
  return (statement.space.empty() ? "" : QuoteIdentifier(statement.space) + ".") +
         QuoteIdentifier(statement.table);
}

Result<RowSelection> SelectRows(query::Session& session, const ChangeStatement& statement,
                                const query::SqlOptions& options, const arrow::Schema& columns,
                                bool lineage) {
  Builder builder(session, statement, options, columns, lineage);
  switch (statement.kind) {
    case ChangeStatement::Kind::kDelete:
      return builder.Delete();
    case ChangeStatement::Kind::kUpdate:
      return builder.Update();
    case ChangeStatement::Kind::kMerge:
      return builder.Merge();
    case ChangeStatement::Kind::kInsert:
      break;
  }
  return base::Internal("an insert selects no rows to change");
}

}  // namespace millpond::ingest
