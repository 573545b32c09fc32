// revert, cherry-pick and restore on real ponds.
#include "version/undo.h"

#include "version/version_testing.h"

namespace millpond::version {
namespace {

using base::ErrorKind;
using base::IsError;
using base::IsOk;
using ::testing::HasSubstr;

constexpr const char* kTable = "shop.orders";

class UndoTest : public VersionTest {
 protected:
  void SetUp() override { ASSERT_THAT(Create(kTable, {{1, 10}, {2, 20}}), IsOk()); }

  std::string Changed(const Rows& put, std::vector<int64_t> remove = {},
                      const std::string& branch = "main") {
    return Change(branch, kTable, put, std::move(remove)).ValueOrDie().id;
  }
  Result<ReplayOutcome> RunRevert(ReplayRequest request) {
    request.author = "ana";
    return Revert(pond_.session(), request, {});
  }
  Result<ReplayOutcome> RunPick(ReplayRequest request) {
    request.author = "ana";
    return CherryPick(pond_.session(), request, {});
  }
  Result<ReplayOutcome> RunRestore(RestoreRequest request) {
    request.author = "ana";
    return Restore(pond_.session(), request, {});
  }
};

TEST_F(UndoTest, RevertMovesBackWhatDidNotChangeSince) {
  const auto before = SnapshotAt(kTable, "main");
  const std::string commit = Changed({{1, 11}});
  const auto outcome = RunRevert({.commit = commit});
  ASSERT_THAT(outcome, IsOk());
  ASSERT_TRUE(outcome->commit);
  EXPECT_EQ(outcome->tables.front().action, "move");
  EXPECT_EQ(SnapshotAt(kTable, "main"), before);
  EXPECT_EQ(outcome->commit->message, "revert " + commit + ": change main");
  // A revert is a commit as any: reverting it brings the change back.
  ASSERT_THAT(RunRevert({.commit = outcome->commit->id}), IsOk());
  EXPECT_EQ(RowsAt(kTable, "main"), (Rows{{1, 11}, {2, 20}}));
}

TEST_F(UndoTest, RevertChangesRowsBackByKey) {
  const std::string commit = Changed({{1, 11}, {3, 30}}, {2});
  Changed({{4, 40}});
  ASSERT_THAT(RunRevert({.commit = commit}), IsOk());
  EXPECT_EQ(RowsAt(kTable, "main"), (Rows{{1, 10}, {2, 20}, {4, 40}}));
}

TEST_F(UndoTest, RevertOfWhatWasChangedAgainIsAConflict) {
  const std::string commit = Changed({{1, 11}});
  Changed({{1, 12}});
  const auto refused = RunRevert({.commit = commit});
  ASSERT_THAT(refused, IsOk());
  EXPECT_TRUE(refused->refused(Prefer::kNone));
  EXPECT_EQ(refused->conflict_count, 1);
  ASSERT_THAT(RunRevert({.commit = commit, .prefer = Prefer::kTheirs}), IsOk());
  EXPECT_EQ(RowsAt(kTable, "main"), (Rows{{1, 10}, {2, 20}}));
}

TEST_F(UndoTest, RevertOfACreationDropsAndOfADropBringsBack) {
  ASSERT_THAT(Create("shop.items", {{7, 70}}), IsOk());
  ASSERT_THAT(RunRevert({.commit = HeadOf("main")}), IsOk());
  EXPECT_THAT(history_.OnBranch(Name("shop.items"), "main"), IsError(ErrorKind::kNotFound));
  ASSERT_THAT(RunRevert({.commit = HeadOf("main")}), IsOk());
  EXPECT_EQ(RowsAt("shop.items", "main"), (Rows{{7, 70}}));
}

TEST_F(UndoTest, RevertRefusesCommitsOfOtherBranches) {
  ASSERT_THAT(Branch("exp"), IsOk());
  const std::string commit = Changed({{1, 11}}, {}, "exp");
  EXPECT_THAT(RunRevert({.commit = commit}),
              IsError(ErrorKind::kInvalid, HasSubstr("does not have the commit")));
  EXPECT_THAT(RunRevert({.commit = "nope"}), IsError(ErrorKind::kNotFound));
  EXPECT_THAT(RunRevert({.commit = ""}), IsError(ErrorKind::kInvalid));
}

TEST_F(UndoTest, CherryPickDoesWhatOneCommitDid) {
  ASSERT_THAT(Branch("exp"), IsOk());
  Changed({{5, 50}}, {}, "exp");
  const std::string picked = Changed({{1, 11}, {6, 60}}, {}, "exp");
  Changed({{7, 70}}, {}, "exp");
  Changed({{8, 80}});
  const auto outcome = RunPick({.commit = picked});
  ASSERT_THAT(outcome, IsOk());
  ASSERT_TRUE(outcome->commit);
  EXPECT_EQ(outcome->commit->details["commit"], picked);
  EXPECT_FALSE(outcome->commit->merge_parent);
  EXPECT_EQ(RowsAt(kTable, "main"), (Rows{{1, 11}, {2, 20}, {6, 60}, {8, 80}}));
  const auto again = RunPick({.commit = picked});
  ASSERT_THAT(again, IsOk());
  EXPECT_FALSE(again->commit);
  EXPECT_EQ(again->conflict_count, 0);
}

TEST_F(UndoTest, RestoresOneTable) {
  const std::string then = HeadOf("main");
  Changed({{1, 11}}, {2});
  const auto tried = RunRestore({.to = then, .tables = {Name(kTable)}, .dry_run = true});
  ASSERT_THAT(tried, IsOk());
  EXPECT_EQ(tried->tables.front().rows_after, 2);
  EXPECT_EQ(RowsAt(kTable, "main"), (Rows{{1, 11}}));
  ASSERT_THAT(RunRestore({.to = then, .tables = {Name(kTable)}}), IsOk());
  EXPECT_EQ(RowsAt(kTable, "main"), (Rows{{1, 10}, {2, 20}}));
  const auto again = RunRestore({.to = then, .tables = {Name(kTable)}});
  ASSERT_THAT(again, IsOk());
  EXPECT_FALSE(again->commit);
  EXPECT_THAT(RunRestore({.to = then, .tables = {Name("shop.nope")}}),
              IsError(ErrorKind::kNotFound));
}

TEST_F(UndoTest, RestoresThePondAndDropsWhatWasMadeSince) {
  const std::string then = HeadOf("main");
  Changed({{1, 11}});
  ASSERT_THAT(Create("shop.items", {{7, 70}}), IsOk());
  ASSERT_THAT(RunRestore({.to = then}), IsOk());
  EXPECT_EQ(RowsAt(kTable, "main"), (Rows{{1, 10}, {2, 20}}));
  EXPECT_THAT(history_.OnBranch(Name("shop.items"), "main"), IsError(ErrorKind::kNotFound));
}

TEST_F(UndoTest, ProtectedBranchesAreNotTouched) {
  const std::string commit = Changed({{1, 11}});
  ASSERT_THAT(history_.ProtectBranch("main", true), IsOk());
  EXPECT_THAT(RunRevert({.commit = commit}), IsError(ErrorKind::kDenied));
  EXPECT_THAT(RunRestore({.to = "~1"}), IsError(ErrorKind::kDenied));
}

}  // namespace
}  // namespace millpond::version
