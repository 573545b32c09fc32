// A cursor over tokens that knows keywords at depth 0; see the header.
#include "query/change_statement.h"

#include <algorithm>
#include <initializer_list>

#include "base/text.h"
#include "query/sql_lexer.h"
#include "query/statement.h"

namespace millpond::query {
namespace {

using Words = std::initializer_list<std::string_view>;

class Parser {
 public:
  explicit Parser(std::string_view sql) : sql_(sql), tokens_(LexSql(sql)) {
    while (!tokens_.empty() && IsSymbol(tokens_.size() - 1, ';')) tokens_.pop_back();
  }

  Result<std::optional<ChangeStatement>> Run() {
    ChangeStatement statement;
    if (Is("with")) {
      const size_t end = Find({"insert", "delete", "update", "merge", "select", "from", "values"});
      if (end == tokens_.size() || !IsChange(end)) return std::nullopt;
      statement.with = Text(0, end);
      at_ = end;
    }
    if (!IsChange(at_)) return std::nullopt;
    const std::string verb = Word(at_++);
    if (verb == "insert") return Whole(Insert(&statement), &statement);
    if (verb == "delete") return Whole(Delete(&statement), &statement);
    if (verb == "update") return Whole(Update(&statement), &statement);
    return Whole(Merge(&statement), &statement);
  }

 private:
  bool IsChange(size_t i) const {
    const std::string word = Word(i);
    return word == "insert" || word == "delete" || word == "update" || word == "merge";
  }
  std::string Word(size_t i) const {
    if (i >= tokens_.size() || tokens_[i].kind != TokenKind::kWord) return "";
    return base::ToLower(TokenText(sql_, tokens_[i]));
  }
  bool Is(std::string_view word) const { return Word(at_) == word; }
  bool IsSymbol(size_t i, char symbol) const {
    return i < tokens_.size() && tokens_[i].kind == TokenKind::kSymbol &&
           sql_[tokens_[i].begin] == symbol;
  }
  bool Take(std::string_view word) {
    if (!Is(word)) return false;
    ++at_;
    return true;
  }
  Status Expect(std::string_view word) {
    return Take(word) ? Status::OK() : Error(fmt::format("expected {}", word));
  }
  Status Error(const std::string& message) const {
    const size_t offset = at_ < tokens_.size() ? tokens_[at_].begin : sql_.size();
    return base::Invalid("SQL: {}", WithPosition(message, sql_, offset));
  }
  std::string Text(size_t begin, size_t end) const {
    if (begin >= end) return "";
    return std::string(
        sql_.substr(tokens_[begin].begin, tokens_[end - 1].end - tokens_[begin].begin));
  }

  // The next token at the depth of at_ that is one of the words, or where the depth ends.
  size_t Find(Words words, char separator = '\0') const {
    int depth = 0, cases = 0;
    for (size_t i = at_; i < tokens_.size(); ++i) {
      const bool opens = IsSymbol(i, '(') || IsSymbol(i, '[') || IsSymbol(i, '{');
      const bool closes = IsSymbol(i, ')') || IsSymbol(i, ']') || IsSymbol(i, '}');
      if (depth == 0 && cases == 0) {
        if (closes || (separator != '\0' && IsSymbol(i, separator))) return i;
        const std::string word = Word(i);
        const bool in_distinct_from = word == "from" && i > at_ && Word(i - 1) == "distinct";
        if (!word.empty() && !in_distinct_from &&
            std::find(words.begin(), words.end(), word) != words.end()) {
          return i;
        }
      }
      depth += opens ? 1 : closes ? -1 : 0;
      if (depth == 0) cases += Word(i) == "case" ? 1 : Word(i) == "end" && cases > 0 ? -1 : 0;
    }
    return tokens_.size();
  }
  Result<std::string> Until(Words words, std::string_view what, char separator = '\0') {
    const size_t end = Find(words, separator);
    if (end == at_) return Error(fmt::format("expected {}", what));
    std::string text = Text(at_, end);
    at_ = end;
    return text;
  }

  Result<std::string> Name() {
    const bool is_name = at_ < tokens_.size() && (tokens_[at_].kind == TokenKind::kWord ||
                                                  tokens_[at_].kind == TokenKind::kQuoted);
    if (!is_name) return Error("expected a name");
    return TokenText(sql_, tokens_[at_++]);
  }

  Status Table(ChangeStatement* statement) {
    ARROW_ASSIGN_OR_RAISE(statement->table, Name());
    while (IsSymbol(at_, '.')) {
      ++at_;
      if (!statement->space.empty()) statement->space += ".";
      statement->space += statement->table;
      ARROW_ASSIGN_OR_RAISE(statement->table, Name());
    }
    if (IsSymbol(at_, '@') || Is("at")) {
      return Error("a statement changes the head of a table; name it without a version");
    }
    return Status::OK();
  }

  Status Alias(Words before, ChangeStatement* statement) {
    if (!Take("as")) {
      const std::string word = Word(at_);
      const bool ends =
          at_ >= tokens_.size() || std::find(before.begin(), before.end(), word) != before.end();
      if (ends) return Status::OK();
    }
    ARROW_ASSIGN_OR_RAISE(statement->alias, Name());
    return Status::OK();
  }

  // (a, b, c)
  Result<std::vector<std::string>> Names() {
    std::vector<std::string> names;
    do {
      ++at_;
      ARROW_ASSIGN_OR_RAISE(names.emplace_back(), Name());
    } while (IsSymbol(at_, ','));
    if (!IsSymbol(at_, ')')) return Error("expected )");
    ++at_;
    return names;
  }

  // a = x, b = y
  Result<Assignments> Sets(Words end) {
    Assignments set;
    while (true) {
      std::string target;
      ARROW_ASSIGN_OR_RAISE(target, Name());
      while (IsSymbol(at_, '.')) {  // The table's name or alias in front.
        ++at_;
        ARROW_ASSIGN_OR_RAISE(target, Name());
      }
      if (!IsSymbol(at_, '=')) return Error("expected =");
      ++at_;
      ARROW_ASSIGN_OR_RAISE(std::string value, Until(end, "an expression", ','));
      for (const auto& [column, expression] : set) {
        if (base::ToLower(column) == base::ToLower(target)) {
          return Error(fmt::format("{} is set twice", target));
        }
      }
      set.emplace_back(std::move(target), std::move(value));
      if (!IsSymbol(at_, ',')) return set;
      ++at_;
    }
  }

  Status Insert(ChangeStatement* statement) {
    statement->kind = ChangeStatement::Kind::kInsert;
    if (Is("or")) {
      return Error("INSERT OR … is not known here; MERGE INTO or `millpond upsert` updates rows");
    }
    ARROW_RETURN_NOT_OK(Expect("into"));
    ARROW_RETURN_NOT_OK(Table(statement));
    if (IsSymbol(at_, '(') && Word(at_ + 1) != "select" && Word(at_ + 1) != "with") {
      ARROW_ASSIGN_OR_RAISE(statement->columns, Names());
    }
    if (Is("by") && Word(at_ + 1) == "name") {
      statement->by_name = true;
      at_ += 2;
    }
    if (Is("default")) return Error("give the values of the row");
    ARROW_ASSIGN_OR_RAISE(statement->query, Until({"returning", "on"}, "SELECT or VALUES"));
    if (Is("on") && Word(at_ + 1) != "conflict") {  // The ON of a join.
      const size_t begin = at_;
      while (at_ < tokens_.size() && !Is("returning")) ++at_;
      statement->query += " " + Text(begin, at_);
    }
    if (Is("on")) {
      return Error("ON CONFLICT is not known here; MERGE INTO or `millpond upsert` updates rows");
    }
    return Status::OK();
  }

  Status Delete(ChangeStatement* statement) {
    statement->kind = ChangeStatement::Kind::kDelete;
    ARROW_RETURN_NOT_OK(Expect("from"));
    ARROW_RETURN_NOT_OK(Table(statement));
    ARROW_RETURN_NOT_OK(Alias({"where", "using", "returning"}, statement));
    if (Take("using")) {
      ARROW_ASSIGN_OR_RAISE(statement->source, Until({"where", "returning"}, "a table"));
    }
    return Where(statement);
  }

  Status Update(ChangeStatement* statement) {
    statement->kind = ChangeStatement::Kind::kUpdate;
    ARROW_RETURN_NOT_OK(Table(statement));
    ARROW_RETURN_NOT_OK(Alias({"set"}, statement));
    ARROW_RETURN_NOT_OK(Expect("set"));
    ARROW_ASSIGN_OR_RAISE(statement->set, Sets({"from", "where", "returning"}));
    if (Take("from")) {
      ARROW_ASSIGN_OR_RAISE(statement->source, Until({"where", "returning"}, "a table"));
    }
    return Where(statement);
  }

  Status Where(ChangeStatement* statement) {
    if (!Take("where")) return Status::OK();
    ARROW_ASSIGN_OR_RAISE(statement->condition, Until({"returning"}, "a condition"));
    return Status::OK();
  }

  Status Merge(ChangeStatement* statement) {
    statement->kind = ChangeStatement::Kind::kMerge;
    ARROW_RETURN_NOT_OK(Expect("into"));
    ARROW_RETURN_NOT_OK(Table(statement));
    ARROW_RETURN_NOT_OK(Alias({"using"}, statement));
    ARROW_RETURN_NOT_OK(Expect("using"));
    ARROW_ASSIGN_OR_RAISE(statement->source, Until({"on"}, "a table or query"));
    ARROW_RETURN_NOT_OK(Expect("on"));
    ARROW_ASSIGN_OR_RAISE(statement->condition, Until({"when"}, "a condition"));
    while (Take("when")) ARROW_RETURN_NOT_OK(Clause(statement));
    if (statement->clauses.empty()) return Error("expected WHEN");
    return Status::OK();
  }

  Status Clause(ChangeStatement* statement) {
    using When = MergeClause::When;
    MergeClause clause;
    const bool matched = !Take("not");
    ARROW_RETURN_NOT_OK(Expect("matched"));
    if (!matched) clause.when = When::kNotMatched;
    if (!matched && Take("by")) {
      if (Take("source")) {
        clause.when = When::kNotMatchedBySource;
      } else {
        ARROW_RETURN_NOT_OK(Expect("target"));
      }
    }
    if (Take("and")) {
      ARROW_ASSIGN_OR_RAISE(clause.condition, Until({"then"}, "a condition"));
    }
    ARROW_RETURN_NOT_OK(Expect("then"));
    ARROW_RETURN_NOT_OK(Action(&clause));
    const bool inserts = clause.action == MergeClause::Action::kInsert;
    if (clause.action != MergeClause::Action::kNothing &&
        inserts != (clause.when == When::kNotMatched)) {
      return Error(inserts ? "only rows that are NOT MATCHED can be inserted"
                           : "rows that are NOT MATCHED can only be inserted");
    }
    statement->clauses.push_back(std::move(clause));
    return Status::OK();
  }

  Status Action(MergeClause* clause) {
    if (Take("delete")) {
      clause->action = MergeClause::Action::kDelete;
      return Status::OK();
    }
    if (Take("do")) return Expect("nothing");
    if (Take("update")) {
      clause->action = MergeClause::Action::kUpdate;
      if (!Take("set") || IsSymbol(at_, '*')) {
        at_ += IsSymbol(at_, '*') ? 1 : 0;
        clause->all = true;
        return Status::OK();
      }
      ARROW_ASSIGN_OR_RAISE(clause->set, Sets({"when", "returning"}));
      return Status::OK();
    }
    ARROW_RETURN_NOT_OK(Expect("insert"));
    return InsertAction(clause);
  }

  Status InsertAction(MergeClause* clause) {
    clause->action = MergeClause::Action::kInsert;
    clause->all = IsSymbol(at_, '*') || Is("when") || at_ >= tokens_.size();
    at_ += IsSymbol(at_, '*') ? 1 : 0;
    if (clause->all) return Status::OK();
    if (!IsSymbol(at_, '(')) return Error("expected the columns to insert, as in INSERT (a, b)");
    ARROW_ASSIGN_OR_RAISE(const auto names, Names());
    ARROW_RETURN_NOT_OK(Expect("values"));
    if (!IsSymbol(at_, '(')) return Error("expected (");
    for (const std::string& name : names) {
      ++at_;
      ARROW_ASSIGN_OR_RAISE(std::string value, Until({}, "an expression", ','));
      clause->set.emplace_back(name, std::move(value));
      if (&name != &names.back() && !IsSymbol(at_, ',')) {
        return Error(fmt::format("{} columns need as many values", names.size()));
      }
    }
    if (!IsSymbol(at_, ')')) return Error(fmt::format("expected {} values and )", names.size()));
    ++at_;
    return Status::OK();
  }

  Result<std::optional<ChangeStatement>> Whole(const Status& parsed, ChangeStatement* statement) {
    ARROW_RETURN_NOT_OK(parsed);
    if (Is("returning")) return Error("RETURNING is not known here; ask for the rows in a SELECT");
    if (at_ < tokens_.size()) return Error("the statement should end here");
    return std::move(*statement);
  }

  const std::string_view sql_;
  std::vector<Token> tokens_;
  size_t at_ = 0;
};

}  // namespace

Result<std::optional<ChangeStatement>> ParseChangeStatement(std::string_view sql) {
  return Parser(sql).Run();
}

}  // namespace millpond::query
