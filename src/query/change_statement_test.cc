// INSERT, DELETE, UPDATE and MERGE taken apart; everything else left to the session.
#include "query/change_statement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error_matchers.h"

namespace millpond::query {
namespace {

using base::ErrorKind;
using base::IsError;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;
using Kind = ChangeStatement::Kind;
using Action = MergeClause::Action;
using When = MergeClause::When;

ChangeStatement Parse(std::string_view sql) {
  auto parsed = ParseChangeStatement(sql);
  EXPECT_TRUE(parsed.ok()) << sql << ": " << parsed.status().ToString();
  EXPECT_TRUE(parsed.ok() && parsed->has_value()) << sql;
  return parsed.ok() && *parsed ? **parsed : ChangeStatement();
}

TEST(ChangeStatement, LeavesReadingToTheSession) {
  for (const char* sql :
       {"SELECT 1", "WITH a AS (SELECT 1) SELECT * FROM a", "FROM t", "VALUES (1)", "", ";",
        "CREATE TABLE t (a INT)", "TRUNCATE t", "\"delete\" FROM t", "(DELETE FROM t)"}) {
    const auto parsed = ParseChangeStatement(sql);
    ASSERT_TRUE(parsed.ok()) << sql;
    EXPECT_FALSE(parsed->has_value()) << sql;
  }
}

TEST(ChangeStatement, Deletes) {
  const auto all = Parse("delete from shop.orders;");
  EXPECT_EQ(all.kind, Kind::kDelete);
  EXPECT_EQ(all.space, "shop");
  EXPECT_EQ(all.table, "orders");
  EXPECT_EQ(all.condition, "");
  const auto some = Parse(
      "WITH gone AS (SELECT 1 AS id) DELETE FROM a.b.\"my orders\" AS o USING gone g -- why\n"
      "WHERE o.id = g.id AND note <> 'where; returning'");
  EXPECT_EQ(some.with, "WITH gone AS (SELECT 1 AS id)");
  EXPECT_EQ(some.space, "a.b");
  EXPECT_EQ(some.table, "my orders");
  EXPECT_EQ(some.alias, "o");
  EXPECT_EQ(some.source, "gone g");
  EXPECT_EQ(some.condition, "o.id = g.id AND note <> 'where; returning'");
  EXPECT_EQ(Parse("DELETE FROM t WHERE a IN (SELECT b FROM u WHERE c)").condition,
            "a IN (SELECT b FROM u WHERE c)");
}

TEST(ChangeStatement, Updates) {
  const auto update = Parse(
      "UPDATE t SET a = b + 1, t.c = CASE WHEN x THEN (1, 2)[1] ELSE 3 END, "
      "d = e IS DISTINCT FROM f FROM u WHERE t.id = u.id");
  EXPECT_EQ(update.kind, Kind::kUpdate);
  EXPECT_THAT(update.set,
              ElementsAre(Pair("a", "b + 1"), Pair("c", "CASE WHEN x THEN (1, 2)[1] ELSE 3 END"),
                          Pair("d", "e IS DISTINCT FROM f")));
  EXPECT_EQ(update.source, "u");
  EXPECT_EQ(update.condition, "t.id = u.id");
  EXPECT_EQ(Parse("update t as x set a = 1").alias, "x");
}

TEST(ChangeStatement, Inserts) {
  const auto values = Parse("INSERT INTO t (a, \"b c\") VALUES (1, 2), (3, 4)");
  EXPECT_EQ(values.kind, Kind::kInsert);
  EXPECT_THAT(values.columns, ElementsAre("a", "b c"));
  EXPECT_EQ(values.query, "VALUES (1, 2), (3, 4)");
  const auto joined = Parse("INSERT INTO t BY NAME SELECT * FROM u JOIN v ON u.a = v.a");
  EXPECT_TRUE(joined.by_name);
  EXPECT_EQ(joined.query, "SELECT * FROM u JOIN v ON u.a = v.a");
  EXPECT_EQ(Parse("INSERT INTO t (SELECT 1)").query, "(SELECT 1)");
}

TEST(ChangeStatement, Merges) {
  const auto merge = Parse(
      "MERGE INTO shop.orders o USING (SELECT 1 AS id) AS n ON o.id = n.id "
      "WHEN MATCHED AND n.gone THEN DELETE "
      "WHEN MATCHED THEN UPDATE SET price = CASE WHEN n.p > 0 THEN n.p END, note = 'when' "
      "WHEN NOT MATCHED BY TARGET THEN INSERT (id, price) VALUES (n.id, f(n.p, 2)) "
      "WHEN NOT MATCHED BY SOURCE AND o.old THEN UPDATE SET note = 'gone' "
      "WHEN NOT MATCHED THEN INSERT * WHEN MATCHED THEN DO NOTHING");
  EXPECT_EQ(merge.kind, Kind::kMerge);
  EXPECT_EQ(merge.source, "(SELECT 1 AS id) AS n");
  EXPECT_EQ(merge.condition, "o.id = n.id");
  ASSERT_EQ(merge.clauses.size(), 6u);
  EXPECT_EQ(merge.clauses[0].condition, "n.gone");
  EXPECT_EQ(merge.clauses[0].action, Action::kDelete);
  EXPECT_THAT(merge.clauses[1].set,
              ElementsAre(Pair("price", "CASE WHEN n.p > 0 THEN n.p END"), Pair("note", "'when'")));
  EXPECT_EQ(merge.clauses[2].when, When::kNotMatched);
  EXPECT_THAT(merge.clauses[2].set, ElementsAre(Pair("id", "n.id"), Pair("price", "f(n.p, 2)")));
  EXPECT_EQ(merge.clauses[3].when, When::kNotMatchedBySource);
  EXPECT_EQ(merge.clauses[3].condition, "o.old");
  EXPECT_TRUE(merge.clauses[4].all);
  EXPECT_EQ(merge.clauses[5].action, Action::kNothing);
}

TEST(ChangeStatement, RefusesWithThePlace) {
  const std::pair<const char*, const char*> cases[] = {
      {"DELETE t", "expected from (line 1, column 8)"},
      {"DELETE FROM t@v1 WHERE true", "without a version"},
      {"UPDATE t AT TAG v1 SET a = 1", "without a version"},
      {"UPDATE t WHERE a", "expected set"},
      {"UPDATE t SET a", "expected ="},
      {"UPDATE t SET a = 1, A = 2", "set twice"},
      {"UPDATE t SET a = WHERE b", "expected an expression"},
      {"INSERT OR REPLACE INTO t VALUES (1)", "MERGE INTO"},
      {"INSERT INTO t VALUES (1) ON CONFLICT DO NOTHING", "ON CONFLICT"},
      {"INSERT INTO t VALUES (1) RETURNING a", "RETURNING"},
      {"INSERT INTO t", "expected SELECT or VALUES"},
      {"MERGE INTO t USING u ON a", "expected WHEN"},
      {"MERGE INTO t USING u ON a WHEN MATCHED THEN INSERT *", "NOT MATCHED can be inserted"},
      {"MERGE INTO t USING u ON a WHEN NOT MATCHED THEN DELETE", "can only be inserted"},
      {"MERGE INTO t USING u ON a WHEN NOT MATCHED THEN INSERT (a, b) VALUES (1)", "2 columns"},
      {"DELETE FROM t WHERE a) x", "should end here"},
  };
  for (const auto& [sql, message] : cases) {
    EXPECT_THAT(ParseChangeStatement(sql), IsError(ErrorKind::kInvalid, HasSubstr(message))) << sql;
  }
}

}  // namespace
}  // namespace millpond::query
