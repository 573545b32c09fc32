// Commits on branches: what each branch sees, what other engines see, lanes, cost and races.
#include <thread>

#include "table/branch_testing.h"
#include "table/branch_view.h"
#include "table/commit_path.h"

namespace millpond::table {
namespace {

using base::ErrorKind;
using base::IsError;
using base::IsOk;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

using BranchCommitTest = BranchTest;

TEST_F(BranchCommitTest, ABranchCostsOneRowAndSeesWhatItBeganWith) {
  ASSERT_THAT(Create("main", kOrders, {1}), IsOk());
  ASSERT_THAT(Append("main", kOrders, {2}), IsOk());
  const auto rows = RowCounts();
  const auto blobs = pond_.Blobs();
  ASSERT_THAT(Branch("exp"), IsOk());
  ASSERT_THAT(Branch("old", "~1"), IsOk());
  auto expected = rows;
  expected["pond_ref"] += 2;
  EXPECT_EQ(RowCounts(), expected);
  EXPECT_EQ(pond_.Blobs(), blobs);
  EXPECT_EQ(pond_.Values(kOrders, "exp"), (Values{1, 2}));
  EXPECT_EQ(pond_.Values(kOrders, "old"), (Values{1}));
  ASSERT_THAT(Append("main", kOrders, {3}), IsOk());
  EXPECT_EQ(pond_.Values(kOrders, "exp"), (Values{1, 2}));
}

TEST_F(BranchCommitTest, ACommitOnABranchWritesOnlyWhatItChanges) {
  for (int i = 0; i < 20; ++i) {
    ASSERT_THAT(Create("main", {"shop", "t" + std::to_string(i)}, {i}), IsOk());
  }
  ASSERT_THAT(Create("main", kOrders, {1}), IsOk());
  ASSERT_THAT(Branch("exp", "~1"), IsOk());
  ASSERT_THAT(Branch("exp2"), IsOk());
  auto rows = RowCounts();
  const size_t blobs = pond_.Blobs().size();
  ASSERT_THAT(Append("exp2", kOrders, {2}), IsOk());
  rows["pond_commit"] += 1;
  rows["pond_commit_table"] += 1;
  rows["pond_branch_table"] += 1;
  EXPECT_EQ(RowCounts(), rows);
  EXPECT_EQ(pond_.Blobs().size(), blobs + 4);  // Data, manifest, manifest list, metadata.
  // Where the lane went on elsewhere, a lane more.
  ASSERT_THAT(Append("exp", {"shop", "t1"}, {2}), IsOk());
  rows["pond_commit"] += 1;
  rows["pond_commit_table"] += 1;
  rows["pond_branch_table"] += 1;
  rows["pond_lane"] += 1;
  EXPECT_EQ(RowCounts(), rows);
  EXPECT_EQ(pond_.Blobs().size(), blobs + 8);
}

TEST_F(BranchCommitTest, OtherEnginesSeeTheBranchInTheTablesThatItChanged) {
  auto first = Create("main", kOrders, {1}).ValueOrDie();
  ASSERT_THAT(Create("main", kItems, {9}), IsOk());
  ASSERT_THAT(Branch("exp"), IsOk());
  auto second = Append("exp", kOrders, {2}).ValueOrDie();
  Table orders = Stored(kOrders);
  EXPECT_EQ(orders.metadata->current_snapshot_id, first.changes[0].snapshot_after);
  ASSERT_TRUE(orders.metadata->refs.contains("exp"));
  EXPECT_EQ(orders.metadata->refs.at("exp").snapshot_id, *second.changes[0].snapshot_after);
  EXPECT_FALSE(orders.metadata->refs.at("exp").is_tag);
  const Snapshot* snapshot = orders.metadata->SnapshotById(*second.changes[0].snapshot_after);
  EXPECT_EQ(snapshot->parent_id, first.changes[0].snapshot_after);
  EXPECT_FALSE(Stored(kItems).metadata->refs.contains("exp"));
  EXPECT_EQ(pond_.Values(kOrders, "exp"), (Values{1, 2}));
  EXPECT_EQ(pond_.Values(kOrders, ""), (Values{1}));
  EXPECT_THAT(history_.Unrecorded("exp").ValueOrDie(), IsEmpty());
  EXPECT_THAT(history_.Unrecorded().ValueOrDie(), IsEmpty());
}

TEST_F(BranchCommitTest, BranchesGoTheirOwnWaysOnOneTable) {
  ASSERT_THAT(Create("main", kOrders, {1}), IsOk());
  ASSERT_THAT(Branch("a"), IsOk());
  ASSERT_THAT(Branch("b"), IsOk());
  auto a = Append("a", kOrders, {10}).ValueOrDie();
  auto b = Append("b", kOrders, {20}).ValueOrDie();
  auto main = Append("main", kOrders, {30}).ValueOrDie();
  ASSERT_THAT(Append("a", kOrders, {11}), IsOk());
  EXPECT_EQ(pond_.Values(kOrders, "a"), (Values{1, 10, 11}));
  EXPECT_EQ(pond_.Values(kOrders, "b"), (Values{1, 20}));
  EXPECT_EQ(pond_.Values(kOrders, "main"), (Values{1, 30}));
  EXPECT_EQ(pond_.Values(kOrders, "a~1"), (Values{1, 10}));
  EXPECT_EQ(pond_.Values(kOrders, "a~2"), (Values{1}));
  EXPECT_EQ(pond_.Values(kOrders, b.id), (Values{1, 20}));
  EXPECT_THAT(history_.Resolve("a~3"), IsError(ErrorKind::kNotFound, HasSubstr("there are 3")));
  // The first to go on takes the lane, the others open lanes of their own.
  EXPECT_EQ(a.lane, "main");
  EXPECT_EQ(b.lane, b.id);
  EXPECT_EQ(main.lane, main.id);
  for (const auto& commit : {a, b, main}) EXPECT_EQ(commit.generation, 2);
  auto path = PathTo(*pond_.ledger(), {b.lane, b.generation}).ValueOrDie();
  EXPECT_THAT(path, ElementsAre(LanePoint{b.id, 2}, LanePoint{"main", 1}));
}

TEST_F(BranchCommitTest, TimesAndParentsAreReadAlongThePath) {
  auto first = Create("main", kOrders, {1}).ValueOrDie();
  ASSERT_THAT(Branch("exp"), IsOk());
  std::this_thread::sleep_for(std::chrono::milliseconds(3));
  auto on_exp = Append("exp", kOrders, {2}).ValueOrDie();
  std::this_thread::sleep_for(std::chrono::milliseconds(3));
  auto on_main = Append("main", kOrders, {3}).ValueOrDie();
  EXPECT_EQ(on_main.parent, first.id);
  // A time is one of main, where nothing happened between the first commit and the last.
  auto by = [&](int64_t ms) {
    auto path = PathTo(*pond_.ledger(), PointOf(on_main)).ValueOrDie();
    return CommitBy(*pond_.ledger(), path, ms).ValueOrDie()->id;
  };
  EXPECT_EQ(by(on_exp.created_ms), first.id);
  EXPECT_EQ(by(on_main.created_ms), on_main.id);
  EXPECT_EQ(history_.Resolve("2999-01-01").ValueOrDie()->id, on_main.id);
}

TEST_F(BranchCommitTest, ATableMadeOnABranchIsThereOnly) {
  ASSERT_THAT(Create("main", kItems, {9}), IsOk());
  ASSERT_THAT(Branch("exp"), IsOk());
  ASSERT_THAT(Create("exp", kOrders, {1}), IsOk());
  EXPECT_EQ(pond_.Values(kOrders, "exp"), (Values{1}));
  EXPECT_THAT(history_.At(kOrders, ""),
              IsError(ErrorKind::kNotFound, HasSubstr("shop.orders@exp")));
  EXPECT_THAT(TablesAt(""), ElementsAre("shop.items"));
  EXPECT_THAT(TablesAt("exp"), ElementsAre("shop.items", "shop.orders"));
  Table stored = Stored(kOrders);
  EXPECT_FALSE(stored.metadata->current_snapshot_id);
  EXPECT_EQ(stored.metadata->properties.at(kBranchOnlyProperty), "exp");
  EXPECT_FALSE(stored.metadata->refs.contains("main"));
  // The name is taken for all.
  EXPECT_THAT(Create("main", kOrders, {2}),
              IsError(ErrorKind::kAlreadyExists, HasSubstr("another branch")));
  EXPECT_THAT(Append("main", kOrders, {2}), IsError(ErrorKind::kNotFound));
  EXPECT_THAT(history_.Unrecorded().ValueOrDie(), IsEmpty());
  // A branch of the branch has it too.
  ASSERT_THAT(Branch("exp2", "exp"), IsOk());
  ASSERT_THAT(Append("exp2", kOrders, {2}), IsOk());
  EXPECT_EQ(pond_.Values(kOrders, "exp2"), (Values{1, 2}));
  EXPECT_EQ(pond_.Values(kOrders, "exp"), (Values{1}));
}

TEST_F(BranchCommitTest, AnEmptyTableMadeOnABranch) {
  ASSERT_THAT(Branch("exp"), IsOk());
  ASSERT_THAT(Create("exp", kOrders, {}), IsOk());
  EXPECT_EQ(pond_.Values(kOrders, "exp"), Values{});
  EXPECT_THAT(TablesAt(""), IsEmpty());
  ASSERT_THAT(Append("exp", kOrders, {1}), IsOk());
  EXPECT_EQ(pond_.Values(kOrders, "exp"), (Values{1}));
}

TEST_F(BranchCommitTest, DroppingOnABranchLeavesMain) {
  ASSERT_THAT(Create("main", kOrders, {1}), IsOk());
  ASSERT_THAT(Branch("exp"), IsOk());
  ASSERT_THAT(Append("exp", kOrders, {2}), IsOk());
  ASSERT_THAT(Drop("exp", kOrders), IsOk());
  EXPECT_THAT(history_.At(kOrders, "exp"), IsError(ErrorKind::kNotFound));
  EXPECT_THAT(TablesAt("exp"), IsEmpty());
  EXPECT_EQ(pond_.Values(kOrders, ""), (Values{1}));
  EXPECT_EQ(pond_.Values(kOrders, "exp~1"), (Values{1, 2}));
  EXPECT_FALSE(Stored(kOrders).metadata->refs.contains("exp"));
  EXPECT_THAT(history_.Unrecorded("exp").ValueOrDie(), IsEmpty());
}

TEST_F(BranchCommitTest, DroppingOnMainLeavesBranches) {
  ASSERT_THAT(Create("main", kOrders, {1}), IsOk());
  ASSERT_THAT(Branch("changed"), IsOk());
  ASSERT_THAT(Branch("looking"), IsOk());
  ASSERT_THAT(Append("changed", kOrders, {2}), IsOk());
  ASSERT_THAT(Drop("main", kOrders), IsOk());
  EXPECT_THAT(TablesAt(""), IsEmpty());
  EXPECT_THAT(history_.At(kOrders, ""), IsError(ErrorKind::kNotFound));
  EXPECT_THAT(history_.Unrecorded().ValueOrDie(), IsEmpty());
  EXPECT_EQ(pond_.Values(kOrders, "changed"), (Values{1, 2}));
  EXPECT_EQ(pond_.Values(kOrders, "looking"), (Values{1}));
  EXPECT_EQ(pond_.Values(kOrders, "main~1"), (Values{1}));
  ASSERT_THAT(Append("looking", kOrders, {3}), IsOk());
  EXPECT_EQ(pond_.Values(kOrders, "looking"), (Values{1, 3}));
  EXPECT_EQ(pond_.Values(kOrders, "changed"), (Values{1, 2}));
}

TEST_F(BranchCommitTest, ABranchGoesOnWithATableThatTheCatalogLost) {
  ASSERT_THAT(Create("main", kOrders, {1}), IsOk());
  ASSERT_THAT(Branch("exp"), IsOk());
  ASSERT_THAT(Drop("main", kOrders), IsOk());
  EXPECT_THAT(pond_.catalog()->Load(kOrders), IsError(ErrorKind::kNotFound));
  EXPECT_EQ(pond_.Values(kOrders, "exp"), (Values{1}));
  ASSERT_THAT(Append("exp", kOrders, {2}), IsOk());
  EXPECT_EQ(pond_.Values(kOrders, "exp"), (Values{1, 2}));
  EXPECT_THAT(TablesAt(""), IsEmpty());
  EXPECT_EQ(pond_.Values(kOrders, "main~1"), (Values{1}));
}

TEST_F(BranchCommitTest, ANameThatBelongsToANewTableByNowIsAConflict) {
  ASSERT_THAT(Create("main", kOrders, {1}), IsOk());
  ASSERT_THAT(Branch("exp"), IsOk());
  ASSERT_THAT(Drop("main", kOrders), IsOk());
  ASSERT_THAT(Create("main", kOrders, {7}), IsOk());
  EXPECT_EQ(pond_.Values(kOrders, "exp"), (Values{1}));
  EXPECT_THAT(Append("exp", kOrders, {2}),
              IsError(ErrorKind::kConflict, HasSubstr("another table by now")));
}

TEST_F(BranchCommitTest, ColumnsOfABranchStayThere) {
  ASSERT_THAT(Create("main", kOrders, {1}), IsOk());
  ASSERT_THAT(Branch("exp"), IsOk());
  ASSERT_THAT(AddColumn("exp", kOrders, "note"), IsOk());
  EXPECT_THAT(ColumnsAt(kOrders, "exp"), ElementsAre("sample_id", "value", "note"));
  EXPECT_THAT(ColumnsAt(kOrders, ""), ElementsAre("sample_id", "value"));
  ASSERT_THAT(AddColumn("main", kOrders, "colour"), IsOk());
  EXPECT_THAT(ColumnsAt(kOrders, ""), ElementsAre("sample_id", "value", "colour"));
  ASSERT_THAT(Append("exp", kOrders, {2}), IsOk());
  EXPECT_THAT(ColumnsAt(kOrders, "exp"), ElementsAre("sample_id", "value", "note"));
  EXPECT_EQ(pond_.Values(kOrders, "exp"), (Values{1, 2}));
  // Field ids are the table's, so no two columns share one.
  auto id = [&](const std::string& ref, const std::string& column) {
    return *FieldIdOf(*history_.At(kOrders, ref).ValueOrDie().schema->GetFieldByName(column));
  };
  EXPECT_NE(id("exp", "note"), id("", "colour"));
}

TEST_F(BranchCommitTest, WhatOtherEnginesCommitToTheBranchIsAdopted) {
  ASSERT_THAT(Create("main", kOrders, {1}), IsOk());
  ASSERT_THAT(Branch("exp"), IsOk());
  ASSERT_THAT(Branch("other"), IsOk());
  ASSERT_THAT(AddColumn("exp", kOrders, "note"), IsOk());
  auto theirs = Append("other", kOrders, {2}).ValueOrDie();
  // Another engine moves the Iceberg branch; the columns that the branch has stay.
  SwapAsAnotherEngine(kOrders, [&](TableMetadata* next) {
    next->refs["exp"] = {*theirs.changes[0].snapshot_after, false};
  });
  EXPECT_EQ(pond_.Values(kOrders, "exp"), (Values{1, 2}));
  EXPECT_THAT(ColumnsAt(kOrders, "exp"), ElementsAre("sample_id", "value", "note"));
  EXPECT_THAT(history_.Unrecorded("exp").ValueOrDie(), ElementsAre(kOrders));
  EXPECT_THAT(history_.Unrecorded().ValueOrDie(), IsEmpty());
  {
    PendingCommit commit(pond_.catalog(), InfoOn("exp", "record"));
    ASSERT_THAT(commit.Record(kOrders), IsOk());
    auto landed = commit.Land({}).ValueOrDie();
    EXPECT_EQ(landed.changes[0].operation, "record");
    EXPECT_EQ(landed.changes[0].snapshot_after, theirs.changes[0].snapshot_after);
  }
  EXPECT_THAT(history_.Unrecorded("exp").ValueOrDie(), IsEmpty());
  SwapAsAnotherEngine(kOrders, [&](TableMetadata* next) {
    next->refs["exp"] = {*next->current_snapshot_id, false};
  });
  auto adopting = Append("exp", kOrders, {3}).ValueOrDie();
  ASSERT_THAT(adopting.details["adopted"], SizeIs(1));
  EXPECT_EQ(adopting.details["adopted"][0]["table"], "shop.orders");
  EXPECT_EQ(pond_.Values(kOrders, "exp"), (Values{1, 3}));
}

TEST_F(BranchCommitTest, AForeignTagOfTheBranchsNameIsSaidSo) {
  ASSERT_THAT(Create("main", kOrders, {1}), IsOk());
  SwapAsAnotherEngine(
      kOrders, [](TableMetadata* next) { next->refs["exp"] = {*next->current_snapshot_id, true}; });
  ASSERT_THAT(Branch("exp"), IsOk());
  EXPECT_THAT(Append("exp", kOrders, {2}),
              IsError(ErrorKind::kAlreadyExists, HasSubstr("has a tag 'exp'")));
}

TEST_F(BranchCommitTest, MoveToPointsAtWhatIsThereAlready) {
  ASSERT_THAT(Create("main", kOrders, {1}), IsOk());
  ASSERT_THAT(Branch("exp"), IsOk());
  ASSERT_THAT(Append("exp", kOrders, {2}), IsOk());
  ASSERT_THAT(Create("exp", kItems, {9}), IsOk());
  const size_t blobs = pond_.Blobs().size();
  CommitInfo info = InfoOn("main", kMergeOperation);
  info.merge_parent = history_.Resolve("exp").ValueOrDie()->id;
  PendingCommit merge(pond_.catalog(), info);
  ASSERT_THAT(merge.Expect(kOrders, history_.At(kOrders, "main").ValueOrDie()), IsOk());
  ASSERT_THAT(merge.MoveTo(kOrders, history_.At(kOrders, "exp").ValueOrDie()), IsOk());
  ASSERT_THAT(merge.Expect(kItems, std::nullopt), IsOk());
  ASSERT_THAT(merge.MoveTo(kItems, history_.At(kItems, "exp").ValueOrDie()), IsOk());
  auto landed = merge.Land({}).ValueOrDie();
  EXPECT_EQ(landed.merge_parent, info.merge_parent);
  ASSERT_THAT(landed.changes, SizeIs(2));
  EXPECT_EQ(landed.changes[0].operation, "move");
  EXPECT_EQ(pond_.Blobs().size(), blobs + 2);  // One metadata file a table; no data.
  EXPECT_EQ(pond_.Values(kOrders, ""), (Values{1, 2}));
  EXPECT_EQ(pond_.Values(kItems, ""), (Values{9}));
  EXPECT_FALSE(Stored(kItems).metadata->properties.contains(kBranchOnlyProperty));
  // Back to what it was: a restore.
  PendingCommit restore(pond_.catalog(), InfoOn("main", "restore"));
  ASSERT_THAT(restore.MoveTo(kOrders, history_.At(kOrders, "main~1").ValueOrDie()), IsOk());
  ASSERT_THAT(restore.Land({}), IsOk());
  EXPECT_EQ(pond_.Values(kOrders, ""), (Values{1}));
  PendingCommit late(pond_.catalog(), InfoOn("main", "restore"));
  ASSERT_THAT(late.Expect(kOrders, history_.At(kOrders, "main~1").ValueOrDie()), IsOk());
  ASSERT_THAT(late.MoveTo(kOrders, history_.At(kOrders, "exp").ValueOrDie()), IsOk());
  EXPECT_THAT(late.Land({}), IsError(ErrorKind::kConflict, HasSubstr("moved on")));
  PendingCommit none(pond_.catalog(), InfoOn("main", "restore"));
  ASSERT_THAT(none.Expect(kOrders, std::nullopt), IsOk());
  ASSERT_THAT(none.Drop(kOrders), IsOk());
  EXPECT_THAT(none.Land({}), IsError(ErrorKind::kConflict, HasSubstr("moved on")));
}

TEST_F(BranchCommitTest, AProtectedBranchMovesByMergesOnly) {
  ASSERT_THAT(Create("main", kOrders, {1}), IsOk());
  ASSERT_THAT(Branch("exp"), IsOk());
  auto ahead = Append("exp", kOrders, {2}).ValueOrDie();
  ASSERT_THAT(history_.ProtectBranch("main", true), IsOk());
  const auto blobs = pond_.Blobs();
  EXPECT_THAT(Append("main", kOrders, {3}), IsError(ErrorKind::kDenied, HasSubstr("merge")));
  EXPECT_EQ(pond_.Blobs(), blobs);
  EXPECT_THAT(Merge("main", ahead.id), IsOk());
  ASSERT_THAT(history_.ProtectBranch("main", false), IsOk());
  EXPECT_THAT(Append("main", kOrders, {3}), IsOk());
}

TEST_F(BranchCommitTest, UnknownBranchesAreNamed) {
  ASSERT_THAT(Create("main", kOrders, {1}), IsOk());
  ASSERT_THAT(history_.CreateTag("v1", "", "ana", ""), IsOk());
  ASSERT_THAT(Branch("experiment"), IsOk());
  EXPECT_THAT(Append("experimnt", kOrders, {2}),
              IsError(ErrorKind::kNotFound, HasSubstr("experiment")));
  EXPECT_THAT(Create("nowhere", kItems, {2}), IsError(ErrorKind::kNotFound));
  EXPECT_THAT(Append("v1", kOrders, {2}), IsError(ErrorKind::kInvalid, HasSubstr("not a branch")));
}

// A first commit on a branch builds on the metadata that it read, though others move the pointer
// on.
TEST_F(BranchCommitTest, ABranchIsSeenInTheMetadataThatWasRead) {
  auto first = Create("main", kOrders, {1}).ValueOrDie();
  ASSERT_THAT(Branch("exp"), IsOk());
  const Table read = Stored(kOrders);
  ASSERT_THAT(Append("main", kOrders, {2}), IsOk());
  ASSERT_NE(Stored(kOrders).metadata_location, read.metadata_location);
  auto view = ViewOn(*pond_.catalog(), kOrders, "exp", read, first.changes[0]).ValueOrDie();
  ASSERT_TRUE(view.has_value());
  EXPECT_EQ(view->metadata_location, read.metadata_location);
  EXPECT_EQ(view->metadata->current_snapshot_id, first.changes[0].snapshot_after);
}

// Every commit lands once, on its own branch, whatever the others do.
TEST_F(BranchCommitTest, ThreadsOnOneBranchAndOnSeveral) {
  constexpr int kThreads = 6, kCommits = 6;
  ASSERT_THAT(Create("main", kOrders, {}), IsOk());
  ASSERT_THAT(Create("main", kItems, {}), IsOk());
  ASSERT_THAT(Branch("a"), IsOk());
  ASSERT_THAT(Branch("b"), IsOk());
  const std::vector<std::string> branches = {"main", "a", "b"};
  std::vector<std::thread> threads;
  std::vector<Status> results(kThreads);
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kCommits && results[t].ok(); ++i) {
        const TableName& name = (t + i) % 4 == 0 ? kItems : kOrders;
        results[t] = Append(branches[t % 3], name, {t * 100 + i}).status();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const Status& result : results) EXPECT_THAT(result, IsOk());
  for (int b = 0; b < 3; ++b) {
    Values expected, found;
    for (int t = b; t < kThreads; t += 3) {
      for (int i = 0; i < kCommits; ++i) expected.push_back(t * 100 + i);
    }
    for (const TableName& name : {kOrders, kItems}) {
      auto values = pond_.Values(name, branches[b]).ValueOrDie();
      found.insert(found.end(), values.begin(), values.end());
    }
    std::sort(found.begin(), found.end());
    EXPECT_EQ(found, expected) << branches[b];
    auto log = history_.Log({.limit = -1, .refs = {branches[b]}}).ValueOrDie();
    ASSERT_THAT(log, SizeIs(2 * kCommits + 2));
    for (size_t i = 0; i + 1 < log.size(); ++i) {
      EXPECT_EQ(log[i].parent, log[i + 1].id);
      EXPECT_EQ(log[i].generation, log[i + 1].generation + 1);
      EXPECT_GE(log[i].created_ms, log[i + 1].created_ms);
    }
  }
  std::set<int64_t> sequences;
  for (const auto& row : pond_.ledger()->Select({.table = "pond_commit"}).ValueOrDie()) {
    sequences.insert(ledger::IntOf(row, "sequence").ValueOrDie());
  }
  EXPECT_EQ(sequences.size(), 2U + kThreads * kCommits);
  EXPECT_EQ(*sequences.rbegin(), 2 + kThreads * kCommits);
}

}  // namespace
}  // namespace millpond::table
