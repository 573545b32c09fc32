// One small writer of SQL: Clause by clause, each value going to the list as its placeholder goes
// to the text.
#include "ledger/sql_text.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"

namespace millpond::ledger {
namespace {

using base::QuoteIdentifier;

// In the order of Compare.
constexpr const char* kOperators[] = {" = ", " <> ", " < ", " <= ", " > ", " >= "};

class Writer {
 public:
  explicit Writer(std::string text) { sql_.text = std::move(text); }

  Writer& Add(std::string_view text) {
    sql_.text += text;
    return *this;
  }

  Status Bind(const Value& value, const std::string& column) {
    if (const auto* text = std::get_if<std::string>(&value)) {
      if (text->find('\0') != text->npos) {
        return base::Invalid("the value of '{}' holds a NUL byte; remove it", column);
      }
      if (!base::IsValidUtf8(*text)) {
        return base::Invalid("the value of '{}' is not valid UTF-8", column);
      }
    }
    if (const auto* real = std::get_if<double>(&value); real != nullptr && std::isnan(*real)) {
      return base::Invalid("the value of '{}' is NaN, which a ledger column cannot hold", column);
    }
    sql_.values.push_back(value);
    sql_.text += "$" + std::to_string(sql_.values.size());
    return Status::OK();
  }

  Status Where(const Conditions& conditions) {
    const char* glue = " WHERE ";
    for (const Condition& condition : conditions) {
      Add(glue);
      ARROW_RETURN_NOT_OK(AddCondition(condition));
      glue = " AND ";
    }
    return Status::OK();
  }

  SqlText Take() { return std::move(sql_); }

 private:
  Status AddCondition(const Condition& condition) {
    const std::string column = QuoteIdentifier(condition.column);
    if (std::holds_alternative<std::monostate>(condition.value)) {
      if (condition.op == Compare::kEqual) return Add(column).Add(" IS NULL"), Status::OK();
      if (condition.op == Compare::kNotEqual) return Add(column).Add(" IS NOT NULL"), Status::OK();
      return base::Invalid("'{}' cannot be ordered against NULL", condition.column);
    }
    if (condition.op == Compare::kStartsWith) {
      if (!std::holds_alternative<std::string>(condition.value)) {
        return base::Invalid("'{}' can only start with text", condition.column);
      }
      // LIKE would fold case in SQLite and take % and _ for patterns.
      Add("substr(").Add(column).Add(", 1, length(");
      ARROW_RETURN_NOT_OK(Bind(condition.value, condition.column));
      Add(")) = ");
      return Bind(condition.value, condition.column);
    }
    Add(column).Add(kOperators[static_cast<size_t>(condition.op)]);
    return Bind(condition.value, condition.column);
  }

  SqlText sql_;
};

Status AddColumnsAndValues(Writer* writer, const Row& row) {
  writer->Add(" (");
  const char* glue = "";
  for (const auto& [column, value] : row) {
    writer->Add(glue).Add(QuoteIdentifier(column));
    glue = ", ";
  }
  writer->Add(") VALUES (");
  glue = "";
  for (const auto& [column, value] : row) {
    writer->Add(glue);
    ARROW_RETURN_NOT_OK(writer->Bind(value, column));
    glue = ", ";
  }
  writer->Add(")");
  return Status::OK();
}

Status AddOnConflict(Writer* writer, const Transaction::Change& change,
                     std::span<const std::string> primary_key) {
  const char* glue = " ON CONFLICT (";
  for (const std::string& column : primary_key) {
    if (!change.row.contains(column)) {
      return base::Invalid("an upsert into '{}' needs its key column '{}'", change.table, column);
    }
    writer->Add(glue).Add(QuoteIdentifier(column));
    glue = ", ";
  }
  if (primary_key.empty()) {
    return base::Invalid("'{}' has no primary key to upsert by", change.table);
  }
  glue = ") DO UPDATE SET ";
  bool only_key = true;
  for (const auto& [column, value] : change.row) {
    if (std::find(primary_key.begin(), primary_key.end(), column) != primary_key.end()) continue;
    only_key = false;
    const std::string quoted = QuoteIdentifier(column);
    writer->Add(glue).Add(quoted).Add(" = excluded.").Add(quoted);
    glue = ", ";
  }
  if (only_key) writer->Add(") DO NOTHING");
  return Status::OK();
}

Status AddAssignments(Writer* writer, const Row& set) {
  const char* glue = " SET ";
  for (const auto& [column, value] : set) {
    writer->Add(glue).Add(QuoteIdentifier(column)).Add(" = ");
    ARROW_RETURN_NOT_OK(writer->Bind(value, column));
    glue = ", ";
  }
  return Status::OK();
}

}  // namespace

Result<SqlText> SqlOf(const Transaction::Change& change, std::span<const std::string> primary_key) {
  using Kind = Transaction::Kind;
  if (change.kind != Kind::kDelete && change.row.empty()) {
    return base::Invalid("a change of '{}' sets no column", change.table);
  }
  const std::string table = QuoteIdentifier(change.table);
  switch (change.kind) {
    case Kind::kInsert:
    case Kind::kUpsert: {
      Writer writer("INSERT INTO " + table);
      ARROW_RETURN_NOT_OK(AddColumnsAndValues(&writer, change.row));
      if (change.kind == Kind::kUpsert) {
        ARROW_RETURN_NOT_OK(AddOnConflict(&writer, change, primary_key));
      }
      return writer.Take();
    }
    case Kind::kUpdate: {
      Writer writer("UPDATE " + table);
      ARROW_RETURN_NOT_OK(AddAssignments(&writer, change.row));
      ARROW_RETURN_NOT_OK(writer.Where(change.where));
      return writer.Take();
    }
    case Kind::kDelete: {
      Writer writer("DELETE FROM " + table);
      ARROW_RETURN_NOT_OK(writer.Where(change.where));
      return writer.Take();
    }
  }
  return base::Internal("unknown kind of change of '{}'", change.table);
}

Result<SqlText> SqlOf(const Query& query) {
  Writer writer("SELECT * FROM " + QuoteIdentifier(query.table));
  ARROW_RETURN_NOT_OK(writer.Where(query.where));
  const char* glue = " ORDER BY ";
  for (const Order& order : query.order_by) {
    // Stated, because the two databases differ in where NULL goes by default.
    writer.Add(glue)
        .Add(QuoteIdentifier(order.column))
        .Add(order.descending ? " DESC NULLS LAST" : " ASC NULLS FIRST");
    glue = ", ";
  }
  if (query.limit) {
    if (*query.limit < 0) return base::Invalid("a limit of {} rows", *query.limit);
    writer.Add(" LIMIT ");
    ARROW_RETURN_NOT_OK(writer.Bind(*query.limit, "limit"));
  }
  return writer.Take();
}

}  // namespace millpond::ledger
