// Sync over a real pond and real files: exactly once, whatever happens between reading and landing.
#include "ingest/sync.h"

#include <arrow/api.h>

#include <fstream>

#include "base/error_matchers.h"
#include "base/stop_at_progress.h"
#include "query/scratch_pond_testing.h"
#include "table/commit.h"

namespace millpond::ingest {
namespace {

using base::ErrorKind;
using base::IsError;
using base::IsOk;
using base::Json;
using ::testing::HasSubstr;

const base::Context kContext;

class SyncTest : public ::testing::Test {
 protected:
  void File(const std::string& name, const std::string& text) {
    std::filesystem::create_directories(
        std::filesystem::path(folder_ / ("in/" + name)).parent_path());
    std::ofstream(folder_ / ("in/" + name), std::ios::binary) << text;
  }
  SyncRequest Request(const std::string& path, const std::string& table = "shop.orders") {
    SyncRequest request;
    request.url = folder_ / ("in/" + path);
    request.table = table;
    request.author = "ana";
    return request;
  }
  Result<SyncReport> Run(const SyncRequest& request, const base::Context& context = kContext) {
    return Sync(pond_.catalog(), request, context);
  }
  Json Rows(const std::string& sql) { return pond_.Rows(sql); }
  size_t Commits() { return table::History(pond_.catalog()).Log(1000).ValueOrDie().size(); }
  void Drop(const std::string& table) {
    table::PendingCommit commit(
        pond_.catalog(),
        {.author = "ana", .message = "drop", .operation = "drop", .idempotency_key = {}});
    ASSERT_THAT(commit.Drop(table::TableName::Parse(table).ValueOrDie()), IsOk());
    ASSERT_THAT(commit.Land(kContext), IsOk());
  }

  base::TemporaryFolder folder_;
  query::ScratchPond pond_;
};

TEST_F(SyncTest, RowsRejectsAndCursorLandInOneCommit) {
  File("a.csv", "id,price\n1,2.5\n2,cheap\n3,4\n");
  SyncRequest request = Request("a.csv");
  request.source.types["price"] = "double";
  const auto report = Run(request).ValueOrDie();
  ASSERT_EQ(report.tables.size(), 1U);
  const SyncedTable& synced = report.tables[0];
  EXPECT_TRUE(synced.created);
  EXPECT_EQ(synced.rows, 2);
  EXPECT_EQ(synced.rejects, 1);
  EXPECT_EQ(synced.files_read, 1);
  EXPECT_GT(synced.bytes, 0);
  EXPECT_EQ(synced.rejects_table->ToString(), "shop.orders_rejects");
  EXPECT_EQ(Commits(), 1U);
  EXPECT_EQ(report.commit->operation, "sync");
  EXPECT_EQ(report.commit->changes.size(), 2U);
  EXPECT_EQ(report.commit->inputs[0]["file"], request.url);
  EXPECT_EQ(synced.snapshot,
            pond_.catalog()->Load({"shop", "orders"}).ValueOrDie().metadata->current_snapshot_id);
  EXPECT_EQ(Rows("SELECT id, price FROM shop.orders ORDER BY id"), Json({{1, 2.5}, {3, 4.0}}));
  EXPECT_EQ(Rows("SELECT line, \"column\" FROM shop.orders_rejects"), Json({{3, "price"}}));
}

TEST_F(SyncTest, NothingNewMakesNoCommit) {
  File("a.csv", "id\n1\n2\n");
  ASSERT_THAT(Run(Request("a.csv")), IsOk());
  const auto again = Run(Request("a.csv")).ValueOrDie();
  EXPECT_FALSE(again.commit);
  EXPECT_EQ(again.tables[0].rows, 0);
  EXPECT_EQ(again.tables[0].files_skipped, 1);
  EXPECT_EQ(Commits(), 1U);
}

TEST_F(SyncTest, NewFilesOfAFolderAreAdded) {
  File("d/a.csv", "id\n1\n");
  ASSERT_THAT(Run(Request("d")), IsOk());
  File("d/b.csv", "id\n2\n");
  const auto report = Run(Request("d")).ValueOrDie();
  EXPECT_EQ(report.tables[0].rows, 1);
  EXPECT_EQ(report.tables[0].files_read, 1);
  EXPECT_EQ(report.tables[0].files_skipped, 1);
  EXPECT_EQ(Rows("SELECT id FROM shop.orders ORDER BY id"), Json({{1}, {2}}));
}

TEST_F(SyncTest, AChangedFileIsRefusedByAppendAndTakenByReplace) {
  File("a.csv", "id\n1\n2\n");
  ASSERT_THAT(Run(Request("a.csv")), IsOk());
  File("a.csv", "id\n7\n8\n9\n");
  EXPECT_THAT(Run(Request("a.csv")), IsError(ErrorKind::kConflict, HasSubstr("a.csv")));
  EXPECT_EQ(Rows("SELECT count(*) FROM shop.orders"), Json({{2}}));
  SyncRequest replace = Request("a.csv");
  replace.disposition = Disposition::kReplace;
  ASSERT_THAT(Run(replace), IsOk());
  EXPECT_EQ(Rows("SELECT id FROM shop.orders ORDER BY id"), Json({{7}, {8}, {9}}));
  EXPECT_FALSE(Run(replace).ValueOrDie().commit) << "the same files again";
  // Something else wrote the table: replace brings the file's rows back.
  ASSERT_THAT(pond_.Append("shop.orders", "SELECT 100::BIGINT AS id"), IsOk());
  EXPECT_TRUE(Run(replace).ValueOrDie().commit);
  EXPECT_EQ(Rows("SELECT count(*) FROM shop.orders"), Json({{3}}));
}

TEST_F(SyncTest, EmptyFilesAndUnicodeNames) {
  File("müll/größe.csv", "größe,名前\n1,ø\n");
  ASSERT_THAT(Run(Request("müll/größe.csv", "läden.")), IsOk());
  EXPECT_EQ(Rows("SELECT \"größe\", \"名前\" FROM \"läden\".\"größe\""), Json({{1, "ø"}}));
  File("none.csv", "id,name\n");
  const auto report = Run(Request("none.csv", "shop.none")).ValueOrDie();
  EXPECT_EQ(report.tables[0].rows, 0);
  EXPECT_TRUE(report.tables[0].created);
  EXPECT_EQ(Rows("SELECT count(*) FROM shop.none"), Json({{0}}));
}

TEST_F(SyncTest, SchemasGrowWhereTheyMay) {
  File("d/a.jsonl", "{\"id\": 1, \"n\": 1}\n");
  ASSERT_THAT(Run(Request("d")), IsOk());
  File("d/b.jsonl", "{\"id\": 2, \"n\": 2, \"note\": \"new\"}\n");
  SyncRequest fixed = Request("d");
  fixed.evolve = false;
  EXPECT_THAT(Run(fixed), IsError(ErrorKind::kInvalid, HasSubstr("note")));
  EXPECT_EQ(Rows("SELECT count(*) FROM shop.orders"), Json({{1}}));
  const auto report = Run(Request("d")).ValueOrDie();
  ASSERT_EQ(report.tables[0].columns_changed.size(), 1U);
  EXPECT_THAT(report.tables[0].columns_changed[0], HasSubstr("note"));
  EXPECT_EQ(Rows("SELECT id, note FROM shop.orders ORDER BY id"), Json({{1, nullptr}, {2, "new"}}));
}

TEST_F(SyncTest, RowsWithoutTheirKeyAreRejected) {
  File("a.csv", "id,name\n1,x\n,y\n3,z\n");
  SyncRequest request = Request("a.csv");
  request.key = {"id"};
  const auto report = Run(request).ValueOrDie();
  EXPECT_EQ(report.tables[0].rows, 2);
  EXPECT_EQ(report.tables[0].rejects, 1);
  EXPECT_EQ(Rows("SELECT \"column\", reason FROM shop.orders_rejects"),
            Json::array({Json::array({"id", "the key column is null"})}));
  request.key = {"name"};
  EXPECT_THAT(Run(request), IsError(ErrorKind::kInvalid, HasSubstr("key")));
  SyncRequest strict = Request("a.csv", "shop.strict");
  strict.key = {"id"};
  strict.source.strict = true;
  EXPECT_THAT(Run(strict), IsError(ErrorKind::kInvalid, HasSubstr("nothing was synced")));
  EXPECT_THAT(pond_.catalog()->Load({"shop", "strict"}), IsError(ErrorKind::kNotFound));
  SyncRequest unknown = Request("a.csv", "shop.unknown");
  unknown.key = {"idd"};
  EXPECT_THAT(Run(unknown), IsError(ErrorKind::kInvalid, HasSubstr("Did you mean 'id'")));
}

TEST_F(SyncTest, OneTableCannotTakeSeveralStreams) {
  File("d/a.csv", "id\n1\n");
  File("d/b.jsonl", "{\"id\": 1}\n");
  EXPECT_THAT(Run(Request("d")), IsError(ErrorKind::kInvalid, HasSubstr("2 streams")));
  EXPECT_THAT(Run(Request("nowhere")), IsError(ErrorKind::kNotFound));
}

// The first stream's table is gone, the second's is not: what was read of the second counts.
TEST_F(SyncTest, StreamsKeepTheirCursorsWhenOneBeginsAnew) {
  File("d/a.csv", "id\n1\n");
  File("d/b.jsonl", "{\"id\": 1}\n{\"id\": 2}\n");
  const auto first = Run(Request("d", "raw.")).ValueOrDie();
  ASSERT_EQ(first.tables.size(), 2U);
  const std::string gone = first.tables[0].table.ToString(),
                    kept = first.tables[1].table.ToString();
  Drop(gone);
  ASSERT_THAT(Run(Request("d", "raw.")), IsOk());
  EXPECT_EQ(Rows("SELECT count(*) FROM " + gone), Json({{first.tables[0].rows}}));
  EXPECT_EQ(Rows("SELECT count(*) FROM " + kept), Json({{first.tables[1].rows}}));
}

TEST_F(SyncTest, ADroppedTableIsReadFromTheStart) {
  File("a.csv", "id\n1\n2\n");
  ASSERT_THAT(Run(Request("a.csv")), IsOk());
  Drop("shop.orders");
  EXPECT_EQ(Run(Request("a.csv")).ValueOrDie().tables[0].rows, 2);
  EXPECT_EQ(Rows("SELECT count(*) FROM shop.orders"), Json({{2}}));
}

// The branch's own lane, the lane that main began it from, and one opened by a race.
TEST_F(SyncTest, OfTwoSyncsAtOnceOnABranchOneLands) {
  File("d/a.csv", "id\n1\n");
  ASSERT_THAT(Run(Request("d")), IsOk());
  ASSERT_THAT(table::History(pond_.catalog()).CreateBranch("exp", "", "ana", "").status(), IsOk());
  SyncRequest request = Request("d");
  request.branch = "exp";
  for (const char* name : {"d/b.csv", "d/c.csv"}) {
    File(name, "id\n2\n");
    bool inside = false;
    base::Context context;
    context.progress = [&](const base::Progress&) {
      if (std::exchange(inside, true)) return;
      EXPECT_THAT(Run(Request("d")), IsOk());
      EXPECT_THAT(Run(request), IsOk()) << "main's sync is another branch's";
    };
    EXPECT_THAT(Run(request, context), IsError(ErrorKind::kConflict, HasSubstr("another sync")));
    EXPECT_TRUE(inside);
    EXPECT_FALSE(Run(request).ValueOrDie().commit) << "all is synced";
  }
  EXPECT_EQ(Rows("SELECT count(*) FROM shop.orders"), Json({{3}}));
  EXPECT_EQ(Rows("SELECT count(*) FROM shop.orders AT BRANCH exp"), Json({{3}}));
}

// A second sync runs whole while the first is between reading and landing.
TEST_F(SyncTest, OfTwoSyncsAtOnceOneLands) {
  for (const bool exists : {false, true}) {
    const std::string name = exists ? "old" : "new";
    File(name + "/a.csv", "id\n1\n");
    const SyncRequest request = Request(name, "shop." + name);
    if (exists) {
      ASSERT_THAT(Run(request), IsOk());
      File(name + "/b.csv", "id\n2\n3\n");
    }
    bool inside = false;
    base::Context context;
    context.progress = [&](const base::Progress&) {
      if (inside) return;
      inside = true;
      EXPECT_THAT(Run(request), IsOk());
    };
    EXPECT_THAT(Run(request, context),
                IsError(exists ? ErrorKind::kConflict : ErrorKind::kAlreadyExists))
        << name;
    ASSERT_TRUE(inside);
    EXPECT_EQ(Rows("SELECT count(*), count(DISTINCT id) FROM shop." + name),
              Json({{exists ? 3 : 1, exists ? 3 : 1}}));
    EXPECT_FALSE(Run(request).ValueOrDie().commit) << "all is synced";
  }
}

TEST_F(SyncTest, ASyncOfAnotherSourceInTheMiddleDoesNotConflict) {
  File("a.csv", "id\n1\n");
  File("b.csv", "id\n2\n");
  ASSERT_THAT(pond_.Create("shop.orders", "SELECT 0::BIGINT AS id"), IsOk());
  bool inside = false;
  base::Context context;
  context.progress = [&](const base::Progress&) {
    if (std::exchange(inside, true)) return;
    EXPECT_THAT(Run(Request("b.csv")), IsOk());
  };
  ASSERT_THAT(Run(Request("a.csv"), context), IsOk());
  EXPECT_EQ(Rows("SELECT id FROM shop.orders ORDER BY id"), Json({{0}, {1}, {2}}));
}

TEST_F(SyncTest, CancelledInTheMiddleNothingHasChanged) {
  std::string text = "id,text\n";
  for (int i = 0; i < 200000; ++i) text += std::to_string(i) + ",some words to fill the line\n";
  File("big.csv", text);
  base::StopAtProgress stopping;
  EXPECT_THAT(Run(Request("big.csv"), stopping.context()), IsError(ErrorKind::kCancelled));
  EXPECT_GT(stopping.done(), 0) << "it had begun";
  EXPECT_THAT(pond_.catalog()->Load({"shop", "orders"}), IsError(ErrorKind::kNotFound));
  EXPECT_EQ(Commits(), 0U);
  EXPECT_EQ(Run(Request("big.csv")).ValueOrDie().tables[0].rows, 200000);
}

TEST_F(SyncTest, TheSameIdempotencyKeySyncsOnce) {
  File("d/a.csv", "id\n1\n");
  SyncRequest request = Request("d");
  request.idempotency_key = "nightly-1";
  const auto first = Run(request).ValueOrDie();
  File("d/b.csv", "id\n2\n");
  const auto second = Run(request).ValueOrDie();
  EXPECT_EQ(second.commit->id, first.commit->id);
  EXPECT_EQ(Rows("SELECT count(*) FROM shop.orders"), Json({{1}}));
  request.idempotency_key = "nightly-2";
  ASSERT_THAT(Run(request), IsOk());
  EXPECT_EQ(Rows("SELECT count(*) FROM shop.orders"), Json({{2}}));
}

TEST_F(SyncTest, ReportsAsJson) {
  File("a.csv", "id\n1\n");
  const Json json = ToJson(Run(Request("a.csv")).ValueOrDie());
  EXPECT_EQ(json["tables"][0]["table"], "shop.orders");
  EXPECT_EQ(json["tables"][0]["rows"], 1);
  EXPECT_EQ(json["tables"][0]["rejects_table"], nullptr);
  EXPECT_TRUE(json["commit"].is_string());
}

}  // namespace
}  // namespace millpond::ingest
