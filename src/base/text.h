// Text questions that many rooms ask: UTF-8 validity, names, nearest match for "did you mean",
// quoting for SQL.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace millpond::base {

bool IsValidUtf8(std::string_view text);

/// The candidate nearest to `word` by edit distance (at most a third of its length), or "".
std::string Nearest(std::string_view word, std::span<const std::string> candidates);

/// " Did you mean 'x'?" or "".
std::string DidYouMean(std::string_view word, std::span<const std::string> candidates);

/// Checks a table, namespace, tag, dataset or column name: 1-255 bytes of UTF-8, no control
/// characters, none of `@./\"'` and no white space at the ends. `what` ("table name") goes into the
/// error.
Status CheckName(std::string_view name, std::string_view what);

/// SQL identifier in double quotes, and string literal in single quotes, with their quotes doubled.
std::string QuoteIdentifier(std::string_view name);
std::string QuoteLiteral(std::string_view text);

std::vector<std::string> Split(std::string_view text, char separator);
std::string Join(std::span<const std::string> parts, std::string_view separator);
std::string_view Trim(std::string_view text);
std::string ToLower(std::string_view ascii);

}  // namespace millpond::base
