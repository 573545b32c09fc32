// What changes from run to run is refused however it is written, and nothing else is.
#include "query/repeatable.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <sstream>

#include "base/error_matchers.h"
#include "query/engine.h"

namespace millpond::query {
namespace {

using base::ErrorKind;
using base::IsError;
using base::IsOk;
using testing::HasSubstr;

TEST(Repeatable, FindsCallsHoweverTheyAreWritten) {
  for (const char* sql : {"SELECT RANDOM ( )",
                          "SELECT 'a', now()",
                          "SELECT 1 --x\n, uuid()",
                          "SELECT/**/now()",
                          "SELECT main.random()",
                          "SELECT \"random\"()",
                          "SELECT random/**/()",
                          "SELECT system.main.\"now\" ()",
                          "SELECT $$a$$, random()",
                          "SELECT $t$'$t$, now()",
                          "SELECT age(ts) FROM t",
                          "SELECT main.age((SELECT max(x, y) FROM t))",
                          "SELECT ts.age()",
                          "SELECT (a + b).age()",
                          "SELECT current_localtimestamp()",
                          "SELECT localtime",
                          "FROM t WHERE d < Current_Date",
                          "FROM t TABLESAMPLE 1%",
                          "FROM t USING/**/SAMPLE 10%",
                          "FROM t WHERE d > ago(INTERVAL 1 DAY)"}) {
    EXPECT_THAT(CheckRepeatable(sql), IsError(ErrorKind::kInvalid, HasSubstr("every run"))) << sql;
  }
}

TEST(Repeatable, CutsNeedAnOrder) {
  for (const char* sql :
       {"FROM t LIMIT 5", "SELECT * FROM t OFFSET 3", "SELECT * FROM t FETCH FIRST 3 ROWS ONLY",
        "SELECT * FROM (FROM t LIMIT 5) ORDER BY id", "SELECT DISTINCT ON (k) * FROM t",
        "SELECT row_number() OVER (ORDER BY id) FROM t LIMIT 2",
        "WITH a AS (FROM t ORDER BY id) FROM a LIMIT 3"}) {
    EXPECT_THAT(CheckRepeatable(sql), IsError(ErrorKind::kInvalid, HasSubstr("ORDER BY"))) << sql;
  }
  for (const char* sql :
       {"FROM t ORDER BY id LIMIT 5", "SELECT * FROM (FROM t ORDER BY id LIMIT 5)",
        "SELECT DISTINCT ON (k) * FROM t ORDER BY k, id", "SELECT DISTINCT k FROM t",
        "SELECT \"limit\", t.\"offset\" FROM t", "SELECT list(x ORDER BY y) FROM t"}) {
    EXPECT_THAT(CheckRepeatable(sql), IsOk()) << sql;
  }
}

TEST(Repeatable, LeavesNamesTextAndCommentsAlone) {
  for (const char* sql : {"SELECT 'random()' FROM t",
                          "SELECT \"now\" FROM t",
                          "SELECT 1 -- random()\n FROM t",
                          "SELECT /* now() /* */ uuid() */ 1",
                          "SELECT now FROM t",
                          "SELECT t.now FROM t",
                          "SELECT randomness(x) FROM t",
                          "SELECT 'it''s random()'",
                          "SELECT a.random FROM a",
                          "SELECT 'open",
                          "FROM a JOIN b USING (id)",
                          "SELECT $$random()$$",
                          "SELECT $q$ now() $q$",
                          "SELECT t.current_date, \"localtime\" FROM t",
                          "SELECT age(a, b) FROM t",
                          "SELECT t.age FROM t",
                          "SELECT age(a, main.age(b, c))",
                          "SELECT a.age(b) FROM t",
                          "SELECT E'\\'random()'",
                          ")",
                          "("}) {
    EXPECT_THAT(CheckRepeatable(sql), IsOk()) << sql;
  }
}

TEST(Repeatable, KnowsAllThatDuckDbCallsUnstable) {
  const auto engine = Engine::Open({}).ValueOrDie();
  const auto connection = engine->Connect().ValueOrDie();
  std::istringstream names(
      connection
          ->QueryText("SELECT DISTINCT function_name FROM duckdb_functions() WHERE stability <> "
                      "'CONSISTENT'",
                      {})
          .ValueOrDie());
  // The same in every run over one pond, or no value of a row.
  const std::set<std::string> harmless = {"current_database", "current_query",  "current_schema",
                                          "current_schemas",  "in_search_path", "error",
                                          "sleep_ms",         "write_log"};
  int seen = 0;
  for (std::string name; std::getline(names, name); ++seen) {
    if (harmless.contains(name)) continue;
    EXPECT_FALSE(CheckRepeatable("SELECT " + name + "()").ok()) << name;
  }
  EXPECT_GT(seen, 20);
}

}  // namespace
}  // namespace millpond::query
