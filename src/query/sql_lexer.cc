// The scanner behind LexSql: one function per kind of token, each from a position to its end.
#include "query/sql_lexer.h"

#include <fmt/format.h>

#include <span>

namespace millpond::query {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsSpace(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
bool IsWordStart(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}
bool IsWordPart(char c) { return IsWordStart(c) || IsDigit(c) || c == '$'; }

class Scanner {
 public:
  explicit Scanner(std::string_view sql) : sql_(sql) {}

  std::vector<Token> Run() {
    while (SkipSpace()) {
      const size_t begin = at_;
      const TokenKind kind = Take();
      tokens_.push_back({kind, begin, at_});
    }
    return std::move(tokens_);
  }

 private:
  char Peek(size_t ahead = 0) const { return at_ + ahead < sql_.size() ? sql_[at_ + ahead] : '\0'; }

  // Past white space and comments; false at the end.
  bool SkipSpace() {
    while (at_ < sql_.size()) {
      if (IsSpace(Peek())) {
        ++at_;
      } else if (Peek() == '-' && Peek(1) == '-') {
        while (at_ < sql_.size() && Peek() != '\n' && Peek() != '\r') ++at_;
      } else if (Peek() == '/' && Peek(1) == '*') {
        SkipBlockComment();
      } else {
        return true;
      }
    }
    return false;
  }

  void SkipBlockComment() {
    int depth = 0;
    do {
      if (Peek() == '/' && Peek(1) == '*') {
        ++depth;
        at_ += 2;
      } else if (Peek() == '*' && Peek(1) == '/') {
        --depth;
        at_ += 2;
      } else {
        ++at_;
      }
    } while (depth > 0 && at_ < sql_.size());
    if (at_ > sql_.size()) at_ = sql_.size();
  }

  TokenKind Take() {
    const char c = Peek();
    if ((c == 'e' || c == 'E') && Peek(1) == '\'') {
      ++at_;
      TakeQuoted('\'', true);
      return TokenKind::kString;
    }
    if (IsWordStart(c)) {
      while (IsWordPart(Peek())) ++at_;
      return TokenKind::kWord;
    }
    if (IsDigit(c) || (c == '.' && IsDigit(Peek(1)))) {
      TakeNumber();
      return TokenKind::kNumber;
    }
    if (c == '"') {
      TakeQuoted('"', false);
      return TokenKind::kQuoted;
    }
    if (c == '\'') {
      TakeQuoted('\'', false);
      return TokenKind::kString;
    }
    if (c == '$' && TakeDollarQuoted()) return TokenKind::kString;
    ++at_;
    return TokenKind::kSymbol;
  }

  void TakeQuoted(char quote, bool backslash) {
    ++at_;
    while (at_ < sql_.size()) {
      if (backslash && Peek() == '\\') {
        at_ += at_ + 1 < sql_.size() ? 2 : 1;
      } else if (Peek() != quote) {
        ++at_;
      } else if (Peek(1) == quote) {
        at_ += 2;
      } else {
        ++at_;
        return;
      }
    }
  }

  void TakeNumber() {
    while (IsDigit(Peek()) || Peek() == '_' || Peek() == '.') ++at_;
    if (Peek() != 'e' && Peek() != 'E') return;
    const size_t sign = Peek(1) == '+' || Peek(1) == '-' ? 1 : 0;
    if (!IsDigit(Peek(1 + sign))) return;
    at_ += 1 + sign;
    while (IsDigit(Peek())) ++at_;
  }

  // $tag$ … $tag$; false (and nothing taken) where this dollar opens none.
  bool TakeDollarQuoted() {
    size_t end = at_ + 1;
    while (end < sql_.size() && sql_[end] != '$' && IsWordPart(sql_[end])) ++end;
    if (end >= sql_.size() || sql_[end] != '$' || IsDigit(Peek(1))) return false;
    const std::string_view mark = sql_.substr(at_, end + 1 - at_);
    const size_t close = sql_.find(mark, end + 1);
    at_ = close == std::string_view::npos ? sql_.size() : close + mark.size();
    return true;
  }

  const std::string_view sql_;
  size_t at_ = 0;
  std::vector<Token> tokens_;
};

}  // namespace

std::vector<Token> LexSql(std::string_view sql) { return Scanner(sql).Run(); }

std::string TokenText(std::string_view sql, const Token& token) {
  std::string_view text = sql.substr(token.begin, token.end - token.begin);
  if (token.kind != TokenKind::kQuoted && token.kind != TokenKind::kString) {
    return std::string(text);
  }
  const char quote = text.front();
  text.remove_prefix(1);
  if (!text.empty() && text.back() == quote) text.remove_suffix(1);
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    plain += text[i];
    if (text[i] == quote && i + 1 < text.size() && text[i + 1] == quote) ++i;
  }
  return plain;
}

Status CheckExpressionText(std::string_view text, std::string_view what) {
  const auto refuse = [&](std::string_view why) {
    return base::Invalid("{}: must be one SQL expression, but {}: {}", what, why, text);
  };
  const std::string closed = std::string(text) + "\n)";
  const std::vector<Token> tokens = LexSql(closed);
  const bool ends = !tokens.empty() && tokens.back().begin == closed.size() - 1;
  if (!ends) return refuse("a string, a quoted name or a comment in it does not end");
  if (tokens.size() == 1) return refuse("it is empty");
  std::string open;
  for (const Token& token : std::span(tokens).first(tokens.size() - 1)) {
    if (token.kind != TokenKind::kSymbol) continue;
    const char symbol = closed[token.begin];
    if (symbol == ';') return refuse("it holds a ';'");
    if (symbol == '(') open += ')';
    if (symbol == '[') open += ']';
    if (symbol == '{') open += '}';
    if (symbol != ')' && symbol != ']' && symbol != '}') continue;
    if (open.empty() || open.back() != symbol) {
      return refuse(fmt::format("a '{}' in it closes nothing", symbol));
    }
    open.pop_back();
  }
  if (!open.empty()) return refuse(fmt::format("a '{}' is missing in it", open.back()));
  return Status::OK();
}

}  // namespace millpond::query
