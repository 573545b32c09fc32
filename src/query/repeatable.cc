// See the header. Looks at tokens: a name before "(" is a call, with a schema in front, in quotes
// or behind a dot just as well. A test compares the list with what DuckDB says of its functions.
#include "query/repeatable.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "base/text.h"
#include "query/sql_lexer.h"

namespace millpond::query {
namespace {

constexpr std::string_view kTimeAdvice = "write the time as a literal";
constexpr std::string_view kRandomAdvice =
    "order and splits have seeds of their own; for a sample, filter on hash(key) % n";
constexpr std::string_view kColumnAdvice = "use a column of the table";
constexpr std::string_view kOrderAdvice =
    "which rows come first is open; add ORDER BY over a key beside it";

struct Unstable {
  std::string_view name;
  std::string_view instead;
  bool bare = false;  // A value without "(" too, unless a dot stands before or behind it.
};

constexpr std::array kUnstable = {
    Unstable{"random", kRandomAdvice},
    Unstable{"setseed", kRandomAdvice},
    Unstable{"uuid", kRandomAdvice},
    Unstable{"uuidv4", kRandomAdvice},
    Unstable{"uuidv7", kRandomAdvice},
    Unstable{"gen_random_uuid", kRandomAdvice},
    Unstable{"now", kTimeAdvice},
    Unstable{"today", kTimeAdvice},
    Unstable{"ago", kTimeAdvice},
    Unstable{"get_current_timestamp", kTimeAdvice},
    Unstable{"get_current_time", kTimeAdvice},
    Unstable{"transaction_timestamp", kTimeAdvice},
    Unstable{"pg_conf_load_time", kTimeAdvice},
    Unstable{"pg_postmaster_start_time", kTimeAdvice},
    Unstable{"current_localtimestamp", kTimeAdvice},
    Unstable{"current_localtime", kTimeAdvice},
    Unstable{"current_timestamp", kTimeAdvice, true},
    Unstable{"current_date", kTimeAdvice, true},
    Unstable{"current_time", kTimeAdvice, true},
    Unstable{"localtimestamp", kTimeAdvice, true},
    Unstable{"localtime", kTimeAdvice, true},
    Unstable{"nextval", kColumnAdvice},
    Unstable{"currval", kColumnAdvice},
    Unstable{"txid_current", kColumnAdvice},
    Unstable{"current_transaction_id", kColumnAdvice},
    Unstable{"current_query_id", kColumnAdvice},
    Unstable{"current_connection_id", kColumnAdvice},
    Unstable{"stats", kColumnAdvice},
};

Status Refuse(std::string_view what, std::string_view instead) {
  return base::Invalid(
      "the query of a dataset must give the same rows in every run, but '{}' changes them: {}",
      what, instead);
}

class Check {
 public:
  explicit Check(std::string_view sql) : sql_(sql), tokens_(LexSql(sql)) {}

  Status Run() {
    for (at_ = 0; at_ < tokens_.size(); ++at_) {
      if (IsSymbol(at_, '(')) {
        levels_.emplace_back();
      } else if (IsSymbol(at_, ')')) {
        ARROW_RETURN_NOT_OK(CloseLevel());
        if (levels_.size() > 1)
          levels_.pop_back();
        else
          levels_.back() = {};
      } else {
        ARROW_RETURN_NOT_OK(TakeName());
      }
    }
    while (!levels_.empty()) {
      ARROW_RETURN_NOT_OK(CloseLevel());
      levels_.pop_back();
    }
    return Status::OK();
  }

 private:
  // What stands between one pair of brackets, or outside of all.
  struct Level {
    std::string needs_order;  // LIMIT, OFFSET, FETCH or DISTINCT ON.
    bool has_order = false;
  };

  bool IsSymbol(size_t at, char symbol) const {
    return at < tokens_.size() && tokens_[at].kind == TokenKind::kSymbol &&
           sql_[tokens_[at].begin] == symbol;
  }
  // A keyword is never quoted.
  bool IsWord(size_t at, std::string_view word) const {
    return at < tokens_.size() && tokens_[at].kind == TokenKind::kWord &&
           base::ToLower(TokenText(sql_, tokens_[at])) == word;
  }

  Status TakeName() {
    const TokenKind kind = tokens_[at_].kind;
    if (kind != TokenKind::kWord && kind != TokenKind::kQuoted) return Status::OK();
    const std::string name = base::ToLower(TokenText(sql_, tokens_[at_]));
    const bool calls = IsSymbol(at_ + 1, '(');
    const bool dotted = (at_ > 0 && IsSymbol(at_ - 1, '.')) || IsSymbol(at_ + 1, '.');
    for (const Unstable& one : kUnstable) {
      const bool bare = one.bare && kind == TokenKind::kWord && !dotted;
      if (name == one.name && (calls || bare)) return Refuse(name, one.instead);
    }
    // age(ts) counts to today; age(a, b) and t.age do not. "ts.age()" is age(ts).
    if (name == "age" && calls && ArgumentsBehind(at_ + 1) + (IsMethod() ? 1 : 0) == 1) {
      return Refuse("age with one argument", "give both times: age(to, from)");
    }
    return kind == TokenKind::kWord ? TakeKeyword(name) : Status::OK();
  }

  // Called as value.name(…), not as schema.name(…): the value ends in a bracket, or DuckDB knows no
  // schema of that name.
  bool IsMethod() const {
    if (at_ < 2 || !IsSymbol(at_ - 1, '.')) return false;
    const Token& before = tokens_[at_ - 2];
    if (before.kind == TokenKind::kSymbol || before.kind == TokenKind::kString) return true;
    const std::string schema = base::ToLower(TokenText(sql_, before));
    return schema != "main" && schema != "system" && schema != "pg_catalog";
  }

  // Of the call whose "(" is at `open`.
  size_t ArgumentsBehind(size_t open) const {
    size_t commas = 0;
    int depth = 0;
    for (size_t at = open; at < tokens_.size(); ++at) {
      if (tokens_[at].kind != TokenKind::kSymbol) continue;
      const char symbol = sql_[tokens_[at].begin];
      if (symbol == '(' || symbol == '[' || symbol == '{') ++depth;
      if (symbol == ')' || symbol == ']' || symbol == '}') --depth;
      if (symbol == ',' && depth == 1) ++commas;
      if (depth == 0) return at == open + 1 ? 0 : commas + 1;
    }
    return commas + 1;
  }

  Status TakeKeyword(const std::string& word) {
    Level& level = levels_.back();
    if (word == "tablesample") return Refuse(word, kRandomAdvice);
    if (word == "using" && IsWord(at_ + 1, "sample")) return Refuse("USING SAMPLE", kRandomAdvice);
    if (word == "order" && IsWord(at_ + 1, "by")) level.has_order = true;
    const bool cuts = word == "limit" || word == "offset" || word == "fetch";
    if (cuts && level.needs_order.empty()) level.needs_order = word;
    if (word == "distinct" && IsWord(at_ + 1, "on")) level.needs_order = "DISTINCT ON";
    return Status::OK();
  }

  Status CloseLevel() const {
    const Level& level = levels_.back();
    if (level.needs_order.empty() || level.has_order) return Status::OK();
    return Refuse(level.needs_order + " without ORDER BY", kOrderAdvice);
  }

  const std::string_view sql_;
  const std::vector<Token> tokens_;
  std::vector<Level> levels_{1};
  size_t at_ = 0;
};

}  // namespace

Status CheckRepeatable(std::string_view sql) { return Check(sql).Run(); }

}  // namespace millpond::query
