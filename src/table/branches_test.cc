// Branches as refs: deleting, renaming, moving forward, how they stand to each other, the log over
// them, and tags on their commits.
#include "table/branch_testing.h"
#include "table/branch_view.h"
#include "table/upkeep.h"

namespace millpond::table {
namespace {

using base::ErrorKind;
using base::IsError;
using base::IsOk;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

using BranchesTest = BranchTest;

TEST_F(BranchesTest, NamesThatReadAsSomethingElseAreRefused) {
  ASSERT_THAT(Create("main", kOrders, {1}), IsOk());
  for (const char* name : {"main", "", "12345", "2026-11-01", "a~1", "a/b", "a@b"}) {
    EXPECT_THAT(Branch(name), IsError(ErrorKind::kInvalid)) << name;
  }
  ASSERT_THAT(history_.CreateTag("v1", "", "ana", ""), IsOk());
  EXPECT_THAT(Branch("v1"), IsError(ErrorKind::kAlreadyExists));
  ASSERT_THAT(Branch("exp"), IsOk());
  EXPECT_THAT(history_.CreateTag("exp", "", "ana", ""), IsError(ErrorKind::kInvalid));
  EXPECT_THAT(Branch("late", "nowhere"), IsError(ErrorKind::kNotFound));
}

TEST_F(BranchesTest, ABranchOfAnEmptyPond) {
  ASSERT_THAT(Branch("exp"), IsOk());
  EXPECT_FALSE(history_.Resolve("exp").ValueOrDie());
  ASSERT_THAT(Create("exp", kOrders, {1}), IsOk());
  EXPECT_THAT(TablesAt(""), IsEmpty());
  auto second = Create("main", kItems, {2}).ValueOrDie();
  EXPECT_FALSE(second.parent);
  EXPECT_THAT(TablesAt(""), ElementsAre("shop.items"));
  EXPECT_THAT(TablesAt("exp"), ElementsAre("shop.orders"));
  auto divergence = history_.Compare("exp", "main").ValueOrDie();
  EXPECT_THAT(divergence.bases, IsEmpty());
  EXPECT_EQ(divergence.ahead, 1);
  EXPECT_EQ(divergence.behind, 1);
}

TEST_F(BranchesTest, DeletingAsksForWhatWouldBeLost) {
  ASSERT_THAT(Create("main", kOrders, {1}), IsOk());
  ASSERT_THAT(Branch("exp"), IsOk());
  auto kept = Append("exp", kOrders, {2}).ValueOrDie();
  EXPECT_THAT(history_.DeleteBranch("exp", false),
              IsError(ErrorKind::kConflict, HasSubstr("1 commit that no other")));
  ASSERT_THAT(history_.CreateTag("keep", "exp", "ana", ""), IsOk());
  EXPECT_THAT(history_.DeleteBranch("exp", false), IsOk());
  EXPECT_FALSE(Stored(kOrders).metadata->refs.contains("exp"));
  EXPECT_TRUE(Stored(kOrders).metadata->refs.contains("keep"));
  EXPECT_EQ(pond_.Values(kOrders, "keep"), (Values{1, 2}));
  EXPECT_THAT(history_.DeleteBranch("exp", false), IsError(ErrorKind::kNotFound));
  EXPECT_THAT(history_.DeleteBranch("main", true), IsError(ErrorKind::kInvalid));
  EXPECT_THAT(history_.DeleteBranch("keep", true), IsError(ErrorKind::kInvalid));
  // A new branch of the name begins with nothing of the old one.
  ASSERT_THAT(Branch("exp"), IsOk());
  EXPECT_EQ(pond_.Values(kOrders, "exp"), (Values{1}));
  EXPECT_EQ(RowCounts()["pond_branch_table"], 0U);
}

TEST_F(BranchesTest, WhatADeletedBranchHadIsReadByItsCommits) {
  ASSERT_THAT(Create("main", kItems, {9}), IsOk());
  ASSERT_THAT(Branch("exp"), IsOk());
  ASSERT_THAT(Create("exp", kOrders, {1}), IsOk());
  auto last = Append("exp", kOrders, {2}).ValueOrDie();
  ASSERT_THAT(history_.DeleteBranch("exp", true), IsOk());
  EXPECT_THAT(pond_.catalog()->Load(kOrders), IsError(ErrorKind::kNotFound));
  EXPECT_EQ(pond_.Values(kOrders, last.id), (Values{1, 2}));
  auto orphans = RemoveOrphans(*pond_.catalog(), 0, false, {}).ValueOrDie();
  EXPECT_THAT(orphans.paths, IsEmpty());
  ASSERT_THAT(Branch("again", last.id), IsOk());
  ASSERT_THAT(Append("again", kOrders, {3}), IsOk());
  EXPECT_EQ(pond_.Values(kOrders, "again"), (Values{1, 2, 3}));
  // The name is free for main only once no branch has it.
  EXPECT_THAT(Create("main", kOrders, {7}), IsError(ErrorKind::kAlreadyExists));
  ASSERT_THAT(history_.DeleteBranch("again", true), IsOk());
  EXPECT_THAT(Create("main", kOrders, {7}), IsOk());
  EXPECT_EQ(pond_.Values(kOrders, last.id), (Values{1, 2}));
}

TEST_F(BranchesTest, RenamingTakesTheIcebergBranchesAlong) {
  ASSERT_THAT(Create("main", kOrders, {1}), IsOk());
  ASSERT_THAT(Branch("exp"), IsOk());
  ASSERT_THAT(Append("exp", kOrders, {2}), IsOk());
  ASSERT_THAT(Create("exp", kItems, {9}), IsOk());
  ASSERT_THAT(history_.RenameBranch("exp", "trial"), IsOk());
  EXPECT_THAT(history_.Resolve("exp"), IsError(ErrorKind::kNotFound));
  EXPECT_EQ(pond_.Values(kOrders, "trial"), (Values{1, 2}));
  EXPECT_TRUE(Stored(kOrders).metadata->refs.contains("trial"));
  EXPECT_FALSE(Stored(kOrders).metadata->refs.contains("exp"));
  EXPECT_EQ(Stored(kItems).metadata->properties.at(kBranchOnlyProperty), "trial");
  ASSERT_THAT(Append("trial", kOrders, {3}), IsOk());
  EXPECT_THAT(history_.RenameBranch("main", "trunk"), IsError(ErrorKind::kInvalid));
  ASSERT_THAT(history_.ProtectBranch("trial", true), IsOk());
  EXPECT_THAT(history_.RenameBranch("trial", "exp"), IsError(ErrorKind::kDenied));
  EXPECT_THAT(history_.DeleteBranch("trial", true), IsError(ErrorKind::kDenied));
  ASSERT_THAT(Branch("other"), IsOk());
  EXPECT_THAT(history_.RenameBranch("other", "trial"), IsError(ErrorKind::kAlreadyExists));
}

TEST_F(BranchesTest, FastForwardMovesEveryTableAtOnce) {
  ASSERT_THAT(Create("main", kOrders, {1}), IsOk());
  ASSERT_THAT(Create("main", {"shop", "gone"}, {5}), IsOk());
  ASSERT_THAT(Branch("exp"), IsOk());
  ASSERT_THAT(Append("exp", kOrders, {2}), IsOk());
  ASSERT_THAT(AddColumn("exp", kOrders, "note"), IsOk());
  ASSERT_THAT(Create("exp", kItems, {9}), IsOk());
  ASSERT_THAT(Drop("exp", {"shop", "gone"}), IsOk());
  const auto rows = RowCounts();
  ASSERT_THAT(history_.ProtectBranch("main", true), IsOk());
  auto moved = history_.FastForward("main", "exp").ValueOrDie();
  EXPECT_EQ(moved.commit_id, history_.Resolve("exp").ValueOrDie()->id);
  EXPECT_EQ(history_.Resolve("").ValueOrDie()->id, moved.commit_id);
  EXPECT_EQ(pond_.Values(kOrders, ""), (Values{1, 2}));
  EXPECT_THAT(ColumnsAt(kOrders, ""), ElementsAre("sample_id", "value", "note"));
  EXPECT_EQ(pond_.Values(kItems, ""), (Values{9}));
  EXPECT_THAT(TablesAt(""), ElementsAre("shop.items", "shop.orders"));
  EXPECT_THAT(history_.Unrecorded().ValueOrDie(), IsEmpty());
  Table orders = Stored(kOrders);
  EXPECT_EQ(orders.metadata->current_snapshot_id, orders.metadata->refs.at("exp").snapshot_id);
  EXPECT_EQ(RowCounts()["pond_commit"], rows.at("pond_commit"));
  // Nothing to do a second time.
  const auto blobs = pond_.Blobs();
  ASSERT_THAT(history_.FastForward("main", "exp"), IsOk());
  EXPECT_EQ(pond_.Blobs(), blobs);
  EXPECT_THAT(history_.DeleteBranch("exp", false), IsOk());
  EXPECT_EQ(pond_.Values(kOrders, ""), (Values{1, 2}));
}

TEST_F(BranchesTest, FastForwardOfABranchToMain) {
  ASSERT_THAT(Create("main", kOrders, {1}), IsOk());
  ASSERT_THAT(Create("main", kItems, {9}), IsOk());
  ASSERT_THAT(Branch("exp"), IsOk());
  ASSERT_THAT(Append("main", kOrders, {2}), IsOk());
  ASSERT_THAT(history_.FastForward("exp", "main"), IsOk());
  EXPECT_EQ(pond_.Values(kOrders, "exp"), (Values{1, 2}));
  EXPECT_FALSE(Stored(kItems).metadata->refs.contains("exp"));
  ASSERT_THAT(Append("main", kOrders, {3}), IsOk());
  EXPECT_EQ(pond_.Values(kOrders, "exp"), (Values{1, 2}));
}

TEST_F(BranchesTest, FastForwardRefusesToLoseAnything) {
  ASSERT_THAT(Create("main", kOrders, {1}), IsOk());
  ASSERT_THAT(Branch("exp"), IsOk());
  ASSERT_THAT(Append("exp", kOrders, {2}), IsOk());
  SwapAsAnotherEngine(kOrders, [](TableMetadata* next) {
    next->current_snapshot_id = next->refs.at("exp").snapshot_id;
    next->refs["main"] = {*next->current_snapshot_id, false};
  });
  EXPECT_THAT(history_.FastForward("main", "exp"),
              IsError(ErrorKind::kConflict, HasSubstr("another engine changed shop.orders")));
  ASSERT_THAT(Append("main", kOrders, {3}), IsOk());
  EXPECT_THAT(history_.FastForward("main", "exp"),
              IsError(ErrorKind::kConflict, HasSubstr("merge them")));
}

TEST_F(BranchesTest, MergeBasesOverMergeParents) {
  auto first = Create("main", kOrders, {1}).ValueOrDie();
  ASSERT_THAT(Branch("exp"), IsOk());
  auto exp1 = Append("exp", kOrders, {2}).ValueOrDie();
  auto main1 = Create("main", kItems, {3}).ValueOrDie();
  auto divergence = history_.Compare("exp", "main").ValueOrDie();
  EXPECT_THAT(divergence.bases, ElementsAre(first.id));
  EXPECT_EQ(divergence.ahead, 1);
  EXPECT_EQ(divergence.behind, 1);
  auto merge = Merge("main", exp1.id).ValueOrDie();
  auto exp2 = Append("exp", kOrders, {4}).ValueOrDie();
  divergence = history_.Compare("exp", "main").ValueOrDie();
  EXPECT_THAT(divergence.bases, ElementsAre(exp1.id));
  EXPECT_EQ(divergence.ahead, 1);
  EXPECT_EQ(divergence.behind, 2);  // The merge, and what main did before it.
  EXPECT_THAT(history_.Compare("main", "main").ValueOrDie().bases, ElementsAre(merge.id));
  // The log shows what was merged, newest landed first.
  EXPECT_THAT(IdsOf(history_.Log(-1).ValueOrDie()),
              ElementsAre(merge.id, main1.id, exp1.id, first.id));
  EXPECT_THAT(IdsOf(history_.Log({.limit = 2, .refs = {"main", "exp"}}).ValueOrDie()),
              ElementsAre(exp2.id, merge.id));
  EXPECT_THAT(IdsOf(history_.Log({.limit = -1, .table = kOrders, .refs = {"exp"}}).ValueOrDie()),
              ElementsAre(exp2.id, exp1.id, first.id));
}

TEST_F(BranchesTest, BranchesThatMergedEachOtherHaveTwoBases) {
  ASSERT_THAT(Create("main", kOrders, {1}), IsOk());
  ASSERT_THAT(Branch("exp"), IsOk());
  auto exp1 = Append("exp", kOrders, {2}).ValueOrDie();
  auto main1 = Create("main", kItems, {3}).ValueOrDie();
  ASSERT_THAT(Merge("main", exp1.id), IsOk());
  ASSERT_THAT(Merge("exp", main1.id), IsOk());
  auto divergence = history_.Compare("exp", "main").ValueOrDie();
  EXPECT_THAT(divergence.bases, ElementsAre(main1.id, exp1.id));
  EXPECT_EQ(divergence.ahead, 1);
  EXPECT_EQ(divergence.behind, 1);
}

TEST_F(BranchesTest, LongHistoriesAreWalkedInPages) {
  ASSERT_THAT(Create("main", kOrders, {}), IsOk());
  ASSERT_THAT(Branch("exp"), IsOk());
  for (int i = 0; i < 70; ++i)
    ASSERT_THAT(Merge("main", *history_.Refs().ValueOrDie()[0].commit_id), IsOk());
  ASSERT_THAT(Append("exp", kOrders, {1}), IsOk());
  auto log = history_.Log(-1).ValueOrDie();
  ASSERT_THAT(log, SizeIs(71));
  for (size_t i = 0; i < log.size(); ++i)
    EXPECT_EQ(log[i].generation, 71 - static_cast<int64_t>(i));
  auto divergence = history_.Compare("exp", "main").ValueOrDie();
  EXPECT_EQ(divergence.ahead, 1);
  EXPECT_EQ(divergence.behind, 70);
}

TEST_F(BranchesTest, TagsOnBranchesShowInTheTables) {
  ASSERT_THAT(Create("main", kOrders, {1}), IsOk());
  ASSERT_THAT(Branch("exp"), IsOk());
  auto exp1 = Append("exp", kOrders, {2}).ValueOrDie();
  auto exp2 = Append("exp", kOrders, {3}).ValueOrDie();
  ASSERT_THAT(history_.CreateTag("best", "exp~1", "ana", ""), IsOk());
  auto tagged = [&] { return Stored(kOrders).metadata->refs.at("best"); };
  EXPECT_TRUE(tagged().is_tag);
  EXPECT_EQ(tagged().snapshot_id, *exp1.changes[0].snapshot_after);
  EXPECT_THAT(history_.CreateTag("best", "exp", "ana", ""),
              IsError(ErrorKind::kAlreadyExists, HasSubstr("--force")));
  ASSERT_THAT(history_.CreateTag("best", "exp", "ana", "", true), IsOk());
  EXPECT_EQ(tagged().snapshot_id, *exp2.changes[0].snapshot_after);
  EXPECT_EQ(pond_.Values(kOrders, "best"), (Values{1, 2, 3}));
  ASSERT_THAT(history_.CreateTag("best", "main", "ana", "", true), IsOk());
  EXPECT_EQ(pond_.Values(kOrders, "best"), (Values{1}));
  ASSERT_THAT(history_.DeleteTag("best"), IsOk());
  EXPECT_FALSE(Stored(kOrders).metadata->refs.contains("best"));
}

TEST_F(BranchesTest, AMergeTakesOverHowFarTheOtherSideRead) {
  auto put = [&](const std::string& source, const PondCommit& at, const std::string& cursor) {
    ledger::Transaction row;
    row.Upsert("source_cursor", {{"source", source},
                                 {"stream", std::string("s")},
                                 {"table_namespace", std::string("shop")},
                                 {"table_name", std::string("orders")},
                                 {"lane", at.lane},
                                 {"generation", at.generation},
                                 {"cursor", cursor},
                                 {"updated_ms", int64_t{1}}});
    ASSERT_THAT(pond_.ledger()->Apply(row), IsOk());
  };
  put("both", Create("main", kOrders, {1}).ValueOrDie(), "before");
  ASSERT_THAT(Branch("exp"), IsOk());
  auto theirs = Append("exp", kOrders, {2}).ValueOrDie();
  put("both", theirs, "theirs");
  put("one", theirs, "theirs");
  put("both", Append("main", kOrders, {3}).ValueOrDie(), "ours");
  auto merge = Merge("main", theirs.id).ValueOrDie();
  auto rows = pond_.ledger()
                  ->Select({.table = "source_cursor",
                            .where = {{"lane", ledger::Compare::kEqual, merge.lane},
                                      {"generation", ledger::Compare::kEqual, merge.generation}}})
                  .ValueOrDie();
  ASSERT_THAT(rows, SizeIs(1));
  EXPECT_EQ(ledger::TextOf(rows[0], "source").ValueOrDie(), "one");
  EXPECT_EQ(ledger::TextOf(rows[0], "cursor").ValueOrDie(), "theirs");
}

TEST_F(BranchesTest, DoctorFindsBrokenPaths) {
  ASSERT_THAT(Create("main", kOrders, {1}), IsOk());
  ASSERT_THAT(Branch("exp"), IsOk());
  ASSERT_THAT(Append("main", kOrders, {2}), IsOk());
  auto exp = Append("exp", kOrders, {3}).ValueOrDie();
  EXPECT_THAT(Verify(*pond_.catalog(), false, {}).ValueOrDie(), IsEmpty());
  ledger::Transaction damage;
  damage.Update("pond_lane", {{"fork_generation", int64_t{0}}},
                {{"lane", ledger::Compare::kEqual, exp.lane}}, 1);
  ASSERT_THAT(pond_.ledger()->Apply(damage), IsOk());
  auto findings = Verify(*pond_.catalog(), false, {}).ValueOrDie();
  ASSERT_THAT(findings, ::testing::Not(IsEmpty()));
  EXPECT_EQ(findings[0].subject, "branch exp");
  EXPECT_THAT(findings[0].problem, HasSubstr("restore the ledger"));
}

}  // namespace
}  // namespace millpond::table
