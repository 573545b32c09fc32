// Names of tables, and streams written into them: creation, growth, conflicts, cancellation.
#include "ingest/table_target.h"

#include <arrow/api.h>

#include "base/error_matchers.h"
#include "ingest/write.h"
#include "query/scratch_pond_testing.h"

namespace millpond::ingest {
namespace {

using base::ErrorKind;
using base::IsError;
using base::IsOk;
using base::Json;
using ::testing::HasSubstr;

const base::Context kContext;
const table::TableName kTable{"shop", "orders"};

TEST(TableNameFromTest, StreamsBecomeNames) {
  EXPECT_EQ(TableNameFrom("Reviews 2024.csv.gz"), "reviews_2024");
  EXPECT_EQ(TableNameFrom("orders.PARQUET"), "orders");
  EXPECT_EQ(TableNameFrom("a--b..c.jsonl.zst"), "a_b_c");
  EXPECT_EQ(TableNameFrom("2024.csv"), "t_2024");
  EXPECT_EQ(TableNameFrom("größe.csv"), "größe");
  EXPECT_EQ(TableNameFrom("__.csv"), "data");
  EXPECT_EQ(TableNameFrom(""), "data");
  EXPECT_EQ(TableNameFrom(".csv"), "csv") << "nothing but a suffix is a name";
  EXPECT_EQ(TableNameFrom("bad\xff.csv"), "data");
}

TEST(TableNameFromTest, ResolvesWhatWasAskedFor) {
  EXPECT_EQ(ResolveTableName("", "x.csv").ValueOrDie().ToString(), "main.x");
  EXPECT_EQ(ResolveTableName("shop.", "x.csv").ValueOrDie().ToString(), "shop.x");
  EXPECT_EQ(ResolveTableName("shop.y", "x.csv").ValueOrDie().ToString(), "shop.y");
}

class WriteTest : public ::testing::Test {
 protected:
  std::shared_ptr<arrow::RecordBatchReader> Select(const std::string& sql) {
    return pond_.session().Sql(sql, {}, {}).ValueOrDie().reader;
  }
  static table::CommitInfo Info() {
    return {.author = "ana", .message = "write", .operation = "write", .idempotency_key = {}};
  }
  Result<table::PondCommit> Write(TableWrite write, const base::Context& context = kContext) {
    return WriteTables(pond_.catalog(), {std::move(write)}, Info(), context);
  }
  Json Rows(const std::string& sql) { return pond_.Rows(sql); }

  query::ScratchPond pond_;
};

TEST_F(WriteTest, ModesOfWriting) {
  ASSERT_THAT(Write({kTable, Select("SELECT 1::BIGINT AS a"), WriteMode::kCreate}), IsOk());
  EXPECT_THAT(Write({kTable, Select("SELECT 2::BIGINT AS a"), WriteMode::kCreate}),
              IsError(ErrorKind::kAlreadyExists, HasSubstr("shop.orders")));
  ASSERT_THAT(Write({kTable, Select("SELECT 2::BIGINT AS a"), WriteMode::kAppend}), IsOk());
  EXPECT_EQ(Rows("SELECT sample_id, a FROM shop.orders ORDER BY 1"), Json({{0, 1}, {1, 2}}));
  ASSERT_THAT(Write({kTable, Select("SELECT 3::BIGINT AS a"), WriteMode::kOverwrite}), IsOk());
  EXPECT_EQ(Rows("SELECT sample_id, a FROM shop.orders"), Json({{2, 3}})) << "ids are not reused";
  // Each of the three makes a table that is absent; no rows are a table too.
  const auto none = [&] { return Select("SELECT 1::BIGINT AS a WHERE false"); };
  ASSERT_THAT(Write({{"shop", "x"}, none(), WriteMode::kAppend}), IsOk());
  ASSERT_THAT(Write({{"shop", "y"}, none(), WriteMode::kOverwrite}), IsOk());
  EXPECT_EQ(Rows("SELECT count(*) FROM shop.x"), Json({{0}}));
}

TEST_F(WriteTest, OverwriteOfNothingEmptiesTheTable) {
  ASSERT_THAT(Write({kTable, Select("SELECT 1::BIGINT AS a"), WriteMode::kCreate}), IsOk());
  ASSERT_THAT(Write({kTable, Select("SELECT 1::BIGINT AS a WHERE false"), WriteMode::kOverwrite}),
              IsOk());
  EXPECT_EQ(Rows("SELECT count(*) FROM shop.orders"), Json({{0}}));
}

TEST_F(WriteTest, ColumnsAreMatchedByNameAndGrowOnlyWhereAllowed) {
  ASSERT_THAT(Write({kTable, Select("SELECT 1::INTEGER AS a, 'x' AS b"), WriteMode::kCreate}),
              IsOk());
  ASSERT_THAT(Write({kTable, Select("SELECT 'y' AS b, 2::INTEGER AS a"), WriteMode::kAppend}),
              IsOk());
  EXPECT_EQ(Rows("SELECT a, b FROM shop.orders ORDER BY a"), Json({{1, "x"}, {2, "y"}}));
  const char* wider = "SELECT 5000000000::BIGINT AS a, 'z' AS b, 0.5::DOUBLE AS c";
  EXPECT_THAT(Write({kTable, Select(wider), WriteMode::kAppend}),
              IsError(ErrorKind::kInvalid, HasSubstr("c: new")));
  ASSERT_THAT(
      Write({.table = kTable, .reader = Select(wider), .mode = WriteMode::kAppend, .evolve = true}),
      IsOk());
  EXPECT_EQ(Rows("SELECT a, c FROM shop.orders ORDER BY a"),
            Json({{1, nullptr}, {2, nullptr}, {5000000000, 0.5}}));
  EXPECT_THAT(Write({.table = kTable,
                     .reader = Select("SELECT 'word' AS a"),
                     .mode = WriteMode::kAppend,
                     .evolve = true}),
              IsError(ErrorKind::kInvalid, HasSubstr("a")));
}

TEST_F(WriteTest, AnOverwriteComputedFromAnOlderVersionConflicts) {
  ASSERT_THAT(Write({kTable, Select("SELECT 1::BIGINT AS a"), WriteMode::kCreate}), IsOk());
  const auto base = pond_.catalog()->Load(kTable).ValueOrDie().metadata->current_snapshot_id;
  ASSERT_THAT(Write({kTable, Select("SELECT 2::BIGINT AS a"), WriteMode::kAppend}), IsOk());
  EXPECT_THAT(Write({.table = kTable,
                     .reader = Select("SELECT 3::BIGINT AS a"),
                     .mode = WriteMode::kOverwrite,
                     .base_snapshot = base}),
              IsError(ErrorKind::kConflict));
  EXPECT_EQ(Rows("SELECT count(*) FROM shop.orders"), Json({{2}}));
}

// Rows that another writer adds while the new ones are being written are not overwritten unseen.
TEST_F(WriteTest, AnOverwriteConflictsWithAnAppendInTheMiddle) {
  ASSERT_THAT(Write({kTable, Select("SELECT 1::BIGINT AS a"), WriteMode::kCreate}), IsOk());
  base::Context context;
  bool inside = false;
  context.progress = [&](const base::Progress&) {
    if (std::exchange(inside, true)) return;
    EXPECT_THAT(Write({kTable, Select("SELECT 2::BIGINT AS a"), WriteMode::kAppend}), IsOk());
  };
  EXPECT_THAT(Write({kTable, Select("SELECT 3::BIGINT AS a"), WriteMode::kOverwrite}, context),
              IsError(ErrorKind::kConflict));
  EXPECT_EQ(Rows("SELECT a FROM shop.orders ORDER BY a"), Json({{1}, {2}}));
}

TEST_F(WriteTest, SeveralTablesLandTogetherOrNotAtAll) {
  const table::TableName other{"shop", "other"};
  EXPECT_THAT(WriteTables(pond_.catalog(),
                          {{kTable, Select("SELECT 1::BIGINT AS a"), WriteMode::kAppend},
                           {kTable, Select("SELECT 2::BIGINT AS a"), WriteMode::kAppend}},
                          Info(), kContext),
              IsError(ErrorKind::kInvalid, HasSubstr("twice")));
  ASSERT_THAT(Write({other, Select("SELECT 1::BIGINT AS a"), WriteMode::kCreate}), IsOk());
  EXPECT_THAT(WriteTables(pond_.catalog(),
                          {{kTable, Select("SELECT 1::BIGINT AS a"), WriteMode::kCreate},
                           {other, Select("SELECT 2::BIGINT AS a"), WriteMode::kCreate}},
                          Info(), kContext),
              IsError(ErrorKind::kAlreadyExists, HasSubstr("shop.other")));
  EXPECT_THAT(pond_.catalog()->Load(kTable), IsError(ErrorKind::kNotFound));
}

TEST_F(WriteTest, CancelledInTheMiddleNothingLands) {
  std::stop_source stop;
  base::Context context;
  context.stop = stop.get_token();
  int calls = 0;
  context.progress = [&](const base::Progress&) {
    if (++calls == 2) stop.request_stop();
  };
  EXPECT_THAT(
      Write({kTable, Select("SELECT i AS a FROM range(500000) t(i)"), WriteMode::kCreate}, context),
      IsError(ErrorKind::kCancelled));
  EXPECT_EQ(calls, 2);
  EXPECT_THAT(pond_.catalog()->Load(kTable), IsError(ErrorKind::kNotFound));
}

TEST_F(WriteTest, NansNullsAndUnicodeComeBack) {
  ASSERT_THAT(Write({kTable,
                     Select("SELECT * FROM (VALUES ('NaN'::DOUBLE, 'ø'), (NULL, NULL), "
                            "('-Infinity'::DOUBLE, '')) t(\"größe\", \"名\")"),
                     WriteMode::kCreate}),
              IsOk());
  EXPECT_EQ(Rows("SELECT \"größe\", \"名\" FROM shop.orders ORDER BY sample_id"),
            Json({{"NaN", "ø"}, {nullptr, nullptr}, {"-Infinity", ""}}));
}

TEST_F(WriteTest, SampleIdsMustBeWholeNumbers) {
  EXPECT_THAT(Write({kTable, Select("SELECT 'x' AS sample_id"), WriteMode::kCreate}),
              IsError(ErrorKind::kInvalid, HasSubstr("sample_id")));
  EXPECT_THAT(
      Write({kTable, Select("SELECT NULL::BIGINT AS sample_id, 1 AS a"), WriteMode::kCreate}),
      IsError(ErrorKind::kInvalid, HasSubstr("sample_id")));
  ASSERT_THAT(
      Write({kTable, Select("SELECT 41::BIGINT AS sample_id, 1::BIGINT AS a"), WriteMode::kCreate}),
      IsOk());
  ASSERT_THAT(Write({kTable, Select("SELECT 2::BIGINT AS a"), WriteMode::kAppend}), IsOk());
  EXPECT_EQ(Rows("SELECT sample_id FROM shop.orders ORDER BY 1"), Json({{41}, {42}}));
}

}  // namespace
}  // namespace millpond::ingest
