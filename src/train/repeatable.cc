// CheckRepeatable: looks at the words of a statement (not inside strings, quoted names or comments)
// for functions whose value changes from run to run. It cannot prove that a query is repeatable,
// but it catches what people really write.
#include <array>
#include <cctype>

#include "base/text.h"
#include "train/definition.h"

namespace millpond::train {
namespace {

struct Unstable {
  std::string_view word;
  bool call;  // Only where "(" follows.
  std::string_view instead;
};

constexpr std::string_view kTimeAdvice = "write the time as a literal";
constexpr std::string_view kRandomAdvice =
    "order and splits have seeds of their own; for a sample, filter on hash(key) % n";
constexpr std::array<Unstable, 17> kUnstable = {{
    {"random", true, kRandomAdvice},
    {"setseed", true, kRandomAdvice},
    {"uuid", true, kRandomAdvice},
    {"uuidv4", true, kRandomAdvice},
    {"uuidv7", true, kRandomAdvice},
    {"gen_random_uuid", true, kRandomAdvice},
    {"now", true, kTimeAdvice},
    {"today", true, kTimeAdvice},
    {"get_current_timestamp", true, kTimeAdvice},
    {"get_current_time", true, kTimeAdvice},
    {"transaction_timestamp", true, kTimeAdvice},
    {"current_timestamp", false, kTimeAdvice},
    {"current_date", false, kTimeAdvice},
    {"current_time", false, kTimeAdvice},
    {"localtimestamp", false, kTimeAdvice},
    {"tablesample", false, kRandomAdvice},
    {"nextval", true, "use a column of the table"},
}};

bool IsWordByte(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || (c & 0x80) != 0;
}

// Where a string, quoted name or comment that begins at `at` ends; `at` itself where none begins.
size_t SkipQuoted(std::string_view sql, size_t at) {
  char c = sql[at];
  std::string_view rest = sql.substr(at);
  auto after = [&](std::string_view end, size_t from) {
    size_t found = sql.find(end, from);
    return found == sql.npos ? sql.size() : found + end.size();
  };
  if (c == '\'' || c == '"') return after(std::string_view(&c, 1), at + 1);
  if (rest.starts_with("--")) return after("\n", at);
  if (rest.starts_with("/*")) return after("*/", at + 2);
  return at;
}

Status CheckWord(std::string_view sql, size_t begin, size_t end) {
  std::string word = base::ToLower(sql.substr(begin, end - begin));
  size_t next = sql.find_first_not_of(" \t\r\n", end);
  bool call = next != sql.npos && sql[next] == '(';
  // "t.now" is a column.
  if (begin > 0 && sql[begin - 1] == '.') return Status::OK();
  for (const Unstable& unstable : kUnstable) {
    if (word == unstable.word && (call || !unstable.call)) {
      return base::Invalid(
          "the query of a dataset must give the same rows in every run, but '{}' changes them: {}",
          word, unstable.instead);
    }
  }
  // FROM t USING SAMPLE 10%
  if (word == "using" && next != sql.npos && base::ToLower(sql.substr(next, 6)) == "sample") {
    return base::Invalid(
        "the query of a dataset must give the same rows in every run, but 'USING SAMPLE' changes "
        "them: {}",
        kRandomAdvice);
  }
  return Status::OK();
}

}  // namespace

Status CheckRepeatable(std::string_view sql) {
  for (size_t at = 0; at < sql.size();) {
    if (size_t end = SkipQuoted(sql, at); end != at) {
      at = end;
      continue;
    }
    if (!IsWordByte(sql[at])) {
      ++at;
      continue;
    }
    size_t end = at;
    while (end < sql.size() && IsWordByte(sql[end])) ++end;
    ARROW_RETURN_NOT_OK(CheckWord(sql, at, end));
    at = end;
  }
  return Status::OK();
}

}  // namespace millpond::train
