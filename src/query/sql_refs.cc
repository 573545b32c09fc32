// Finds name chains (a.b.c) and what follows them; see sql_refs.h.
#include "query/sql_refs.h"

#include <array>
#include <utility>
#include <vector>

#include "base/text.h"
#include "query/sql_lexer.h"

namespace millpond::query {
namespace {

constexpr std::array<std::string_view, 5> kVersionWords{"tag", "branch", "commit", "snapshot",
                                                        "timestamp"};

bool IsRefByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '~' || static_cast<unsigned char>(c) >= 0x80;
}

class Rewriter {
 public:
  explicit Rewriter(std::string_view sql)
      : sql_(sql), tokens_(LexSql(sql)), refs_{TextEdits(sql), "", {}} {}

  Result<SqlRefs> Run() {
    for (size_t i = 0; i < tokens_.size();) {
      if (!IsName(i)) {
        ++i;
        continue;
      }
      size_t last = i;
      while (IsSymbol(last + 1, '.') && IsName(last + 2)) last += 2;
      ARROW_ASSIGN_OR_RAISE(i, TakeRef(i, last));
    }
    refs_.sql = refs_.edits.Finish();
    return std::move(refs_);
  }

 private:
  bool IsName(size_t i) const {
    return i < tokens_.size() &&
           (tokens_[i].kind == TokenKind::kWord || tokens_[i].kind == TokenKind::kQuoted);
  }
  bool IsSymbol(size_t i, char symbol) const {
    return i < tokens_.size() && tokens_[i].kind == TokenKind::kSymbol &&
           sql_[tokens_[i].begin] == symbol;
  }
  std::string LowerWord(size_t i) const {
    if (i >= tokens_.size() || tokens_[i].kind != TokenKind::kWord) return "";
    return base::ToLower(TokenText(sql_, tokens_[i]));
  }

  // Rewrites the chain [first, last] where a ref follows; returns the token to go on with.
  Result<size_t> TakeRef(size_t first, size_t last) {
    const Token& name = tokens_[last];
    if (IsSymbol(last + 1, '@') && tokens_[last + 1].begin == name.end) {
      size_t end = 0;
      const std::string ref = ReadRef(tokens_[last + 1].end, last + 2, &end);
      if (!ref.empty()) return Replace(last, ref, end);
    }
    if (LowerWord(last + 1) != "at") return last + 1;
    const std::string word = LowerWord(last + 2);
    for (std::string_view known : kVersionWords) {
      if (word != known) continue;
      size_t end = 0;
      const size_t value = last + 3 < tokens_.size() ? tokens_[last + 3].begin : sql_.size();
      const std::string ref = ReadRef(value, last + 3, &end);
      if (ref.empty()) {
        return base::Invalid("AT {} needs a value, as in {} AT {}", word, TokenText(sql_, name),
                             word == "timestamp" ? "TIMESTAMP '2026-11-01'" : "TAG v1");
      }
      refs_.default_names[refs_.edits.ResultOffset(tokens_[first].begin)] = TokenText(sql_, name);
      return Replace(last, ref, end);
    }
    return last + 1;
  }

  // The ref that begins at byte `begin`, which is token `token`; "" where none does.
  std::string ReadRef(size_t begin, size_t token, size_t* end) const {
    if (token < tokens_.size() && tokens_[token].begin == begin &&
        (sql_[begin] == '"' || sql_[begin] == '\'')) {
      *end = tokens_[token].end;
      return TokenText(sql_, tokens_[token]);
    }
    size_t at = begin;
    while (at < sql_.size()) {
      const bool joins = (sql_[at] == '-' || sql_[at] == ':') && at > begin &&
                         at + 1 < sql_.size() && IsRefByte(sql_[at + 1]);
      if (!IsRefByte(sql_[at]) && !joins) break;
      ++at;
    }
    *end = at;
    return std::string(sql_.substr(begin, at - begin));
  }

  size_t Replace(size_t last, const std::string& ref, size_t end) {
    const Token& name = tokens_[last];
    refs_.edits.Replace(name.begin, end, base::QuoteIdentifier(TokenText(sql_, name) + "@" + ref));
    size_t next = last + 1;
    while (next < tokens_.size() && tokens_[next].begin < end) ++next;
    return next;
  }

  const std::string_view sql_;
  const std::vector<Token> tokens_;
  SqlRefs refs_;
};

}  // namespace

Result<SqlRefs> RewriteRefs(std::string_view source) { return Rewriter(source).Run(); }

}  // namespace millpond::query
