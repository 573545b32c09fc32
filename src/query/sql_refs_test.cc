// Refs in SQL text: what is rewritten, what is left alone, and where errors point.
#include "query/sql_refs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/error_matchers.h"
#include "query/sql_lexer.h"

namespace millpond::query {
namespace {

std::string Rewritten(const std::string& sql) { return RewriteRefs(sql).ValueOrDie().sql; }

TEST(SqlLexer, CutsTokensAsDuckDbDoes) {
  const std::string sql =
      "SELECT a.\"b\"\"c\", 'it''s', E'\\'x', $$ $1 $$, $t$ '$$' $t$, $1, 1.5e-3 -- c 'x\n/* /* */ "
      "*/ +";
  std::vector<std::string> texts;
  for (const Token& token : LexSql(sql)) {
    texts.push_back(sql.substr(token.begin, token.end - token.begin));
  }
  EXPECT_THAT(texts, testing::ElementsAre("SELECT", "a", ".", "\"b\"\"c\"", ",", "'it''s'", ",",
                                          "E'\\'x'", ",", "$$ $1 $$", ",", "$t$ '$$' $t$", ",", "$",
                                          "1", ",", "1.5e-3", "+"));
}

TEST(SqlLexer, ReadsNamesAndTextsWithoutQuotes) {
  const std::string sql = "\"b\"\"c\" 'it''s' word";
  const auto tokens = LexSql(sql);
  ASSERT_EQ(tokens.size(), 3);
  EXPECT_EQ(TokenText(sql, tokens[0]), "b\"c");
  EXPECT_EQ(TokenText(sql, tokens[1]), "it's");
  EXPECT_EQ(TokenText(sql, tokens[2]), "word");
}

TEST(SqlLexer, UnclosedPiecesRunToTheEnd) {
  for (const std::string sql : {"'abc", "\"abc", "/* abc", "$$abc", "E'abc\\", "$x$abc$x"}) {
    const auto tokens = LexSql(sql);
    EXPECT_TRUE(tokens.empty() || tokens.back().end == sql.size()) << sql;
  }
}

TEST(SqlRefs, RewritesTheAtSignForm) {
  EXPECT_EQ(Rewritten("FROM orders@v1"), "FROM \"orders@v1\"");
  EXPECT_EQ(Rewritten("FROM shop.orders@v1 o"), "FROM shop.\"orders@v1\" o");
  EXPECT_EQ(Rewritten("FROM \"my shop\".\"my \"\"orders\"@~2,b"),
            "FROM \"my shop\".\"my \"\"orders@~2\",b");
  EXPECT_EQ(Rewritten("FROM orders@2026-11-01T10:00 WHERE x"),
            "FROM \"orders@2026-11-01T10:00\" WHERE x");
  EXPECT_EQ(Rewritten("FROM orders@\"my tag\""), "FROM \"orders@my tag\"");
  EXPECT_EQ(Rewritten("FROM orders@'2026-11-01T10:00:00.5'"),
            "FROM \"orders@2026-11-01T10:00:00.5\"");
  EXPECT_EQ(Rewritten("SELECT orders@v1.id::text"), "SELECT \"orders@v1\".id::text");
  EXPECT_EQ(Rewritten("SELECT orders@v1::text"), "SELECT \"orders@v1\"::text");
  EXPECT_EQ(Rewritten("FROM bücher@früher"), "FROM \"bücher@früher\"");
  EXPECT_EQ(Rewritten("FROM a@v1--comment"), "FROM \"a@v1\"--comment");
  EXPECT_EQ(Rewritten("FROM a@0198a7c2-77e0-7000"), "FROM \"a@0198a7c2-77e0-7000\"");
}

TEST(SqlRefs, RewritesTheAtForm) {
  EXPECT_EQ(Rewritten("FROM shop.orders AT TAG v1 WHERE x"), "FROM shop.\"orders@v1\" WHERE x");
  EXPECT_EQ(Rewritten("from orders at snapshot 123"), "from \"orders@123\"");
  EXPECT_EQ(Rewritten("from orders AT COMMIT 0198a7c2-77e0 o"), "from \"orders@0198a7c2-77e0\" o");
  EXPECT_EQ(Rewritten("from orders AT TIMESTAMP '2026-11-01'"), "from \"orders@2026-11-01\"");
  EXPECT_EQ(Rewritten("from orders AT /* x */ BRANCH main, b"), "from \"orders@main\", b");
  const auto refs = RewriteRefs("FROM shop.orders AT TAG v1, b@v2").ValueOrDie();
  EXPECT_THAT(refs.default_names, testing::ElementsAre(testing::Pair(5, "orders")));
}

TEST(SqlRefs, LeavesEverythingElseAlone) {
  for (const std::string sql : {
           "SELECT 'orders@v1', \"a@b\" -- x@y",
           "SELECT a @> b, a <@ b, @-5, a@>b, [1]@>[2]",
           "SELECT ts AT TIME ZONE 'UTC'",
           "SELECT $$x@v1$$, 'AT TAG v1'",
           "SELECT 1@v1",
           "FROM orders@ v1",
           "/* a@v1 */ SELECT 1",
           "SELECT at, tag FROM t",
           "",
       }) {
    EXPECT_EQ(Rewritten(sql), sql);
  }
}

TEST(SqlRefs, AtWithoutAValueIsInvalid) {
  EXPECT_THAT(RewriteRefs("FROM orders AT TAG"),
              base::IsError(base::ErrorKind::kInvalid, testing::HasSubstr("needs a value")));
  EXPECT_THAT(RewriteRefs("FROM orders AT TAG ;"), base::IsError(base::ErrorKind::kInvalid));
}

TEST(SqlRefs, PositionsLeadBackToTheSource) {
  const std::string source = "SELECT x FROM orders AT TAG v1 WHERE y";
  const auto refs = RewriteRefs(source).ValueOrDie();
  EXPECT_EQ(refs.edits.SourceOffset(refs.sql.find("x")), source.find("x"));
  EXPECT_EQ(refs.edits.SourceOffset(refs.sql.find("@")), source.find("orders"));
  EXPECT_EQ(refs.edits.SourceOffset(refs.sql.find("WHERE")), source.find("WHERE"));
  EXPECT_EQ(refs.edits.SourceOffset(refs.sql.size()), source.size());
}

}  // namespace
}  // namespace millpond::query
