// Statements: which tables they read by DuckDB's scoping, what they may not do, which conditions
// prune.
#include "query/statement.h"

#include <arrow/scalar.h>
#include <arrow/type.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/error_matchers.h"

namespace millpond::query {
namespace {

using base::ErrorKind;
using base::IsError;
using testing::ElementsAre;
using testing::IsEmpty;

class StatementTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    EngineSettings settings;
    settings.readable_folder = "/nonexistent/";
    engine_ = Engine::Open(settings).ValueOrDie();
  }
  static void TearDownTestSuite() { engine_.reset(); }

  Result<Statement> Parse(const std::string& sql, const std::vector<base::Json>& parameters = {}) {
    return ParseStatement(*connection_, sql, parameters);
  }

  std::vector<std::string> Tables(const std::string& sql) {
    auto statement = Parse(sql);
    if (!statement.ok()) return {statement.status().ToString()};
    std::vector<std::string> names;
    for (const TableUse& use : statement->tables) {
      names.push_back((use.space.empty() ? "" : use.space + ".") + use.name +
                      (use.ref.empty() ? "" : "@" + use.ref));
      EXPECT_GT(use.end, use.begin) << sql;
    }
    return names;
  }

  // "column op value" for each predicate on the table's columns.
  std::vector<std::string> Predicates(const std::string& sql,
                                      const std::vector<base::Json>& parameters = {}) {
    const auto schema = arrow::schema(
        {arrow::field("i", arrow::int32()), arrow::field("l", arrow::int64()),
         arrow::field("f", arrow::float32()), arrow::field("d", arrow::float64()),
         arrow::field("s", arrow::utf8()), arrow::field("b", arrow::boolean()),
         arrow::field("dec", arrow::decimal128(9, 2)), arrow::field("day", arrow::date32()),
         arrow::field("ts", arrow::timestamp(arrow::TimeUnit::MICRO)),
         arrow::field("tz", arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"))});
    std::vector<table::Predicate> predicates;
    const auto statement = Parse(sql, parameters).ValueOrDie();
    for (const Condition& condition : statement.tables.at(0).conditions) {
      const auto field = schema->GetFieldByName(condition.column.at(0));
      if (field != nullptr) AppendPredicates(condition, *field, &predicates);
    }
    const std::vector<std::string> ops{"=", "!=", "<", "<=", ">", ">=", "is null", "is not null"};
    std::vector<std::string> texts;
    for (const auto& predicate : predicates) {
      texts.push_back(predicate.column + " " + ops[static_cast<size_t>(predicate.op)]);
      if (predicate.value != nullptr) texts.back() += " " + predicate.value->ToString();
    }
    return texts;
  }

  inline static std::shared_ptr<Engine> engine_;
  std::unique_ptr<Connection> connection_ = engine_->Connect().ValueOrDie();
};

TEST_F(StatementTest, FindsTablesWhereverTheyStand) {
  EXPECT_THAT(Tables("SELECT 1"), IsEmpty());
  EXPECT_THAT(Tables("FROM shop.orders@v1"), ElementsAre("shop.orders@v1"));
  EXPECT_THAT(Tables("TABLE orders"), ElementsAre("orders"));
  EXPECT_THAT(Tables("DESCRIBE shop.orders"), ElementsAre("shop.orders"));
  EXPECT_THAT(Tables("SUMMARIZE SELECT * FROM orders"), ElementsAre("orders"));
  EXPECT_THAT(Tables("FROM eu.shop.orders"), ElementsAre("eu.shop.orders"));
  EXPECT_THAT(Tables("FROM \"eu.shop\".orders"), ElementsAre("eu.shop.orders"));
  EXPECT_THAT(
      Tables("SELECT (SELECT max(x) FROM b) FROM a WHERE EXISTS (FROM c) ORDER BY (FROM d)"),
      ElementsAre("b", "a", "c", "d"));
  EXPECT_THAT(Tables("FROM a JOIN b USING (x) ANTI JOIN c ON c.x = a.x, LATERAL (FROM d)"),
              ElementsAre("a", "b", "c", "d"));
  EXPECT_THAT(Tables("(FROM a EXCEPT FROM b) UNION ALL (FROM c INTERSECT FROM d)"),
              ElementsAre("a", "b", "c", "d"));
  EXPECT_THAT(Tables("PIVOT a ON x IN (1, 2) USING sum(y)"), ElementsAre("a"));
  EXPECT_THAT(Tables("UNPIVOT a ON x, y"), ElementsAre("a"));
  EXPECT_THAT(Tables("SELECT 'é', x FROM \"ün\".\"tä\""), ElementsAre("ün.tä"));
  EXPECT_THAT(Tables("FROM 'data/x.parquet'"), ElementsAre("data/x.parquet"));
  EXPECT_THAT(Tables("SELECT * FROM range(3), (VALUES (1)) v, unnest([1])"), IsEmpty());
  EXPECT_THAT(Tables("SELECT count(*) FILTER (x IN (FROM a)) OVER (PARTITION BY (FROM b)) FROM c"),
              ElementsAre("a", "b", "c"));
}

TEST_F(StatementTest, WithNamesHideTablesByDuckDbsScoping) {
  EXPECT_THAT(Tables("WITH t AS (SELECT 1) FROM t"), IsEmpty());
  EXPECT_THAT(Tables("WITH T AS (SELECT 1) FROM \"t\""), IsEmpty());
  EXPECT_THAT(Tables("WITH t AS (FROM t) FROM t"), ElementsAre("t"));
  EXPECT_THAT(Tables("WITH t AS (SELECT 1) FROM main.t"), ElementsAre("main.t"));
  EXPECT_THAT(Tables("WITH a AS (FROM b), b AS (SELECT 1) FROM a, b"), ElementsAre("b"));
  EXPECT_THAT(Tables("WITH b AS (SELECT 1), a AS (FROM b) FROM a"), IsEmpty());
  EXPECT_THAT(Tables("WITH RECURSIVE t AS (FROM a UNION ALL FROM t) FROM t"), ElementsAre("a"));
  EXPECT_THAT(Tables("(WITH t AS (SELECT 1) FROM t) UNION ALL FROM t"), ElementsAre("t"));
  EXPECT_THAT(Tables("WITH t AS (SELECT 1) SELECT (SELECT x FROM t), (FROM u)"), ElementsAre("u"));
  EXPECT_THAT(Tables("SELECT * FROM t WHERE EXISTS (WITH t AS (FROM u) FROM t)"),
              ElementsAre("t", "u"));
  EXPECT_THAT(Parse("WITH sqlite_master AS (SELECT 1) FROM sqlite_master"),
              IsError(ErrorKind::kDenied));
}

TEST_F(StatementTest, OnlyQueriesAreAllowed) {
  for (const std::string sql : {"INSERT INTO t VALUES (1)",
                                "UPDATE t SET x = 1",
                                "DELETE FROM t",
                                "CREATE TABLE t (x INT)",
                                "DROP TABLE t",
                                "COPY t TO 'x'",
                                "ATTACH 'x'",
                                "SET threads = 1",
                                "PRAGMA version",
                                "CALL pragma_version()",
                                "EXPLAIN SELECT 1",
                                "LOAD json",
                                "INSTALL json",
                                "BEGIN",
                                "EXPORT DATABASE 'x'",
                                "SHOW TABLES",
                                "SHOW DATABASES",
                                "DESCRIBE",
                                "VACUUM",
                                "CHECKPOINT",
                                "PREPARE x AS SELECT 1",
                                "USE x",
                                "RESET threads",
                                "ALTER TABLE t ADD COLUMN y INT",
                                "MERGE INTO t USING u ON true WHEN MATCHED THEN DELETE",
                                "SET VARIABLE x = 1"}) {
    EXPECT_THAT(Parse(sql), IsError(ErrorKind::kDenied)) << sql;
  }
  EXPECT_THAT(Parse("SELECT 1; SELECT 2"),
              IsError(ErrorKind::kInvalid, testing::HasSubstr("2 statements")));
  EXPECT_THAT(Parse("SELECT 1; DROP TABLE t"), testing::Not(base::IsOk()));
  EXPECT_THAT(Parse(""), IsError(ErrorKind::kInvalid, testing::HasSubstr("no statement")));
  EXPECT_THAT(Parse("-- only this"),
              IsError(ErrorKind::kInvalid, testing::HasSubstr("no statement")));
  EXPECT_THAT(Parse("SELECT 1;"), base::IsOk());
  EXPECT_THAT(Parse("PIVOT t ON x"),
              IsError(ErrorKind::kInvalid, testing::HasSubstr("values listed")));
  EXPECT_THAT(Parse(std::string("SELECT 1\0; DROP", 15)),
              IsError(ErrorKind::kInvalid, testing::HasSubstr("NUL")));
  EXPECT_THAT(Parse("SELECT '\xff'"), IsError(ErrorKind::kInvalid, testing::HasSubstr("UTF-8")));
  EXPECT_THAT(Parse("FROM t AT (VERSION => 3)"),
              IsError(ErrorKind::kInvalid, testing::HasSubstr("AT SNAPSHOT")));
}

TEST_F(StatementTest, FunctionsThatReachOutAreDenied) {
  for (const std::string call : {"FROM read_csv('x')",
                                 "FROM read_parquet('x')",
                                 "FROM READ_TEXT('/etc/passwd')",
                                 "FROM glob('/*')",
                                 "FROM duckdb_settings()",
                                 "FROM query('SELECT 1')",
                                 "FROM query_table('t')",
                                 "FROM pragma_table_info('t')",
                                 "FROM parquet_metadata('x')",
                                 "FROM sniff_csv('x')",
                                 "FROM histogram(t, x)",
                                 "FROM main.read_json('x')",
                                 "FROM system.main.\"read_blob\"('x')",
                                 "SELECT getenv('HOME')",
                                 "SELECT Current_Setting('x')",
                                 "SELECT getvariable('x')",
                                 "SELECT main.current_setting('x')",
                                 "SELECT stats(x) FROM t",
                                 "SELECT json_serialize_plan('SELECT 1')",
                                 "SELECT pg_sleep(1)",
                                 "SELECT write_log('x')",
                                 "SELECT list_transform([1], lambda x: getenv('x'))",
                                 "SELECT 1 ORDER BY getenv('HOME')",
                                 "SELECT count(getenv('x')) OVER ()",
                                 "SELECT * FROM range((SELECT length(getenv('x'))))",
                                 "VALUES (current_database())",
                                 "WITH x AS (FROM read_csv('y')) FROM x",
                                 "SELECT x FROM t LIMIT (SELECT getvariable('n'))"}) {
    EXPECT_THAT(Parse(call), IsError(ErrorKind::kDenied, testing::HasSubstr("not allowed")))
        << call;
  }
}

TEST_F(StatementTest, ParseErrorsPointIntoTheSource) {
  EXPECT_THAT(Parse("SELECT *\nFROM orders AT TAG v1 WHER x"),
              IsError(ErrorKind::kInvalid, testing::HasSubstr("line 2, column 28")));
  EXPECT_THAT(Parse("SELEC 1"),
              IsError(ErrorKind::kInvalid, testing::HasSubstr("line 1, column 1")));
  EXPECT_THAT(Parse("FROM a.b.c.d"), IsError(ErrorKind::kInvalid));
}

TEST_F(StatementTest, DeepAndWideExpressionsParse) {
  std::string sum = "SELECT x0";
  std::string list = "SELECT * FROM t WHERE x IN (0";
  for (int i = 1; i < 400; ++i) sum += fmt::format(" + x{}", i);
  for (int i = 1; i < 5000; ++i) list += fmt::format(", {}", i);
  EXPECT_THAT(Tables(sum + " FROM t"), ElementsAre("t"));
  EXPECT_THAT(Tables(list + ")"), ElementsAre("t"));
}

TEST_F(StatementTest, SimpleConditionsBecomePredicates) {
  EXPECT_THAT(Predicates("FROM t WHERE i = 3 AND l > -5 AND 7 >= l AND s = 'x' AND b = true"),
              ElementsAre("i = 3", "l > -5", "l <= 7", "s = x"));
  EXPECT_THAT(
      Predicates("FROM t WHERE l BETWEEN 1 AND 2 AND s IN ('a') AND i IS NULL AND s IS NOT NULL"),
      ElementsAre("l >= 1", "l <= 2", "s = a", "i is null", "s is not null"));
  EXPECT_THAT(Predicates("FROM t WHERE day = DATE '2026-01-02' AND day > '2026-01-01'"),
              ElementsAre("day = 2026-01-02", "day > 2026-01-01"));
  EXPECT_THAT(
      Predicates("FROM t WHERE ts < TIMESTAMP '2026-01-02 03:04:05' AND tz >= '2026-01-01'"),
      ElementsAre("ts < 2026-01-02 03:04:05.000000", "tz >= 2026-01-01 00:00:00.000000Z"));
  EXPECT_THAT(Predicates("FROM t WHERE dec < 1.5 AND dec >= 2"),
              ElementsAre("dec < 1.50", "dec >= 2.00"));
  EXPECT_THAT(Predicates("FROM t WHERE l = ? AND s = ?", {5, "x"}), ElementsAre("l = 5", "s = x"));
}

TEST_F(StatementTest, FloatsAreWidenedAndNeverHaveOnlyALowerLimit) {
  EXPECT_THAT(Predicates("FROM t WHERE d > 1 AND f >= 2"), IsEmpty());
  EXPECT_THAT(Predicates("FROM t WHERE d = 0.5"),
              ElementsAre("d <= 0.5000000000000001", "d >= 0.49999999999999994"));
  EXPECT_EQ(Predicates("FROM t WHERE f < 0.1").size(), 1);
}

TEST_F(StatementTest, WhatIsNotSimpleOrNotSafeIsLeftOut) {
  for (const std::string sql : {
           "FROM t WHERE i = 3 OR i = 4",
           "FROM t WHERE NOT i = 3",
           "FROM t WHERE i + 1 = 3",
           "FROM t WHERE i = 3000000000",
           "FROM t WHERE l = 1.5",
           "FROM t WHERE l = '5'",
           "FROM t WHERE day < TIMESTAMP '2026-01-01 12:00:00'",
           "FROM t WHERE day = '2026-1-1'",
           "FROM t WHERE ts = '2026-01-01 00:00:00+02'",
           "FROM t WHERE ts = 'epoch'",
           "FROM t WHERE dec = 1.005",
           "FROM t WHERE s = 5",
           "FROM t WHERE l = NULL",
           "FROM t TABLESAMPLE 10% WHERE l = 1",
           "SELECT * FROM t WHERE l = 1 USING SAMPLE 10%",
           "FROM t AS x(c) WHERE l = 1",
           "FROM t HAVING l = 1",
           "FROM t QUALIFY l = 1",
           "FROM t POSITIONAL JOIN u WHERE t.l = 1",
           "FROM t RIGHT JOIN u ON true WHERE t.l IS NULL",
           "FROM t JOIN u ON true WHERE l = 1",
           "FROM t, t u, t u2 WHERE v.l = 1",
           "FROM t ASOF JOIN u ON t.l >= u.l WHERE t.l = 1",
           "FROM t WHERE TRY_CAST('2026-01-01' AS DATE) = day",
       }) {
    EXPECT_THAT(Predicates(sql), IsEmpty()) << sql;
  }
}

TEST_F(StatementTest, ConditionsFindTheirTableInJoins) {
  const auto statement =
      Parse(
          "FROM a x JOIN b ON x.k = b.k LEFT JOIN c ON true WHERE x.l = 1 AND b.l = 2 AND c.l = 3")
          .ValueOrDie();
  ASSERT_EQ(statement.tables.size(), 3);
  EXPECT_EQ(statement.tables[0].conditions.size(), 1);
  EXPECT_EQ(statement.tables[1].conditions.size(), 1);
  EXPECT_EQ(statement.tables[2].conditions.size(), 0);
}

TEST_F(StatementTest, ExpressionsOfPoliciesMustStandAlone) {
  auto parse = [&](const std::string& text) {
    return ParseExpression(*connection_, text, "filter");
  };
  EXPECT_EQ(parse("tenant = 'a' AND age > 3 -- note").ValueOrDie().size(), 2);
  for (const std::string text :
       {"true) OR (true", "1), (2", "1) FROM t WHERE (true", "", "x IN (FROM t)", "getenv('x') = 1",
        "1); DROP TABLE x; SELECT (1", "true) UNION SELECT (false", "1) LIMIT (1"}) {
    EXPECT_THAT(parse(text), testing::Not(base::IsOk())) << text;
  }
}

}  // namespace
}  // namespace millpond::query
