// Units of ledger.h and sql_text.h that need no database.
#include "ledger/ledger.h"

#include "base/error_matchers.h"
#include "ledger/schema.h"
#include "ledger/sql_text.h"

namespace millpond::ledger {
namespace {

using base::ErrorKind;
using base::IsError;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(RowTest, GivesTypedValuesAndRefusesOthers) {
  Row row = {{"i", int64_t{7}}, {"r", 0.5}, {"t", "x"}, {"n", Value()}};
  EXPECT_EQ(IntOf(row, "i").ValueOrDie(), 7);
  EXPECT_EQ(RealOf(row, "r").ValueOrDie(), 0.5);
  EXPECT_EQ(TextOf(row, "t").ValueOrDie(), "x");
  EXPECT_EQ(OptionalIntOf(row, "i").ValueOrDie(), 7);
  EXPECT_EQ(OptionalIntOf(row, "n").ValueOrDie(), std::nullopt);
  EXPECT_EQ(OptionalRealOf(row, "n").ValueOrDie(), std::nullopt);
  EXPECT_EQ(OptionalTextOf(row, "n").ValueOrDie(), std::nullopt);
  EXPECT_THAT(IntOf(row, "t"),
              IsError(ErrorKind::kCorrupt, HasSubstr("'t' holds text, expected an integer")));
  EXPECT_THAT(TextOf(row, "n"), IsError(ErrorKind::kCorrupt, HasSubstr("NULL")));
  EXPECT_THAT(RealOf(row, "i"), IsError(ErrorKind::kCorrupt));
  EXPECT_THAT(IntOf(row, "gone"), IsError(ErrorKind::kCorrupt, HasSubstr("no column 'gone'")));
  EXPECT_THAT(OptionalTextOf(row, "gone"), IsError(ErrorKind::kCorrupt));
}

TEST(SqlTextTest, QuotesNamesAndBindsValues) {
  Query query{"a\"b",
              {{"x", Compare::kGreaterEqual, int64_t{3}}, {"y", Compare::kEqual, Value()}},
              {{"z", true}, {"x"}},
              5};
  SqlText sql = SqlOf(query).ValueOrDie();
  EXPECT_EQ(sql.text, R"(SELECT * FROM "a""b" WHERE "x" >= $1 AND "y" IS NULL )"
                      R"(ORDER BY "z" DESC NULLS LAST, "x" ASC NULLS FIRST LIMIT $2)");
  EXPECT_THAT(sql.values, ElementsAre(Value(int64_t{3}), Value(int64_t{5})));
}

TEST(SqlTextTest, WritesChanges) {
  Transaction transaction;
  transaction.Upsert("t", {{"k", "1"}, {"v", "2"}})
      .Upsert("t", {{"k", "1"}})
      .Update("t", {{"v", Value()}}, {{"k", Compare::kStartsWith, "a"}})
      .Delete("t", {});
  const std::vector<std::string> key = {"k"};
  auto text = [&](size_t i) { return SqlOf(transaction.changes()[i], key).ValueOrDie().text; };
  EXPECT_EQ(
      text(0),
      R"(INSERT INTO "t" ("k", "v") VALUES ($1, $2) ON CONFLICT ("k") DO UPDATE SET "v" = excluded."v")");
  EXPECT_EQ(text(1), R"(INSERT INTO "t" ("k") VALUES ($1) ON CONFLICT ("k") DO NOTHING)");
  EXPECT_EQ(text(2), R"(UPDATE "t" SET "v" = $1 WHERE substr("k", 1, length($2)) = $3)");
  EXPECT_EQ(text(3), R"(DELETE FROM "t")");
  EXPECT_THAT(SqlOf(transaction.changes()[0], {}), IsError(ErrorKind::kInvalid));
}

TEST(TransactionTest, AppendsItself) {
  Transaction transaction;
  transaction.Delete("t", {});
  transaction.Append(transaction);
  EXPECT_EQ(transaction.changes().size(), 2u);
}

TEST(SchemaTest, VersionsRiseByOneFromOne) {
  int expected = 1;
  for (const Migration& migration : Migrations()) EXPECT_EQ(migration.version, expected++);
}

}  // namespace
}  // namespace millpond::ledger
