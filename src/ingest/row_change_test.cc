// Verbs that change rows, against a real pond: what they change, what they leave alone, and what
// they refuse.
#include "ingest/row_change.h"

#include <arrow/api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "base/error_matchers.h"
#include "query/scratch_pond_testing.h"

namespace millpond::ingest {
namespace {

using base::ErrorKind;
using base::IsError;
using base::IsOk;
using base::Json;
using ::testing::HasSubstr;

class RowChangeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_THAT(pond_.Create("shop.orders",
                             "SELECT * FROM (VALUES (1::BIGINT, 'tea', 3.5), (2, 'cake', 4.0), "
                             "(3, NULL, NULL)) t(id, item, price)"),
                IsOk());
  }

  Result<RowChangeOutcome> Run(const std::string& sql, RowChangeOptions options = {}) {
    ARROW_ASSIGN_OR_RAISE(const auto statement, query::ParseChangeStatement(sql));
    if (!statement) return base::Internal("not a change: {}", sql);
    options.author = "ana";
    return ChangeRows(pond_.session(), *statement, options, {});
  }
  Result<RowChangeOutcome> Upsert(const std::string& query, UpsertMode mode,
                                  const std::string& table = "shop.orders") {
    RowChangeOptions options;
    options.author = "ana";
    return UpsertRows(
        pond_.session(),
        {.table = table, .query = query, .reader = nullptr, .keys = {"id"}, .mode = mode}, options,
        {});
  }
  Json Orders() {
    return pond_.Rows("SELECT sample_id, id, item, price FROM shop.orders ORDER BY id, item");
  }
  int64_t Commits() {
    return static_cast<int64_t>(table::History(pond_.catalog()).Log(-1)->size());
  }

  query::ScratchPond pond_;
};

#define EXPECT_COUNTS(outcome, deleted, updated, inserted) \
  do {                                                     \
    const auto counted = (outcome);                        \
    ASSERT_THAT(counted, IsOk());                          \
    EXPECT_EQ(counted->rows_deleted, deleted);             \
    EXPECT_EQ(counted->rows_updated, updated);             \
    EXPECT_EQ(counted->rows_inserted, inserted);           \
  } while (false)

TEST_F(RowChangeTest, DeletesWhatTheConditionHoldsFor) {
  EXPECT_COUNTS(Run("DELETE FROM shop.orders WHERE price > 3.7 -- dear"), 1, 0, 0);
  EXPECT_EQ(Orders(), Json::parse(R"([[0, 1, "tea", 3.5], [2, 3, null, null]])"));
  const auto commit = table::History(pond_.catalog()).Log(1).ValueOrDie()[0];
  EXPECT_EQ(commit.operation, "delete");
  EXPECT_THAT(commit.message, HasSubstr("delete shop.orders where price > 3.7"));
  EXPECT_EQ(commit.inputs[0]["table"], "shop.orders");
  EXPECT_EQ(commit.details["rows_deleted"], 1);
  EXPECT_COUNTS(Run("DELETE FROM shop.orders"), 2, 0, 0);
  EXPECT_EQ(Orders(), Json::array());
}

TEST_F(RowChangeTest, NothingToChangeIsNoCommit) {
  const int64_t before = Commits();
  EXPECT_COUNTS(Run("DELETE FROM shop.orders WHERE id = 77"), 0, 0, 0);
  EXPECT_COUNTS(Run("UPDATE shop.orders SET item = item"), 0, 0, 0);
  RowChangeOptions dry;
  dry.dry_run = true;
  EXPECT_COUNTS(Run("DELETE FROM shop.orders WHERE id < 3", dry), 2, 0, 0);
  EXPECT_COUNTS(Run("UPDATE shop.orders SET price = 1", dry), 0, 3, 0);
  EXPECT_EQ(Commits(), before);
}

TEST_F(RowChangeTest, UpdatesKeepSampleIdsAndOtherColumns) {
  RowChangeOptions options;
  options.parameters = {Json("jam"), Json(2)};
  EXPECT_COUNTS(
      Run("UPDATE shop.orders o SET item = $1, price = o.price + 1 WHERE o.id >= $2", options), 0,
      2, 0);
  EXPECT_EQ(Orders(), Json::parse(R"([[0, 1, "tea", 3.5], [1, 2, "jam", 5.0],
                                      [2, 3, "jam", null]])"));
  EXPECT_THAT(Run("UPDATE shop.orders SET sample_id = 9"),
              IsError(ErrorKind::kInvalid, HasSubstr("names a row for good")));
  EXPECT_THAT(Run("UPDATE shop.orders SET prices = 9"),
              IsError(ErrorKind::kInvalid, HasSubstr("Did you mean 'price'")));
}

TEST_F(RowChangeTest, UpdatesAndDeletesFromOtherTables) {
  ASSERT_THAT(pond_.Create("shop.prices", "SELECT 1::BIGINT AS id, 9.5 AS price"), IsOk());
  EXPECT_COUNTS(Run("UPDATE shop.orders SET price = p.price FROM shop.prices p "
                    "WHERE p.id = orders.id"),
                0, 1, 0);
  EXPECT_EQ(Orders()[0], Json::parse(R"([0, 1, "tea", 9.5])"));
  EXPECT_COUNTS(Run("DELETE FROM shop.orders USING shop.prices p WHERE p.id = orders.id"), 1, 0, 0);
  const auto commit = table::History(pond_.catalog()).Log(1).ValueOrDie()[0];
  EXPECT_EQ(commit.inputs.size(), 2u);
  ASSERT_THAT(pond_.Append("shop.prices",
                           "SELECT 2::BIGINT AS id, 1.5 AS price UNION ALL "
                           "SELECT 2, 2.5"),
              IsOk());
  EXPECT_THAT(Run("UPDATE shop.orders SET price = p.price FROM shop.prices p "
                  "WHERE p.id = orders.id"),
              IsError(ErrorKind::kInvalid, HasSubstr("meant for the same row")));
}

TEST_F(RowChangeTest, InsertsByPositionListAndName) {
  EXPECT_COUNTS(Run("INSERT INTO shop.orders VALUES (4, 'fig', 1)"), 0, 0, 1);
  EXPECT_COUNTS(Run("INSERT INTO shop.orders (item, id) VALUES ('nut', 5), ('oat', 6)"), 0, 0, 2);
  EXPECT_COUNTS(Run("INSERT INTO shop.orders BY NAME SELECT 7 AS ID"), 0, 0, 1);
  EXPECT_EQ(
      pond_.Rows("SELECT sample_id, id, item, price FROM shop.orders WHERE id > 3 ORDER BY id"),
      Json::parse(R"([[3, 4, "fig", 1.0], [4, 5, "nut", null], [5, 6, "oat", null],
                            [6, 7, null, null]])"));
  EXPECT_THAT(Run("INSERT INTO shop.orders VALUES (4, 'fig')"),
              IsError(ErrorKind::kInvalid, HasSubstr("2 columns for 4")));
  EXPECT_THAT(Run("INSERT INTO shop.orders (idd) VALUES (4)"),
              IsError(ErrorKind::kInvalid, HasSubstr("Did you mean 'id'")));
}

TEST_F(RowChangeTest, MergesByTheFirstClauseThatHolds) {
  EXPECT_COUNTS(
      Run("WITH n AS (SELECT * FROM (VALUES (1::BIGINT, 'chai'), (2, 'cake'), (9, 'rye')) v(id, "
          "item)) "
          "MERGE INTO shop.orders o USING n ON o.id = n.id "
          "WHEN MATCHED AND n.item = 'chai' THEN DELETE "
          "WHEN MATCHED THEN UPDATE SET item = n.item "
          "WHEN NOT MATCHED THEN INSERT (id, item, price) VALUES (n.id, upper(n.item), 2) "
          "WHEN NOT MATCHED BY SOURCE THEN UPDATE SET item = 'gone'"),
      1, 1, 1);
  EXPECT_EQ(Orders(), Json::parse(R"([[1, 2, "cake", 4.0], [2, 3, "gone", null],
                                      [3, 9, "RYE", 2.0]])"));
}

TEST_F(RowChangeTest, UpsertModes) {
  const std::string rows = "SELECT 2 AS id, 5.5 AS price UNION ALL SELECT 8, 6.5";
  EXPECT_COUNTS(Upsert(rows, UpsertMode::kUpsert), 0, 1, 1);
  EXPECT_EQ(Orders(), Json::parse(R"([[0, 1, "tea", 3.5], [1, 2, "cake", 5.5],
                                      [2, 3, null, null], [3, 8, null, 6.5]])"));
  EXPECT_COUNTS(Upsert(rows, UpsertMode::kUpsert), 0, 0, 0);
  EXPECT_COUNTS(
      Upsert("SELECT 2 AS id, 1.0 AS price UNION ALL SELECT 9, 1.0", UpsertMode::kInsertOnly), 0, 0,
      1);
  EXPECT_COUNTS(
      Upsert("SELECT 9 AS id UNION ALL SELECT 9 UNION ALL SELECT NULL", UpsertMode::kDelete), 1, 0,
      0);
  EXPECT_EQ(Orders().size(), 4u);
}

TEST_F(RowChangeTest, UpsertRefusesUnclearRows) {
  for (const char* rows : {"SELECT 2 AS id UNION ALL SELECT 2", "SELECT 9 AS id UNION ALL SELECT 9",
                           "SELECT NULL::BIGINT AS id"}) {
    EXPECT_THAT(Upsert(rows, UpsertMode::kUpsert),
                IsError(ErrorKind::kInvalid, HasSubstr("same key")))
        << rows;
  }
  EXPECT_THAT(Upsert("SELECT 1 AS id, 2 AS colour", UpsertMode::kUpsert),
              IsError(ErrorKind::kInvalid, HasSubstr("no column 'colour'")));
  EXPECT_THAT(Upsert("SELECT 1 AS idx", UpsertMode::kUpsert),
              IsError(ErrorKind::kInvalid, HasSubstr("no key column 'id'")));
}

TEST_F(RowChangeTest, UpsertsAStreamOfRows) {
  arrow::Int64Builder ids;
  arrow::DoubleBuilder prices;
  for (int64_t i = 0; i < 5000; ++i) {
    ASSERT_TRUE(ids.Append(i).ok() && prices.Append(0.5).ok());
  }
  const auto schema =
      arrow::schema({arrow::field("id", arrow::int64()), arrow::field("price", arrow::float64())});
  const auto batch = arrow::RecordBatch::Make(
      schema, 5000, {ids.Finish().ValueOrDie(), prices.Finish().ValueOrDie()});
  RowChangeOptions options;
  options.author = "ana";
  EXPECT_COUNTS(UpsertRows(pond_.session(),
                           {.table = "shop.orders",
                            .query = "",
                            .reader = arrow::RecordBatchReader::Make({batch}, schema).ValueOrDie(),
                            .keys = {"id"}},
                           options, {}),
                0, 3, 4997);
  EXPECT_EQ(pond_.Rows(
                "SELECT count(*), count(DISTINCT sample_id), max(price)::VARCHAR FROM shop.orders"),
            Json::parse(R"([[5000, 5000, "0.5"]])"));
}

TEST_F(RowChangeTest, KeepsEveryVersion) {
  ASSERT_THAT(
      pond_.Create("shop.people",
                   "SELECT 1::BIGINT AS id, 'a' AS name, 'x' AS note, TIMESTAMP '2026-01-01' AS "
                   "valid_from, NULL::TIMESTAMP AS valid_to, true AS is_current"),
      IsOk());
  const std::string rows = "SELECT 1 AS id, 'b' AS name UNION ALL SELECT 2, 'c'";
  EXPECT_COUNTS(Upsert(rows, UpsertMode::kScd2, "shop.people"), 0, 1, 2);
  EXPECT_EQ(pond_.Rows("SELECT sample_id = 0, id, name, note, valid_to IS NULL, is_current FROM "
                       "shop.people ORDER BY id, name"),
            Json::parse(R"([[true, 1, "a", "x", false, false], [false, 1, "b", "x", true, true],
                            [false, 2, "c", null, true, true]])"));
  EXPECT_EQ(pond_.Rows("SELECT count(DISTINCT sample_id) FROM shop.people"), Json::parse("[[3]]"));
  EXPECT_EQ(pond_.Rows("SELECT count(*) FROM shop.people p JOIN shop.people q ON p.id = q.id AND "
                       "p.valid_to = q.valid_from"),
            Json::parse("[[1]]"));
  EXPECT_COUNTS(Upsert(rows, UpsertMode::kScd2, "shop.people"), 0, 0, 0);
  EXPECT_THAT(Upsert("SELECT 1 AS id", UpsertMode::kScd2),
              IsError(ErrorKind::kInvalid, HasSubstr("valid_from")));
}

TEST_F(RowChangeTest, SentTwiceWithOneKeyLandsOnce) {
  RowChangeOptions options;
  options.idempotency_key = "monday";
  const auto first = Run("DELETE FROM shop.orders WHERE id = 1", options);
  ASSERT_THAT(first, IsOk());
  const auto second = Run("DELETE FROM shop.orders WHERE id = 1", options);
  ASSERT_THAT(second, IsOk());
  ASSERT_TRUE(second->commit.has_value());
  EXPECT_EQ(second->commit->id, first->commit->id);
  // Another change is not what the key stands for, whether or not it would find rows.
  for (const char* other : {"UPDATE shop.orders SET price = 0", "DELETE FROM shop.orders",
                            "DELETE FROM shop.orders WHERE id = 99"}) {
    EXPECT_THAT(Run(other, options), IsError(ErrorKind::kAlreadyExists, HasSubstr("'monday'")))
        << other;
  }
  EXPECT_EQ(Orders(), Json::parse(R"([[1, 2, "cake", 4.0], [2, 3, null, null]])"));
}

TEST_F(RowChangeTest, NoStatementRepeatsASampleId) {
  const auto refused = IsError(ErrorKind::kInvalid, HasSubstr("sample_id 0 is in the table"));
  EXPECT_THAT(Run("INSERT INTO shop.orders SELECT * FROM shop.orders"), refused);
  EXPECT_THAT(Run("MERGE INTO shop.orders o USING (SELECT sample_id, id + 10 AS id FROM "
                  "shop.orders) AS n ON o.id = n.id WHEN NOT MATCHED THEN INSERT *"),
              refused);
  EXPECT_THAT(Run("INSERT INTO shop.orders BY NAME SELECT 40 AS sample_id, 5 AS id UNION ALL "
                  "SELECT 40, 6"),
              IsError(ErrorKind::kInvalid, HasSubstr("sample_id 40 is given to two rows")));
  // A number that is free, and one that is free again, whichever way its row was deleted.
  EXPECT_COUNTS(Run("INSERT INTO shop.orders BY NAME SELECT 40 AS sample_id, 5 AS id"), 0, 0, 1);
  EXPECT_COUNTS(Run("DELETE FROM shop.orders WHERE sample_id = 40"), 1, 0, 0);
  EXPECT_COUNTS(Run("INSERT INTO shop.orders BY NAME SELECT 40 AS sample_id, 6 AS id"), 0, 0, 1);
  EXPECT_COUNTS(Run("UPDATE shop.orders SET price = 1 WHERE sample_id = 40"), 0, 1, 0);
}

TEST_F(RowChangeTest, PoliciesAreNotWrittenIn) {
  query::ReadDecision masked;
  masked.allowed = true;
  masked.masks["item"] = "'***'";
  masked.policy_hash = "p";
  pond_.policies().decisions[{"shop", "orders"}] = masked;
  for (const char* sql : {"UPDATE shop.orders SET price = 1", "DELETE FROM shop.orders",
                          "INSERT INTO shop.orders BY NAME SELECT id FROM shop.orders"}) {
    EXPECT_THAT(Run(sql), IsError(ErrorKind::kDenied)) << sql;
  }
}

// Each thread deletes its own rows and adds others; all rows are accounted for at the end.
TEST_F(RowChangeTest, WritersAtOnceLoseNothing) {
  ASSERT_THAT(pond_.Create("shop.numbers", "SELECT range AS n FROM range(100)"), IsOk());
  std::vector<std::thread> writers;
  std::atomic<int> conflicts = 0;
  for (int w = 0; w < 4; ++w) {
    writers.emplace_back([&, w] {
      const auto session = pond_.Open(fmt::format("writer{}", w));
      for (int i = 0; i < 3; ++i) {
        const int n = w * 10 + i;
        const auto statement = query::ParseChangeStatement(
            fmt::format("UPDATE shop.numbers SET n = n + 1000 WHERE n = {}", n));
        RowChangeOptions options;
        options.author = "w";
        auto done = ChangeRows(*session, **statement, options, {});
        while (!done.ok() && base::KindOf(done.status()) == ErrorKind::kConflict) {
          ++conflicts;
          done = ChangeRows(*session, **statement, options, {});
        }
        EXPECT_THAT(done, IsOk());
      }
    });
  }
  for (auto& writer : writers) writer.join();
  EXPECT_EQ(pond_.Rows("SELECT count(*), count(DISTINCT sample_id), count(*) FILTER (n >= 1000), "
                       "sum(n)::BIGINT FROM shop.numbers"),
            Json::parse("[[100, 100, 12, 16950]]"));
}

TEST_F(RowChangeTest, AConditionIsOneExpression) {
  const Json before = Orders();
  query::ChangeStatement statement;
  statement.space = "shop";
  statement.table = "orders";
  RowChangeOptions options;
  options.author = "ana";
  for (const char* condition : {"false) OR (true", "true; SELECT 1", "(true", "item = 'x",
                                "false /*", "[id = 1)", "-- all", "false) -- ("}) {
    SCOPED_TRACE(condition);
    statement.kind = query::ChangeStatement::Kind::kDelete;
    statement.set = {};
    statement.condition = condition;
    EXPECT_THAT(ChangeRows(pond_.session(), statement, options, {}),
                IsError(ErrorKind::kInvalid, HasSubstr("one SQL expression")));
    statement.kind = query::ChangeStatement::Kind::kUpdate;
    statement.set = {{"price", condition}};
    statement.condition = "id = 1";
    EXPECT_THAT(ChangeRows(pond_.session(), statement, options, {}),
                IsError(ErrorKind::kInvalid, HasSubstr("price: must be one SQL expression")));
  }
  EXPECT_EQ(Orders(), before);
  statement.kind = query::ChangeStatement::Kind::kDelete;
  statement.set = {};
  statement.condition = "item IN ('tea', ')', 'a;b') AND list_contains([id], 1) -- ) the first";
  EXPECT_COUNTS(ChangeRows(pond_.session(), statement, options, {}), 1, 0, 0);
}

}  // namespace
}  // namespace millpond::ingest
