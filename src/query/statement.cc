// Text to tree to Statement: refs rewritten, tree fetched and walked, table names found again in
// the text.
#include "query/statement.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <utility>

#include "base/text.h"
#include "query/sql_lexer.h"
#include "query/sql_refs.h"
#include "query/syntax_walk.h"

namespace millpond::query {
namespace {

using base::Json;

std::string FirstWord(std::string_view sql) {
  const std::vector<Token> tokens = LexSql(sql);
  if (tokens.empty() || tokens[0].kind != TokenKind::kWord) return "";
  std::string word = TokenText(sql, tokens[0]);
  std::transform(word.begin(), word.end(), word.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  return word;
}

Status RefuseStatement(std::string_view sql) {
  const std::string word = FirstWord(sql);
  if (word == "PIVOT" || word == "SELECT" || word == "FROM" || word == "WITH") {
    return base::Invalid(
        "this form of PIVOT needs its values listed, as in PIVOT t ON kind IN ('a', 'b') USING "
        "count(*)");
  }
  return base::Denied(
      "{} is not allowed: queries only read (SELECT, FROM, WITH, VALUES, DESCRIBE, SUMMARIZE); "
      "tables "
      "change by commits",
      word.empty() ? "this statement" : word);
}

// The error that json_serialize_sql reports, in terms of what the user wrote.
Status ParseError(const Json& report, const SqlRefs& refs, std::string_view source) {
  const std::string message = report.value("error_message", "does not parse");
  if (report.value("error_type", "") == "not implemented") return RefuseStatement(source);
  const std::string position = report.value("position", "");
  size_t offset = 0;
  const auto parsed = std::from_chars(position.data(), position.data() + position.size(), offset);
  if (position.empty() || parsed.ec != std::errc()) return base::Invalid("SQL: {}", message);
  return base::Invalid("SQL: {}", WithPosition(message, source, refs.edits.SourceOffset(offset)));
}

Status CheckText(std::string_view sql) {
  if (sql.find('\0') != std::string_view::npos) {
    return base::Invalid("SQL text holds a NUL byte");
  }
  if (!base::IsValidUtf8(sql)) return base::Invalid("SQL text is not valid UTF-8");
  return Status::OK();
}

// The one query node of the text.
Result<Json> ParseTree(Connection& connection, const SqlRefs& refs, std::string_view source) {
  ARROW_ASSIGN_OR_RAISE(const std::string document, connection.SyntaxTree(refs.sql));
  Json tree = Json::parse(document, nullptr, false);  // DuckDB's own: as deep as DuckDB allows.
  if (!tree.is_object()) return base::Internal("DuckDB's syntax tree is not JSON");
  if (tree.value("error", true)) return ParseError(tree, refs, source);
  Json& statements = tree["statements"];
  if (statements.empty()) return base::Invalid("the SQL text holds no statement");
  if (statements.size() > 1) {
    return base::Invalid("the SQL text holds {} statements; give one", statements.size());
  }
  return std::move(statements[0]["node"]);
}

// Finds the bytes of a table's name in the text, where DuckDB says that it is.
void LocateName(std::string_view sql, const std::vector<Token>& tokens, const TableNode& node,
                TableUse* use) {
  if (node.position < 0) return;
  const auto begin = static_cast<size_t>(node.position);
  auto token = std::lower_bound(tokens.begin(), tokens.end(), begin,
                                [](const Token& t, size_t at) { return t.begin < at; });
  std::vector<std::string> parts;
  for (const std::string* part : {&node.catalog, &node.schema, &node.name}) {
    if (!part->empty()) parts.push_back(*part);
  }
  size_t end = begin;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) {
      if (token == tokens.end() || sql[token->begin] != '.') return;
      ++token;
    }
    if (token == tokens.end() || (i == 0 && token->begin != begin)) return;
    if (TokenText(sql, *token) != parts[i]) return;
    end = token->end;
    ++token;
  }
  use->begin = begin;
  use->end = end;
}

// DESCRIBE t, SUMMARIZE t, TABLE t: forms of a table that take no alias.
bool TakesAlias(std::string_view sql, const std::vector<Token>& tokens, size_t begin) {
  const auto token = std::lower_bound(tokens.begin(), tokens.end(), begin,
                                      [](const Token& t, size_t at) { return t.begin < at; });
  if (token == tokens.begin()) return true;
  const std::string word = base::ToLower(TokenText(sql, *std::prev(token)));
  return word != "describe" && word != "desc" && word != "summarize" && word != "show" &&
         word != "table";
}

TableUse UseOf(const TableNode& node, const SqlRefs& refs, const std::vector<Token>& tokens) {
  TableUse use;
  use.space = node.catalog.empty() ? node.schema : node.catalog + "." + node.schema;
  const size_t at = node.name.find('@');
  use.name = node.name.substr(0, at);
  if (at != std::string::npos) use.ref = node.name.substr(at + 1);
  use.conditions = node.conditions;
  use.alias = node.alias;
  LocateName(refs.sql, tokens, node, &use);
  const auto default_name = refs.default_names.find(use.begin);
  if (use.end > 0 && node.alias.empty() && default_name != refs.default_names.end() &&
      TakesAlias(refs.sql, tokens, use.begin)) {
    use.default_alias = default_name->second;
  }
  return use;
}

// Finds where names that a star must not show are to be written: in its EXCLUDE list, or in a new
// one.
void LocateStar(std::string_view sql, const std::vector<Token>& tokens, const StarNode& node,
                StarUse* star) {
  if (node.position < 0) return;
  auto token = std::lower_bound(tokens.begin(), tokens.end(), static_cast<size_t>(node.position),
                                [](const Token& t, size_t at) { return t.begin < at; });
  // t.*, space.t.*, COLUMNS(*): the star is a few tokens on.
  for (int i = 0; i < 6 && token != tokens.end() && sql[token->begin] != '*'; ++i) ++token;
  if (token == tokens.end() || sql[token->begin] != '*') return;
  star->exclude_at = token->end;
  star->before = " EXCLUDE (";
  star->after = ")";
  const auto word = token + 1;
  if (word == tokens.end() || base::ToLower(TokenText(sql, *word)) != "exclude") return;
  const auto first = word + 1;
  if (first == tokens.end()) return;
  star->after = ", ";
  if (sql[first->begin] == '(') {
    star->exclude_at = first->end;
    star->before = "";
    return;
  }
  star->exclude_at = first->begin;
  star->before = "(";
  auto last = first;
  while (last + 2 < tokens.end() && sql[(last + 1)->begin] == '.') last += 2;
  star->close_at = last->end;
}

std::vector<StarUse> StarsOf(const std::vector<StarNode>& nodes, const std::vector<TableUse>& uses,
                             std::string_view sql, const std::vector<Token>& tokens) {
  std::vector<StarUse> stars;
  for (const StarNode& node : nodes) {
    StarUse star;
    star.relation = node.relation;
    for (size_t i = 0; i < uses.size(); ++i) {
      const auto begin = static_cast<int64_t>(uses[i].begin);
      const bool there = uses[i].end > 0 && std::find(node.tables.begin(), node.tables.end(),
                                                      begin) != node.tables.end();
      if (there) star.tables.push_back(i);
    }
    LocateStar(sql, tokens, node, &star);
    stars.push_back(std::move(star));
  }
  return stars;
}

}  // namespace

std::string WithPosition(const std::string& message, std::string_view text, size_t offset) {
  offset = std::min(offset, text.size());
  const std::string_view before = text.substr(0, offset);
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const size_t line_begin =
      before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
  const std::string_view in_line = before.substr(line_begin);
  const auto column =
      1 + std::count_if(in_line.begin(), in_line.end(), [](char c) { return (c & 0xc0) != 0x80; });
  return fmt::format("{} (line {}, column {})", message, line, column);
}

Result<Statement> ParseStatement(Connection& connection, std::string_view source,
                                 const std::vector<Json>& parameters) {
  ARROW_RETURN_NOT_OK(CheckText(source));
  ARROW_ASSIGN_OR_RAISE(SqlRefs refs, RewriteRefs(source));
  ARROW_ASSIGN_OR_RAISE(const Json node, ParseTree(connection, refs, source));
  ARROW_ASSIGN_OR_RAISE(Syntax syntax, WalkSyntax(node, parameters));
  const std::vector<Token> tokens = LexSql(refs.sql);
  std::vector<TableUse> uses;
  for (const TableNode& table : syntax.tables) uses.push_back(UseOf(table, refs, tokens));
  std::stable_sort(uses.begin(), uses.end(),
                   [](const TableUse& a, const TableUse& b) { return a.begin < b.begin; });
  auto stars = StarsOf(syntax.stars, uses, refs.sql, tokens);
  return Statement{std::move(refs.edits), std::move(refs.sql),
                   std::move(uses),       std::move(syntax.hidden_columns),
                   std::move(stars),      syntax.has_natural_join};
}

Result<std::vector<Condition>> ParseExpression(Connection& connection, std::string_view text,
                                               std::string_view what) {
  ARROW_RETURN_NOT_OK(base::WithContext(what, CheckText(text)));
  const std::string select = "SELECT " + std::string(text);
  const SqlRefs refs{TextEdits(select), select, {}};
  auto tree = ParseTree(connection, refs, select);
  if (!tree.ok()) return base::WithContext(what, tree.status());
  const Json& node = *tree;
  const bool single = node.value("type", "") == "SELECT_NODE" && node["select_list"].size() == 1 &&
                      node["select_list"][0].value("alias", "") == "" &&
                      node["from_table"].value("type", "") == "EMPTY" &&
                      node["where_clause"].is_null() && node["group_expressions"].empty() &&
                      node["having"].is_null() && node["qualify"].is_null() &&
                      node["modifiers"].empty() && node["cte_map"]["map"].empty();
  if (!single) return base::Invalid("{}: must be one SQL expression, is: {}", what, text);
  ARROW_ASSIGN_OR_RAISE(const Syntax syntax, WalkSyntax(node, {}));
  if (!syntax.tables.empty()) {
    return base::Invalid("{}: must not read tables, but names {}", what, syntax.tables[0].name);
  }
  return ConditionsOf(node["select_list"][0], {});
}

}  // namespace millpond::query
