// Expiry: which snapshots go by which policy, that nothing held ever does, that the past says so
// afterwards, and that files go only after their grace.
#include "table/expiry.h"

#include "base/error_matchers.h"
#include "base/time.h"
#include "table/pond_testing.h"
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
using Values = std::vector<int64_t>;
using Ids = std::set<int64_t>;

const TableName kOrders{"shop", "orders"};
const base::Context kContext;
constexpr int64_t kDay = 24LL * 3600 * 1000;

/// Snapshots 1, 2, 3… one a day, each the parent of the next; the last is current.
TableMetadata Line(int64_t count) {
  TableMetadata metadata;
  for (int64_t id = 1; id <= count; ++id) {
    Snapshot snapshot;
    snapshot.id = id;
    if (id > 1) snapshot.parent_id = id - 1;
    snapshot.timestamp_ms = id * kDay;
    metadata.snapshots.push_back(snapshot);
  }
  metadata.current_snapshot_id = count;
  metadata.refs["main"] = {count, false};
  metadata.json = base::Json::object();
  return metadata;
}

Expiry PlanAt(const TableMetadata& metadata, int64_t day, const ExpiryHolds& holds = {}) {
  return PlanExpiry(metadata, {.max_snapshot_age_ms = 3 * kDay, .min_snapshots_to_keep = 2}, holds,
                    day * kDay);
}

TEST(Expiry, KeepsTheYoungAndAtLeastSoMany) {
  EXPECT_EQ(PlanAt(Line(6), 6).snapshots, (Ids{1, 2}));
  EXPECT_EQ(PlanAt(Line(6), 100).snapshots, (Ids{1, 2, 3, 4}));
  EXPECT_TRUE(PlanAt(Line(2), 100).empty());
  EXPECT_TRUE(PlanAt(TableMetadata(), 100).empty());
}

TEST(Expiry, PropertiesOfTheTableAndOfItsRefsGoFirst) {
  TableMetadata metadata = Line(6);
  metadata.properties = {{"history.expire.min-snapshots-to-keep", "5"},
                         {"history.expire.max-snapshot-age-ms", "1"}};
  EXPECT_EQ(PlanAt(metadata, 6).snapshots, (Ids{1}));
  metadata.json["refs"]["main"] = {{"min-snapshots-to-keep", 1}, {"max-snapshot-age-ms", kDay}};
  EXPECT_EQ(PlanAt(metadata, 6).snapshots, (Ids{1, 2, 3, 4}));
  metadata.properties["history.expire.min-snapshots-to-keep"] = "0";
  metadata.json["refs"]["main"] = {{"min-snapshots-to-keep", 0}};
  EXPECT_EQ(PlanAt(metadata, 100).snapshots, (Ids{1, 2, 3, 4, 5}));
}

TEST(Expiry, TagsBranchesAndHoldsKeepTheirs) {
  TableMetadata metadata = Line(8);
  metadata.refs["v1"] = {1, true};
  metadata.refs["exp"] = {4, false};
  EXPECT_EQ(PlanAt(metadata, 100).snapshots, (Ids{2, 5, 6}));
  ExpiryHolds holds;
  holds.snapshots = {5};
  EXPECT_EQ(PlanAt(metadata, 100, holds).snapshots, (Ids{2, 6}));
}

TEST(Expiry, OtherEnginesRefsGoAtTheirAgeAndThoseOfThePondNever) {
  TableMetadata metadata = Line(8);
  metadata.refs["old"] = {1, true};
  metadata.refs["v1"] = {2, true};
  metadata.refs["young"] = {7, true};
  metadata.properties["history.expire.max-ref-age-ms"] = std::to_string(3 * kDay);
  ExpiryHolds holds;
  holds.refs = {"v1"};
  metadata.refs["dataset/d@v1"] = {3, true};
  holds.snapshots = {3};
  const Expiry expiry = PlanAt(metadata, 9, holds);
  EXPECT_THAT(expiry.refs, ElementsAre("old"));
  EXPECT_EQ(expiry.snapshots, (Ids{1, 4, 5}));
  const TableMetadata next = WithoutExpired(metadata, expiry);
  EXPECT_THAT(next.snapshots, SizeIs(5));
  EXPECT_FALSE(next.refs.contains("old"));
}

TEST(Expiry, StagedSnapshotsStayWhileTheyAreYoung) {
  TableMetadata metadata = Line(6);
  Snapshot staged;
  staged.id = 99;
  staged.parent_id = 1;
  staged.timestamp_ms = 5 * kDay;
  metadata.snapshots.push_back(staged);
  EXPECT_FALSE(PlanAt(metadata, 8).snapshots.contains(99));
  EXPECT_TRUE(PlanAt(metadata, 9).snapshots.contains(99));
}

TEST(Expiry, StatisticsGoWithTheirSnapshot) {
  TableMetadata metadata = Line(6);
  metadata.json["statistics"] = {{{"snapshot-id", 1}}, {{"snapshot-id", 6}}};
  const auto next = WithoutExpired(metadata, PlanAt(metadata, 6));
  EXPECT_THAT(next.json["statistics"], SizeIs(1));
}

class ExpiryTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_THAT(pond_.Create(kOrders, {0}), IsOk());
    for (int64_t i = 1; i < 5; ++i) ASSERT_THAT(pond_.Overwrite(kOrders, {i}), IsOk());
  }
  Result<PondCommit> Expire() {
    CommitInfo info = PondForTest::Info(kUpkeepOperation);
    info.is_upkeep = true;
    PendingCommit commit(pond_.catalog(), info);
    ARROW_ASSIGN_OR_RAISE(auto holds, HeldByPond(*pond_.catalog()));
    ARROW_RETURN_NOT_OK(commit.Expire(kOrders, kNow, std::move(holds)));
    return commit.Land(kContext);
  }
  size_t Snapshots() {
    return pond_.catalog()->Load(kOrders).ValueOrDie().metadata->snapshots.size();
  }
  OrphanReport RemoveOrphans() {
    return table::RemoveOrphans(*pond_.catalog(), 0, false, kContext).ValueOrDie();
  }

  static constexpr ExpiryPolicy kNow = {.max_snapshot_age_ms = -1, .min_snapshots_to_keep = 2};
  PondForTest pond_;
};

TEST_F(ExpiryTest, ThePastSaysWhenItExpired) {
  const auto commit = Expire().ValueOrDie();
  EXPECT_EQ(Snapshots(), 2u);
  EXPECT_EQ(commit.changes[0].operation, "expire");
  EXPECT_THAT(commit.details["expired"]["shop.orders"], SizeIs(3));
  EXPECT_EQ(pond_.Values(kOrders), Values{4});
  EXPECT_EQ(pond_.Values(kOrders, "~2"), Values{3});
  EXPECT_THAT(pond_.Values(kOrders, "~3"),
              IsError(ErrorKind::kNotFound,
                      HasSubstr("expired by upkeep on " + base::FormatUtc(commit.created_ms))));
  EXPECT_THAT(Expire(), IsError(ErrorKind::kInvalid, HasSubstr("nothing to commit")));
}

TEST_F(ExpiryTest, FilesGoWithTheOrphansAndOnlyThoseOfExpiredSnapshots) {
  EXPECT_THAT(RemoveOrphans().paths, IsEmpty());
  ASSERT_THAT(Expire(), IsOk());
  // Whoever reads them now has the grace period.
  EXPECT_THAT(
      table::RemoveOrphans(*pond_.catalog(), 3600 * 1000, false, kContext).ValueOrDie().paths,
      IsEmpty());
  const auto removed = RemoveOrphans().paths;
  size_t data = 0;
  for (const auto& path : removed) data += path.ends_with(".parquet") ? 1 : 0;
  EXPECT_EQ(data, 3u);
  EXPECT_EQ(pond_.Values(kOrders), Values{4});
  EXPECT_EQ(pond_.Values(kOrders, "~2"), Values{3});
  EXPECT_THAT(Verify(*pond_.Reopen(WriteSettings{}), true, kContext).ValueOrDie(), IsEmpty());
  ASSERT_THAT(pond_.Append(kOrders, {5}), IsOk());
  EXPECT_EQ(pond_.Values(kOrders), (Values{4, 5}));
}

TEST_F(ExpiryTest, TagsBranchesAndMergeBasesStay) {
  auto history = pond_.history();
  ASSERT_THAT(history.CreateTag("v1", "~4", "ana", ""), IsOk());
  // Two branches that went apart at ~2: their heads moved on, the place where they did is held.
  ASSERT_THAT(history.CreateBranch("exp", "~2", "ana", ""), IsOk());
  CommitInfo info = PondForTest::Info("append");
  info.branch = "exp";
  PendingCommit commit(pond_.catalog(), info);
  ASSERT_THAT(commit.Append(kOrders, pond_.Write(commit, kOrders, *PondForTest::Batch({7}))),
              IsOk());
  ASSERT_THAT(commit.Land(kContext), IsOk());
  for (int64_t i = 5; i < 8; ++i) ASSERT_THAT(pond_.Overwrite(kOrders, {i}), IsOk());
  ASSERT_THAT(Expire(), IsOk());
  RemoveOrphans();
  EXPECT_EQ(pond_.Values(kOrders, "v1"), Values{0});
  EXPECT_EQ(pond_.Values(kOrders, "exp"), (Values{2, 7}));
  EXPECT_EQ(pond_.Values(kOrders, "exp~1"), Values{2});
  EXPECT_EQ(pond_.Values(kOrders), Values{7});
  EXPECT_THAT(pond_.Values(kOrders, "exp~2"), IsError(ErrorKind::kNotFound));
  EXPECT_THAT(Verify(*pond_.Reopen(WriteSettings{}), true, kContext).ValueOrDie(), IsEmpty());
}

TEST_F(ExpiryTest, ARefMadeMeanwhileStopsIt) {
  CommitInfo info = PondForTest::Info(kUpkeepOperation);
  for (const bool is_tag : {false, true}) {
    PendingCommit commit(pond_.catalog(), info);
    ASSERT_THAT(commit.Expire(kOrders, kNow, HeldByPond(*pond_.catalog()).ValueOrDie()), IsOk());
    if (is_tag) {
      ASSERT_THAT(pond_.history().CreateTag("v1", "~4", "ana", ""), IsOk());
    } else {
      ASSERT_THAT(pond_.history().CreateBranch("exp", "~3", "ana", ""), IsOk());
    }
    EXPECT_THAT(commit.Land(kContext), IsError(ErrorKind::kConflict, HasSubstr("branch or tag")));
    EXPECT_EQ(Snapshots(), 5u);
  }
  ASSERT_THAT(Expire(), IsOk());
  EXPECT_EQ(pond_.Values(kOrders, "v1"), Values{0});
  EXPECT_EQ(pond_.Values(kOrders, "exp"), Values{1});
}

TEST_F(ExpiryTest, CommitsMeanwhileAreKept) {
  CommitInfo info = PondForTest::Info(kUpkeepOperation);
  PendingCommit commit(pond_.catalog(), info);
  ASSERT_THAT(commit.Expire(kOrders, kNow, HeldByPond(*pond_.catalog()).ValueOrDie()), IsOk());
  ASSERT_THAT(pond_.Append(kOrders, {9}), IsOk());
  ASSERT_THAT(commit.Land(kContext), IsOk());
  EXPECT_EQ(pond_.Values(kOrders), (Values{4, 9}));
  EXPECT_EQ(Snapshots(), 2u);
}

}  // namespace
}  // namespace millpond::table
