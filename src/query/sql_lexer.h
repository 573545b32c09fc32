// Cuts SQL text into words, quoted names, strings, numbers and symbols, as DuckDB's own lexer does,
// so that refs can be rewritten without touching strings and comments. Called by sql_refs.cc and
// statement.cc; and tells whether text may be put into a statement as one expression. Lexing never
// fails: what is not closed runs to the end, and DuckDB reports it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace millpond::query {

enum class TokenKind {
  kWord,    ///< Name or keyword without quotes.
  kQuoted,  ///< "name"
  kString,  ///< 'text', E'text', $$text$$
  kNumber,
  kSymbol,  ///< One byte: an operator's part, punctuation, or what belongs nowhere.
};

struct Token {
  TokenKind kind;
  size_t begin, end;  ///< Bytes of the text; white space and comments lie between tokens.
};

std::vector<Token> LexSql(std::string_view sql);

/// The name that a kWord or kQuoted token stands for; of a 'text' its content.
std::string TokenText(std::string_view sql, const Token& token);

/// kInvalid unless `text`, put into a statement between "(" and "\n)", stays between them: it
/// closes what it opens and nothing else, ends its strings and comments, and holds no semicolon.
/// Whether it is an expression is for DuckDB to say. `what` it is goes into the error.
Status CheckExpressionText(std::string_view text, std::string_view what);

}  // namespace millpond::query
