// Cuts SQL text into words, quoted names, strings, numbers and symbols, as DuckDB's own lexer does,
// so that refs can be rewritten without touching strings and comments. Called by sql_refs.cc and
// statement.cc. Never fails: what is not closed runs to the end, and DuckDB reports it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

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

}  // namespace millpond::query
