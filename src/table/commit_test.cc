// Pond commits: what lands, what is refused, and that nothing stays of what does not land.
#include "table/commit.h"

#include "base/error_matchers.h"
#include "table/pond_testing.h"
#include "table/snapshot_files.h"

namespace millpond::table {
namespace {

using base::ErrorKind;
using base::IsError;
using base::IsOk;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Values = std::vector<int64_t>;

const TableName kOrders{"shop", "orders"};
const TableName kItems{"shop", "items"};
const base::Context kContext;

class CommitTest : public ::testing::Test {
 protected:
  std::string Summary(const char* key, const TableName& name = kOrders) {
    auto table = pond_.catalog()->Load(name).ValueOrDie();
    const auto& summary = table.metadata->current_snapshot()->summary;
    auto found = summary.find(key);
    return found == summary.end() ? "none" : found->second;
  }
  PendingCommit Begin(const std::string& operation = "test") {
    return PendingCommit(pond_.catalog(), PondForTest::Info(operation));
  }

  PondForTest pond_;
};

TEST_F(CommitTest, CreateLandsTheFirstCommit) {
  auto commit = pond_.Create(kOrders, {10, 11, 12}).ValueOrDie();
  EXPECT_EQ(commit.sequence, 1);
  EXPECT_FALSE(commit.parent);
  ASSERT_THAT(commit.changes, SizeIs(1));
  EXPECT_EQ(commit.changes[0].operation, "create");
  EXPECT_FALSE(commit.changes[0].snapshot_before);
  EXPECT_TRUE(commit.changes[0].metadata_before.empty());

  Table table = pond_.catalog()->Load(kOrders).ValueOrDie();
  EXPECT_EQ(commit.changes[0].metadata_after, table.metadata_location);
  EXPECT_EQ(commit.changes[0].snapshot_after, table.metadata->current_snapshot_id);
  EXPECT_EQ(table.metadata->properties.at("write.parquet.compression-codec"), "zstd");
  EXPECT_THAT(table.metadata->schema().identifier_field_ids, ElementsAre(1));
  EXPECT_THAT(table.metadata_location, HasSubstr("/metadata/00000-"));
  EXPECT_EQ(pond_.Values(kOrders), (Values{10, 11, 12}));
  EXPECT_EQ(pond_.Values(kOrders, "", "sample_id"), (Values{0, 1, 2}));
  EXPECT_EQ(Summary("operation"), "append");
  EXPECT_EQ(Summary("total-records"), "3");
  EXPECT_EQ(Summary("millpond.commit-id"), commit.id);
}

TEST_F(CommitTest, AppendsKeepRowsAndOrderAndNumberOn) {
  ASSERT_THAT(pond_.Create(kOrders, {1, 2}), IsOk());
  ASSERT_THAT(pond_.Append(kOrders, {3}), IsOk());
  auto third = pond_.Append(kOrders, {4, 5}).ValueOrDie();
  EXPECT_EQ(third.sequence, 3);
  EXPECT_EQ(pond_.Values(kOrders), (Values{1, 2, 3, 4, 5}));
  EXPECT_EQ(pond_.Values(kOrders, "", "sample_id"), (Values{0, 1, 2, 3, 4}));
  EXPECT_EQ(Summary("total-records"), "5");
  EXPECT_EQ(Summary("total-data-files"), "3");
  EXPECT_EQ(Summary("added-records"), "2");
}

TEST_F(CommitTest, OverwriteReplacesAndSaysWhatWent) {
  ASSERT_THAT(pond_.Create(kOrders, {1, 2, 3}), IsOk());
  ASSERT_THAT(pond_.Append(kOrders, {4}), IsOk());
  auto commit = pond_.Overwrite(kOrders, {7, 8}).ValueOrDie();
  EXPECT_EQ(commit.changes[0].operation, "overwrite");
  EXPECT_EQ(pond_.Values(kOrders), (Values{7, 8}));
  EXPECT_EQ(Summary("operation"), "overwrite");
  EXPECT_EQ(Summary("deleted-data-files"), "2");
  EXPECT_EQ(Summary("deleted-records"), "4");
  EXPECT_EQ(Summary("total-records"), "2");
  ASSERT_THAT(pond_.Append(kOrders, {9}), IsOk());
  EXPECT_EQ(pond_.Values(kOrders), (Values{7, 8, 9}));
  // What only lists removed files does not follow into later snapshots.
  auto table = pond_.catalog()->Load(kOrders).ValueOrDie();
  auto list = LoadManifestList(*pond_.store(), *table.metadata->current_snapshot()).ValueOrDie();
  EXPECT_THAT(list, SizeIs(2));
}

TEST_F(CommitTest, OverwriteWithNothingEmptiesTheTable) {
  ASSERT_THAT(pond_.Create(kOrders, {1}), IsOk());
  auto commit = Begin();
  const auto base = commit.Existing(kOrders).ValueOrDie().metadata->current_snapshot_id;
  ASSERT_THAT(commit.Overwrite(kOrders, {}, base), IsOk());
  ASSERT_THAT(commit.Land(kContext), IsOk());
  EXPECT_EQ(pond_.Values(kOrders), Values{});
  EXPECT_EQ(Summary("operation"), "delete");
  EXPECT_EQ(Summary("total-records"), "0");
}

TEST_F(CommitTest, OverwriteOfATableThatHadNoRowsConflictsToo) {
  ASSERT_THAT(pond_.Create(kOrders, {}), IsOk());
  ASSERT_FALSE(pond_.catalog()->Load(kOrders).ValueOrDie().metadata->current_snapshot_id);
  auto commit = Begin("clean");
  auto files = pond_.Write(commit, kOrders, *PondForTest::Batch({5}));
  ASSERT_THAT(commit.Overwrite(kOrders, std::move(files), {}), IsOk());
  ASSERT_THAT(pond_.Append(kOrders, {2}), IsOk());
  EXPECT_THAT(commit.Land(kContext), IsError(ErrorKind::kConflict, HasSubstr("newer snapshot")));
  EXPECT_EQ(pond_.Values(kOrders), Values{2});
}

TEST_F(CommitTest, OverwriteOfAnOlderSnapshotConflicts) {
  ASSERT_THAT(pond_.Create(kOrders, {1}), IsOk());
  const auto base = pond_.catalog()->Load(kOrders).ValueOrDie().metadata->current_snapshot_id;
  {
    auto commit = Begin("clean");
    auto files = pond_.Write(commit, kOrders, *PondForTest::Batch({5}));
    ASSERT_THAT(commit.Overwrite(kOrders, std::move(files), base), IsOk());
    ASSERT_THAT(pond_.Append(kOrders, {2}), IsOk());
    EXPECT_THAT(commit.Land(kContext), IsError(ErrorKind::kConflict, HasSubstr("newer snapshot")));
  }
  EXPECT_EQ(pond_.Values(kOrders), (Values{1, 2}));
  auto commit = Begin("clean");
  const auto now = pond_.catalog()->Load(kOrders).ValueOrDie().metadata->current_snapshot_id;
  ASSERT_THAT(
      commit.Overwrite(kOrders, pond_.Write(commit, kOrders, *PondForTest::Batch({6})), now),
      IsOk());
  ASSERT_THAT(commit.Land(kContext), IsOk());
  EXPECT_EQ(pond_.Values(kOrders), Values{6});
}

TEST_F(CommitTest, SeveralTablesLandTogether) {
  ASSERT_THAT(pond_.Create(kOrders, {1}), IsOk());
  auto commit = Begin("sync");
  ASSERT_THAT(commit.Create(kItems, PondForTest::Columns()), IsOk());
  ASSERT_THAT(commit.Append(kItems, pond_.Write(commit, kItems, *PondForTest::Batch({100}))),
              IsOk());
  ASSERT_THAT(commit.Append(kOrders, pond_.Write(commit, kOrders, *PondForTest::Batch({2}))),
              IsOk());
  auto landed = commit.Land(kContext).ValueOrDie();
  ASSERT_THAT(landed.changes, SizeIs(2));
  EXPECT_EQ(pond_.Values(kItems), Values{100});
  EXPECT_EQ(pond_.Values(kOrders), (Values{1, 2}));
}

TEST_F(CommitTest, OneRefusedTableHoldsTheOthersBack) {
  ASSERT_THAT(pond_.Create(kOrders, {1}), IsOk());
  const auto before = pond_.Blobs();
  {
    auto commit = Begin("sync");
    ASSERT_THAT(commit.Create(kItems, PondForTest::Columns()), IsOk());
    ASSERT_THAT(commit.Append(kOrders, pond_.Write(commit, kOrders, *PondForTest::Batch({2}))),
                IsOk());
    ASSERT_THAT(pond_.Create(kItems, {}), IsOk());
    EXPECT_THAT(commit.Land(kContext), IsError(ErrorKind::kAlreadyExists, HasSubstr("shop.items")));
  }
  EXPECT_EQ(pond_.Values(kOrders), Values{1});
  EXPECT_THAT(pond_.Blobs(), SizeIs(before.size() + 1));  // The other's metadata.
}

TEST_F(CommitTest, CallersLedgerChangesLandWithIt) {
  auto insert = [] {
    ledger::Transaction changes;
    changes.Insert("experiment",
                   {{"name", std::string("e1")}, {"description", std::string()}, {"created_ms", 0}},
                   "experiment e1 exists");
    return changes;
  };
  auto commit = Begin();
  ASSERT_THAT(commit.Create(kOrders, PondForTest::Columns()), IsOk());
  commit.AddLedgerChanges(insert());
  ASSERT_THAT(commit.Land(kContext), IsOk());
  EXPECT_THAT(pond_.ledger()->Select({.table = "experiment"}).ValueOrDie(), SizeIs(1));

  auto again = Begin();
  ASSERT_THAT(again.Create(kItems, PondForTest::Columns()), IsOk());
  again.AddLedgerChanges(insert());
  EXPECT_THAT(again.Land(kContext),
              IsError(ErrorKind::kAlreadyExists, HasSubstr("experiment e1 exists")));
  EXPECT_THAT(pond_.catalog()->Load(kItems), IsError(ErrorKind::kNotFound));
  auto log = pond_.history().Log(-1).ValueOrDie();
  EXPECT_THAT(log, SizeIs(1));
}

TEST_F(CommitTest, SameIdempotencyKeyLandsOnce) {
  ASSERT_THAT(pond_.Create(kOrders, {}), IsOk());
  auto land = [&](int64_t value) {
    CommitInfo info = PondForTest::Info("sync");
    info.idempotency_key = "file-7";
    PendingCommit commit(pond_.catalog(), std::move(info));
    EXPECT_THAT(commit.Append(kOrders, pond_.Write(commit, kOrders, *PondForTest::Batch({value}))),
                IsOk());
    return commit.Land(kContext);
  };
  auto first = land(1).ValueOrDie();
  const auto blobs = pond_.Blobs();
  auto second = land(2).ValueOrDie();
  EXPECT_EQ(first.id, second.id);
  EXPECT_THAT(second.changes, SizeIs(1));
  EXPECT_EQ(pond_.Values(kOrders), Values{1});
  EXPECT_EQ(pond_.Blobs(), blobs);
}

TEST_F(CommitTest, AnIdempotencyKeyStandsForOneRequest) {
  ASSERT_THAT(pond_.Create(kOrders, {}), IsOk());
  ASSERT_THAT(pond_.Create(kItems, {}), IsOk());
  auto land = [&](const TableName& name, const std::string& operation, const std::string& key,
                  base::Json request = {}) {
    CommitInfo info = PondForTest::Info(operation);
    info.idempotency_key = key;
    info.request = std::move(request);
    PendingCommit commit(pond_.catalog(), std::move(info));
    EXPECT_THAT(commit.Append(name, pond_.Write(commit, name, *PondForTest::Batch({1}))), IsOk());
    return commit.Land(kContext);
  };
  ASSERT_THAT(land(kOrders, "append", "a"), IsOk());
  ASSERT_THAT(land(kOrders, "append", "b", {{"rows", 1}}), IsOk());
  const auto blobs = pond_.Blobs();
  const auto refused = IsError(ErrorKind::kAlreadyExists, HasSubstr("key 'a'"));
  EXPECT_THAT(land(kItems, "append", "a"), refused);
  EXPECT_THAT(land(kOrders, "sync", "a"), refused);
  EXPECT_THAT(land(kOrders, "append", "b", {{"rows", 2}}), IsError(ErrorKind::kAlreadyExists));
  EXPECT_EQ(pond_.Blobs(), blobs);
  EXPECT_THAT(land(kOrders, "append", "a"), IsOk());
  EXPECT_THAT(land(kOrders, "append", "b", {{"rows", 1}}), IsOk());
  EXPECT_EQ(pond_.Blobs(), blobs);
}

TEST_F(CommitTest, NothingStaysOfACommitThatIsLetGo) {
  ASSERT_THAT(pond_.Create(kOrders, {1}), IsOk());
  const auto before = pond_.Blobs();
  {
    auto commit = Begin();
    ASSERT_THAT(commit.Append(kOrders, pond_.Write(commit, kOrders, *PondForTest::Batch({2}))),
                IsOk());
    EXPECT_THAT(pond_.Blobs(), SizeIs(before.size() + 1));
  }
  EXPECT_EQ(pond_.Blobs(), before);
}

TEST_F(CommitTest, CancelledLandLeavesNothing) {
  ASSERT_THAT(pond_.Create(kOrders, {1}), IsOk());
  const auto before = pond_.Blobs();
  std::stop_source stop;
  stop.request_stop();
  base::Context context;
  context.stop = stop.get_token();
  {
    auto commit = Begin();
    ASSERT_THAT(commit.Append(kOrders, pond_.Write(commit, kOrders, *PondForTest::Batch({2}))),
                IsOk());
    EXPECT_THAT(commit.Land(context), IsError(ErrorKind::kCancelled));
  }
  EXPECT_EQ(pond_.Blobs(), before);
}

TEST_F(CommitTest, EmptyCommitsAreRefused) {
  ASSERT_THAT(pond_.Create(kOrders, {1}), IsOk());
  EXPECT_THAT(Begin().Land(kContext), IsError(ErrorKind::kInvalid, HasSubstr("nothing to commit")));
  auto commit = Begin();
  ASSERT_THAT(commit.Append(kOrders, {}), IsOk());
  ASSERT_THAT(commit.EvolveTo(kOrders, PondForTest::Columns()), IsOk());
  ASSERT_THAT(commit.Record(kItems), IsOk());
  EXPECT_THAT(commit.Land(kContext), IsError(ErrorKind::kNotFound));
  CommitInfo info;
  info.operation = "x";
  PendingCommit nobody(pond_.catalog(), std::move(info));
  EXPECT_THAT(nobody.Land(kContext), IsError(ErrorKind::kInvalid, HasSubstr("author")));
}

TEST_F(CommitTest, UnknownTablesAreNamed) {
  ASSERT_THAT(pond_.Create(kOrders, {1}), IsOk());
  auto commit = Begin();
  EXPECT_THAT(commit.Append({"shop", "order"}, {}),
              IsError(ErrorKind::kNotFound, HasSubstr("shop.orders")));
  EXPECT_THAT(commit.SchemaOf({"shop", "nothing"}), IsError(ErrorKind::kNotFound));
  EXPECT_THAT(Begin().Create(kOrders, PondForTest::Columns()), IsError(ErrorKind::kAlreadyExists));
}

TEST_F(CommitTest, EvolutionAddsAndWidens) {
  auto before = Begin();
  ASSERT_THAT(before.Create(kOrders, arrow::schema({arrow::field("n", arrow::int32())})), IsOk());
  ASSERT_THAT(before.Land(kContext), IsOk());

  auto commit = Begin();
  ASSERT_THAT(commit.EvolveTo(kOrders, arrow::schema({arrow::field("value", arrow::int64(), false),
                                                      arrow::field("n", arrow::int64())})),
              IsOk());
  auto schema = commit.SchemaOf(kOrders).ValueOrDie();
  EXPECT_EQ(schema->field_names(), (std::vector<std::string>{"n", "value"}));
  EXPECT_TRUE(schema->field(0)->type()->Equals(arrow::int64()));
  EXPECT_TRUE(schema->field(1)->nullable());
  EXPECT_EQ(FieldIdOf(*schema->field(1)), 2);
  ASSERT_THAT(commit.Append(kOrders, pond_.Write(commit, kOrders, *PondForTest::Batch({3}))),
              IsOk());
  auto landed = commit.Land(kContext).ValueOrDie();
  EXPECT_EQ(landed.changes[0].schema_id, 1);
  EXPECT_EQ(pond_.Values(kOrders), Values{3});

  EXPECT_THAT(Begin().EvolveTo(kOrders, arrow::schema({arrow::field("n", arrow::utf8()),
                                                       arrow::field("value", arrow::float64())})),
              IsError(ErrorKind::kInvalid,
                      ::testing::AllOf(HasSubstr("n is int64"), HasSubstr("value is int64"))));
}

TEST_F(CommitTest, SchemaChangeOfAnotherConflicts) {
  ASSERT_THAT(pond_.Create(kOrders, {1}), IsOk());
  auto grow = [&](PendingCommit& commit, const char* column) {
    return commit.EvolveTo(kOrders, arrow::schema({arrow::field(column, arrow::utf8())}));
  };
  auto first = Begin(), second = Begin(), append = Begin();
  ASSERT_THAT(grow(first, "a"), IsOk());
  ASSERT_THAT(grow(second, "b"), IsOk());
  ASSERT_THAT(append.Append(kOrders, pond_.Write(append, kOrders, *PondForTest::Batch({2}))),
              IsOk());
  ASSERT_THAT(first.Land(kContext), IsOk());
  EXPECT_THAT(second.Land(kContext),
              IsError(ErrorKind::kConflict, HasSubstr("columns of shop.orders")));
  // Rows without the new column still fit.
  EXPECT_THAT(append.Land(kContext), IsOk());
  EXPECT_EQ(pond_.Values(kOrders), (Values{1, 2}));
}

TEST_F(CommitTest, ReplacedColumnsKeepRenameOrStartAnew) {
  ASSERT_THAT(pond_.Create(kOrders, {1, 2}), IsOk());
  auto old = pond_.catalog()->Load(kOrders).ValueOrDie().metadata->schema().arrow;
  auto commit = Begin();
  ASSERT_THAT(
      commit.ReplaceSchema(kOrders, arrow::schema({old->field(0), old->field(1)->WithName("amount"),
                                                   arrow::field("value", arrow::float64())})),
      IsOk());
  auto schema = commit.SchemaOf(kOrders).ValueOrDie();
  EXPECT_EQ(schema->field_names(), (std::vector<std::string>{"sample_id", "amount", "value"}));
  EXPECT_EQ(FieldIdOf(*schema->field(1)), 2);
  EXPECT_EQ(FieldIdOf(*schema->field(2)), 3);
  EXPECT_THAT(commit.Land(kContext),
              IsError(ErrorKind::kInvalid, HasSubstr("overwrite the table in this commit")));

  auto appending = Begin();
  ASSERT_THAT(appending.Append(kOrders, pond_.Write(appending, kOrders, *PondForTest::Batch({9}))),
              IsOk());
  auto again = Begin();
  ASSERT_THAT(again.ReplaceSchema(
                  kOrders, arrow::schema({old->field(0), arrow::field("n", arrow::int64())})),
              IsOk());
  auto batch = PondForTest::Batch({7})->RenameColumns({"n"}).ValueOrDie();
  const auto base = again.Existing(kOrders).ValueOrDie().metadata->current_snapshot_id;
  ASSERT_THAT(again.Overwrite(kOrders, pond_.Write(again, kOrders, *batch), base), IsOk());
  ASSERT_THAT(again.Land(kContext), IsOk());
  EXPECT_EQ(pond_.Values(kOrders, "", "n"), Values{7});
  EXPECT_EQ(pond_.Values(kOrders, "~1"), (Values{1, 2}));
  // Rows of a column that is gone must not vanish into it.
  EXPECT_THAT(appending.Land(kContext), IsError(ErrorKind::kConflict, HasSubstr("value")));
}

TEST_F(CommitTest, ReplacedColumnsMustKeepTheIdentifier) {
  ASSERT_THAT(pond_.Create(kOrders, {1}), IsOk());
  EXPECT_THAT(Begin().ReplaceSchema(kOrders, arrow::schema({arrow::field("n", arrow::int64())})),
              IsError(ErrorKind::kInvalid, HasSubstr("names its rows")));
  auto stranger =
      arrow::field("n", arrow::int64(), true, arrow::key_value_metadata({kFieldIdKey}, {"77"}));
  EXPECT_THAT(Begin().ReplaceSchema(kOrders, arrow::schema({stranger})),
              IsError(ErrorKind::kInvalid, HasSubstr("field id 77")));
}

TEST_F(CommitTest, DropRemovesThePointerAndKeepsTheFiles) {
  ASSERT_THAT(pond_.Create(kOrders, {1}), IsOk());
  const auto blobs = pond_.Blobs();
  auto commit = Begin("drop");
  ASSERT_THAT(commit.Drop(kOrders), IsOk());
  EXPECT_THAT(commit.Append(kOrders, {}),
              IsError(ErrorKind::kInvalid, HasSubstr("separate commit")));
  auto landed = commit.Land(kContext).ValueOrDie();
  EXPECT_EQ(landed.changes[0].operation, "drop");
  EXPECT_THAT(pond_.catalog()->Load(kOrders), IsError(ErrorKind::kNotFound));
  EXPECT_EQ(pond_.Blobs(), blobs);
  ASSERT_THAT(pond_.Create(kOrders, {9}), IsOk());
  EXPECT_EQ(pond_.Values(kOrders), Values{9});
  EXPECT_EQ(pond_.Values(kOrders, "", "sample_id"), Values{0});
}

TEST_F(CommitTest, AppendToARecreatedTableConflicts) {
  ASSERT_THAT(pond_.Create(kOrders, {1}), IsOk());
  auto append = Begin();
  ASSERT_THAT(append.Append(kOrders, pond_.Write(append, kOrders, *PondForTest::Batch({2}))),
              IsOk());
  auto drop = Begin("drop");
  ASSERT_THAT(drop.Drop(kOrders), IsOk());
  ASSERT_THAT(drop.Land(kContext), IsOk());
  ASSERT_THAT(pond_.Create(kOrders, {7}), IsOk());
  EXPECT_THAT(append.Land(kContext), IsError(ErrorKind::kConflict, HasSubstr("created anew")));
  EXPECT_EQ(pond_.Values(kOrders), Values{7});
}

TEST_F(CommitTest, MetadataFilesAreTrimmed) {
  WriteSettings settings;
  settings.metadata_versions_max = 3;
  pond_.Use(settings);
  ASSERT_THAT(pond_.Create(kOrders, {0}), IsOk());
  for (int64_t i = 1; i < 8; ++i) ASSERT_THAT(pond_.Append(kOrders, {i}), IsOk());
  size_t documents = 0;
  for (const auto& path : pond_.Blobs()) documents += path.ends_with(".metadata.json");
  EXPECT_EQ(documents, 4u);  // The current one and three before it.
  EXPECT_EQ(pond_.Values(kOrders), (Values{0, 1, 2, 3, 4, 5, 6, 7}));
  EXPECT_EQ(pond_.Values(kOrders, "~7"), Values{0});
}

TEST_F(CommitTest, ManyManifestsAreMerged) {
  ASSERT_THAT(pond_.Create(kOrders, {0}), IsOk());
  Values expected{0};
  for (int64_t i = 1; i < 105; ++i) {
    ASSERT_THAT(pond_.Append(kOrders, {i}), IsOk());
    expected.push_back(i);
  }
  auto table = pond_.catalog()->Load(kOrders).ValueOrDie();
  auto list = LoadManifestList(*pond_.store(), *table.metadata->current_snapshot()).ValueOrDie();
  EXPECT_LT(list.size(), 10u);
  EXPECT_EQ(pond_.Values(kOrders), expected);
  EXPECT_EQ(Summary("total-data-files"), "105");
}

}  // namespace
}  // namespace millpond::table
