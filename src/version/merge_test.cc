// Merging branches of real ponds: what moves, what is joined, what is refused, and against a slow
// obvious merge of maps.
#include "version/merge.h"

#include <filesystem>
#include <random>
#include <set>

#include "version/version_testing.h"

namespace millpond::version {
namespace {

using base::ErrorKind;
using base::IsError;
using base::IsOk;
using base::Json;
using ::testing::HasSubstr;

constexpr const char* kTable = "shop.orders";

class MergeTest : public VersionTest {
 protected:
  void SetUp() override {
    ASSERT_THAT(Create(kTable, {{1, 10}, {2, 20}, {3, 30}}), IsOk());
    ASSERT_THAT(Branch("exp"), IsOk());
  }

  Result<MergeOutcome> Run(MergeRequest request) {
    if (request.from.empty()) request.from = "exp";
    request.author = "ana";
    return Merge(pond_.session(), request, {});
  }
};

TEST_F(MergeTest, NothingNewIsUpToDate) {
  ASSERT_THAT(Change("main", kTable, {{4, 40}}), IsOk());
  const auto outcome = Run({});
  ASSERT_THAT(outcome, IsOk());
  EXPECT_EQ(outcome->kind, MergeKind::kUpToDate);
  EXPECT_EQ(outcome->head, HeadOf("main"));
}

TEST_F(MergeTest, MovesForwardWhereMainStoodStill) {
  ASSERT_THAT(Change("exp", kTable, {{4, 40}}), IsOk());
  const auto tried = Run({.dry_run = true});
  ASSERT_THAT(tried, IsOk());
  EXPECT_EQ(tried->kind, MergeKind::kFastForward);
  EXPECT_EQ(RowsAt(kTable, "main").size(), 3);
  const auto outcome = Run({.fast_forward = FastForward::kOnly});
  ASSERT_THAT(outcome, IsOk());
  EXPECT_EQ(outcome->kind, MergeKind::kFastForward);
  EXPECT_EQ(HeadOf("main"), HeadOf("exp"));
  EXPECT_EQ(RowsAt(kTable, "main").size(), 4);
}

TEST_F(MergeTest, MakesACommitWhereAskedTo) {
  ASSERT_THAT(Change("exp", kTable, {{4, 40}}), IsOk());
  const auto outcome = Run({.fast_forward = FastForward::kNever});
  ASSERT_THAT(outcome, IsOk());
  ASSERT_TRUE(outcome->replay.commit);
  EXPECT_EQ(outcome->replay.commit->merge_parent, HeadOf("exp"));
  EXPECT_EQ(outcome->replay.commit->message, "merge exp into main");
  EXPECT_EQ(outcome->replay.commit->operation, "merge");
  EXPECT_EQ(RowsAt(kTable, "main").size(), 4);
}

TEST_F(MergeTest, TakesOverTablesThatOnlyTheBranchChanged) {
  ASSERT_THAT(Create("shop.items", {{1, 1}}), IsOk());
  ASSERT_THAT(Change("exp", kTable, {{4, 40}}, {1}), IsOk());
  ASSERT_THAT(Create("shop.totals", {{1, 100}}, "exp"), IsOk());
  EXPECT_THAT(Run({.fast_forward = FastForward::kOnly}),
              IsError(ErrorKind::kConflict, HasSubstr("1 commit that 'exp' lacks")));
  const auto outcome = Run({});
  ASSERT_THAT(outcome, IsOk());
  EXPECT_EQ(outcome->kind, MergeKind::kMerge);
  // No data was copied: the snapshot is the branch's.
  EXPECT_EQ(SnapshotAt(kTable, "main"), SnapshotAt(kTable, "exp"));
  EXPECT_EQ(RowsAt("shop.totals", "main"), (Rows{{1, 100}}));
  EXPECT_EQ(RowsAt("shop.items", "main"), (Rows{{1, 1}}));
  const auto again = Run({});
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(again->kind, MergeKind::kUpToDate);
}

TEST_F(MergeTest, JoinsRowsByKey) {
  ASSERT_THAT(Change("main", kTable, {{1, 11}, {5, 50}}), IsOk());
  ASSERT_THAT(Change("exp", kTable, {{2, 22}, {4, 40}}, {3}), IsOk());
  const auto tried = Run({.dry_run = true});
  ASSERT_THAT(tried, IsOk());
  EXPECT_EQ(tried->replay.tables.front().action, "rows");
  EXPECT_EQ(RowsAt(kTable, "main"), (Rows{{1, 11}, {2, 20}, {3, 30}, {5, 50}}));
  const auto outcome = Run({});
  ASSERT_THAT(outcome, IsOk());
  ASSERT_TRUE(outcome->replay.commit);
  const auto& rows = outcome->replay.tables.front().rows;
  EXPECT_EQ(rows.added, 1);
  EXPECT_EQ(rows.removed, 1);
  EXPECT_EQ(rows.changed, 1);
  EXPECT_EQ(RowsAt(kTable, "main"), (Rows{{1, 11}, {2, 22}, {4, 40}, {5, 50}}));
  EXPECT_EQ(outcome->replay.commit->details["tables"],
            Json::parse(R"([{"table": "shop.orders", "action": "rows", "added": 1, "removed": 1,
                             "changed": 1}])"));
}

TEST_F(MergeTest, RefusesWhatBothChangedDifferently) {
  ASSERT_THAT(Change("main", kTable, {{1, 11}, {4, 40}, {6, 60}}, {2}), IsOk());
  ASSERT_THAT(Change("exp", kTable, {{1, 12}, {2, 22}, {4, 41}, {5, 50}, {6, 60}}), IsOk());
  const std::string head = HeadOf("main");
  const auto refused = Run({});
  ASSERT_THAT(refused, IsOk());
  EXPECT_TRUE(refused->replay.refused(Prefer::kNone));
  EXPECT_FALSE(refused->replay.commit);
  EXPECT_EQ(refused->replay.conflict_count, 3);
  EXPECT_EQ(Json(refused->replay.conflicts), Json::parse(R"([
    {"table": "shop.orders", "key": {"sample_id": 1}, "base": {"sample_id": 1, "v": 10},
     "ours": {"sample_id": 1, "v": 11}, "theirs": {"sample_id": 1, "v": 12}},
    {"table": "shop.orders", "key": {"sample_id": 2}, "base": {"sample_id": 2, "v": 20},
     "ours": null, "theirs": {"sample_id": 2, "v": 22}},
    {"table": "shop.orders", "key": {"sample_id": 4}, "base": null,
     "ours": {"sample_id": 4, "v": 40}, "theirs": {"sample_id": 4, "v": 41}}])"));
  EXPECT_EQ(HeadOf("main"), head);
  const auto ours = Run({.prefer = Prefer::kOurs, .dry_run = true});
  ASSERT_THAT(ours, IsOk());
  EXPECT_EQ(ours->replay.tables.front().rows.added, 1);
  const auto theirs = Run({.prefer = Prefer::kTheirs});
  ASSERT_THAT(theirs, IsOk());
  ASSERT_TRUE(theirs->replay.commit);
  EXPECT_EQ(RowsAt(kTable, "main"), RowsAt(kTable, "exp"));
}

TEST_F(MergeTest, AsksWhatToCompareWithWhereBranchesMergedEachOther) {
  const auto exp = Change("exp", kTable, {{1, 11}}).ValueOrDie().id;
  const auto main = Change("main", kTable, {{2, 21}}).ValueOrDie().id;
  ASSERT_THAT(Run({.from = exp}), IsOk());
  ASSERT_THAT(Run({.from = main, .into = "exp"}), IsOk());
  ASSERT_THAT(Change("exp", kTable, {{3, 33}}), IsOk());
  const std::string head = HeadOf("main");
  EXPECT_THAT(Run({}), IsError(ErrorKind::kConflict, HasSubstr(main + ", " + exp)));
  EXPECT_THAT(Run({.base = HeadOf("exp")}), IsError(ErrorKind::kInvalid, HasSubstr(main)));
  EXPECT_EQ(HeadOf("main"), head);
  const auto outcome = Run({.base = main});
  ASSERT_THAT(outcome, IsOk());
  EXPECT_EQ(outcome->base, main);
  EXPECT_EQ(outcome->replay.conflict_count, 0);
  EXPECT_EQ(RowsAt(kTable, "main"), (Rows{{1, 11}, {2, 21}, {3, 33}}));
}

TEST_F(MergeTest, DroppedOnOneSideAndChangedOnTheOtherIsAConflict) {
  ASSERT_THAT(Drop("exp", kTable), IsOk());
  ASSERT_THAT(Change("main", kTable, {{1, 11}}), IsOk());
  const auto refused = Run({});
  ASSERT_THAT(refused, IsOk());
  EXPECT_EQ(refused->replay.conflict_count, 1);
  EXPECT_THAT(refused->replay.conflicts.front()["reason"].get<std::string>(),
              HasSubstr("changed on one side, dropped on the other"));
  ASSERT_THAT(Run({.prefer = Prefer::kOurs}), IsOk());
  EXPECT_EQ(RowsAt(kTable, "main"), (Rows{{1, 11}, {2, 20}, {3, 30}}));
}

TEST_F(MergeTest, TakesOverADrop) {
  ASSERT_THAT(Create("shop.items", {{1, 1}}), IsOk());
  ASSERT_THAT(Drop("exp", kTable), IsOk());
  ASSERT_THAT(Run({}), IsOk());
  EXPECT_THAT(history_.OnBranch(Name(kTable), "main"), IsError(ErrorKind::kNotFound));
}

TEST_F(MergeTest, TakesTheColumnsOfTheSideThatChangedThem) {
  ASSERT_THAT(AddColumn("exp", kTable, "note"), IsOk());
  ASSERT_THAT(Change("exp", kTable, {{2, 22}}), IsOk());
  ASSERT_THAT(Change("main", kTable, {{1, 11}}), IsOk());
  ASSERT_THAT(Run({}), IsOk());
  const auto main = history_.At(Name(kTable), "main").ValueOrDie();
  const auto exp = history_.At(Name(kTable), "exp").ValueOrDie();
  EXPECT_TRUE(main.schema->Equals(*exp.schema, /*check_metadata=*/true));
  EXPECT_EQ(RowsAt(kTable, "main"), (Rows{{1, 11}, {2, 22}, {3, 30}}));
  // The other way round the branch has what main has, and nothing is joined again.
  ASSERT_THAT(Run({.from = "main", .into = "exp"}), IsOk());
  EXPECT_EQ(RowsAt(kTable, "exp"), (Rows{{1, 11}, {2, 22}, {3, 30}}));
}

TEST_F(MergeTest, RefusesColumnsThatBothChanged) {
  ASSERT_THAT(AddColumn("exp", kTable, "note"), IsOk());
  ASSERT_THAT(AddColumn("main", kTable, "remark"), IsOk());
  EXPECT_THAT(Run({}), IsError(ErrorKind::kConflict,
                               HasSubstr("shop.orders: its columns were changed on both sides")));
}

TEST_F(MergeTest, DoesNotStoreWhatAPolicyMadeOfATable) {
  ASSERT_THAT(Change("main", kTable, {{1, 11}}), IsOk());
  ASSERT_THAT(Change("exp", kTable, {{2, 22}}), IsOk());
  query::ReadDecision decision;
  decision.allowed = true;
  decision.row_filter = "v < 25";
  decision.policy_hash = "p1";
  pond_.policies().decisions[Name(kTable)] = decision;
  EXPECT_THAT(Run({}), IsError(ErrorKind::kDenied, HasSubstr("a policy filters or masks")));
}

TEST_F(MergeTest, RefusesRowsWhoseKeyIsThereTwice) {
  const auto repeated =
      IsError(ErrorKind::kInvalid, HasSubstr("more than one row has the key sample_id 7, so"));
  ASSERT_THAT(Change("main", kTable, {{7, 70}}), IsOk());
  ASSERT_THAT(Change("exp", kTable, {{8, 80}}), IsOk());
  // Of theirs: one alike on both sides, one more.
  ASSERT_THAT(Append("exp", kTable, Sql({{7, 70}})), IsOk());
  ASSERT_THAT(Append("exp", kTable, Sql({{7, 70}})), IsOk());
  const std::string head = HeadOf("main");
  EXPECT_THAT(Run({}), repeated);
  EXPECT_THAT(Run({.prefer = Prefer::kTheirs}), repeated);
  EXPECT_EQ(HeadOf("main"), head);
}

TEST_F(MergeTest, LeavesRepeatedKeysAloneThatTheirsDidNotTouch) {
  ASSERT_THAT(Append("main", kTable, Sql({{9, 90}})), IsOk());
  ASSERT_THAT(Append("main", kTable, Sql({{9, 91}})), IsOk());
  ASSERT_THAT(Change("exp", kTable, {{8, 80}}), IsOk());
  ASSERT_THAT(Run({}), IsOk());
  EXPECT_EQ(pond_.Rows("SELECT sample_id, v FROM shop.orders ORDER BY ALL"),
            Json::parse("[[1,10],[2,20],[3,30],[8,80],[9,90],[9,91]]"));
  // Theirs changes it: which of the two is meant?
  ASSERT_THAT(Change("exp", kTable, {{9, 92}}), IsOk());
  EXPECT_THAT(Run({}), IsError(ErrorKind::kInvalid, HasSubstr("the key sample_id 9")));
}

TEST_F(MergeTest, BeginsAnewWhereTheBranchMovesMeanwhile) {
  ASSERT_THAT(Create("shop.items", {{1, 1}}), IsOk());
  ASSERT_THAT(Create("shop.zones", {{1, 1}}), IsOk());
  ASSERT_THAT(Branch("late"), IsOk());
  ASSERT_THAT(Change("main", kTable, {{1, 11}}), IsOk());
  ASSERT_THAT(Change("late", kTable, {{2, 22}}), IsOk());
  ASSERT_THAT(Change("late", "shop.items", {{2, 2}}), IsOk());
  ASSERT_THAT(Drop("late", "shop.zones"), IsOk());
  // While shop.orders is joined, main changes a row of it and the table that only moves.
  int times = 0;
  pond_.policies().before_read = [&] {
    if (times++ > 0) return;
    ASSERT_THAT(Change("main", kTable, {{3, 33}, {4, 40}}), IsOk());
    ASSERT_THAT(Change("main", "shop.items", {{3, 3}}), IsOk());
  };
  const auto outcome = Run({.from = "late"});
  ASSERT_THAT(outcome, IsOk());
  EXPECT_TRUE(outcome->replay.commit);
  EXPECT_GT(times, 1);
  EXPECT_EQ(RowsAt(kTable, "main"), (Rows{{1, 11}, {2, 22}, {3, 33}, {4, 40}}));
  EXPECT_EQ(RowsAt("shop.items", "main"), (Rows{{1, 1}, {2, 2}, {3, 3}}));
  EXPECT_THAT(history_.OnBranch(Name("shop.zones"), "main"), IsError(ErrorKind::kNotFound));
}

TEST_F(MergeTest, DoesNotDropWhatTheBranchChangesMeanwhile) {
  ASSERT_THAT(Create("shop.zones", {{1, 1}}), IsOk());
  ASSERT_THAT(Branch("late"), IsOk());
  ASSERT_THAT(Change("main", kTable, {{1, 11}}), IsOk());
  ASSERT_THAT(Change("late", kTable, {{2, 22}}), IsOk());
  ASSERT_THAT(Drop("late", "shop.zones"), IsOk());
  int times = 0;
  pond_.policies().before_read = [&] {
    if (times++ == 0) {
      ASSERT_THAT(Change("main", "shop.zones", {{2, 2}}), IsOk());
    }
  };
  const auto outcome = Run({.from = "late"});
  ASSERT_THAT(outcome, IsOk());
  EXPECT_FALSE(outcome->replay.commit);
  EXPECT_EQ(outcome->replay.conflict_count, 1);
  EXPECT_EQ(RowsAt("shop.zones", "main"), (Rows{{1, 1}, {2, 2}}));
  EXPECT_EQ(RowsAt(kTable, "main"), (Rows{{1, 11}, {2, 20}, {3, 30}}));
}

TEST_F(MergeTest, LeavesNoFilesWhereItIsRefused) {
  ASSERT_THAT(Create("shop.zones", {{1, 1}}), IsOk());
  ASSERT_THAT(Branch("late"), IsOk());
  ASSERT_THAT(Change("main", kTable, {{1, 11}}), IsOk());
  ASSERT_THAT(Change("late", kTable, {{2, 22}}), IsOk());
  ASSERT_THAT(Change("main", "shop.zones", {{1, 2}}), IsOk());
  ASSERT_THAT(Change("late", "shop.zones", {{1, 3}}), IsOk());
  auto blobs = [&] {
    std::set<std::string> paths;
    using Walk = std::filesystem::recursive_directory_iterator;
    for (const auto& entry : Walk(pond_.folder() / "truth")) {
      if (entry.is_regular_file()) paths.insert(entry.path());
    }
    return paths;
  };
  const auto before = blobs();
  const auto refused = Run({.from = "late"});
  ASSERT_THAT(refused, IsOk());
  EXPECT_EQ(refused->replay.tables.front().rows.changed, 1);
  EXPECT_EQ(refused->replay.conflict_count, 1);
  EXPECT_EQ(blobs(), before);
}

TEST_F(MergeTest, DoesNotTakeALostSnapshotForADroppedTable) {
  ASSERT_THAT(Change("exp", kTable, {{2, 22}}), IsOk());
  ASSERT_THAT(Create("shop.items", {{1, 1}}), IsOk());
  // Somebody removed the table's files; what is there no more was not dropped.
  using Walk = std::filesystem::recursive_directory_iterator;
  std::vector<std::filesystem::path> lost;
  for (const auto& entry : Walk(pond_.folder() / "truth/shop")) {
    if (entry.path().string().ends_with(".metadata.json")) lost.push_back(entry.path());
  }
  ASSERT_FALSE(lost.empty());
  for (const auto& path : lost) std::filesystem::remove(path);
  const auto fresh = table::Catalog::Open(pond_.ledger(), pond_.store(), {}).ValueOrDie();
  EXPECT_THAT(StateAt(fresh, Name(kTable), HeadOf("exp")),
              IsError(ErrorKind::kConflict, HasSubstr("is gone")));
  EXPECT_THAT(StateAt(fresh, Name("shop.nope"), HeadOf("exp")), IsOk());
}

TEST_F(MergeTest, KeepsColumnsThatTheirsKnowsNothingOf) {
  ASSERT_THAT(AddColumn("main", kTable, "note"), IsOk());
  ASSERT_THAT(Change("main", kTable, {}, {1}), IsOk());
  ASSERT_THAT(Append("main", kTable, "SELECT 1::BIGINT AS sample_id, 10::BIGINT AS v, 'a' AS note"),
              IsOk());
  ASSERT_THAT(Change("exp", kTable, {{1, 12}, {2, 22}, {5, 50}}), IsOk());
  // The row that main gave a note is changed on exp.
  EXPECT_EQ(Run({})->replay.conflict_count, 1);
  const auto outcome = Run({.prefer = Prefer::kTheirs});
  ASSERT_THAT(outcome, IsOk());
  EXPECT_EQ(pond_.Rows("SELECT sample_id, v, note FROM shop.orders ORDER BY ALL"),
            Json::parse(R"([[1,12,"a"],[2,22,null],[3,30,null],[5,50,null]])"));
}

TEST_F(MergeTest, SaysWhichColumnsGo) {
  using table::SchemaStep;
  ASSERT_THAT(AddColumn("main", kTable, "note"), IsOk());
  ASSERT_THAT(Run({.from = "main", .into = "exp"}), IsOk());
  SchemaStep drop;
  drop.kind = SchemaStep::Kind::kDrop;
  drop.column = "note";
  ASSERT_THAT(Alter("exp", kTable, drop), IsOk());
  ASSERT_THAT(Change("exp", kTable, {{2, 22}}), IsOk());
  ASSERT_THAT(Append("main", kTable, "SELECT 6::BIGINT AS sample_id, 60::BIGINT AS v, 'a' AS note"),
              IsOk());
  const auto outcome = Run({});
  ASSERT_THAT(outcome, IsOk());
  EXPECT_EQ(outcome->replay.tables.front().columns_dropped, std::vector<std::string>{"note"});
  EXPECT_EQ(outcome->replay.commit->details["tables"][0]["columns_dropped"], Json({"note"}));
  EXPECT_EQ(RowsAt(kTable, "main"), (Rows{{1, 10}, {2, 22}, {3, 30}, {6, 60}}));
}

TEST_F(MergeTest, ComparesStructsWhoseColumnsOneSideChanged) {
  using table::SchemaStep;
  table::PendingCommit create(pond_.catalog(), InfoOn("main"));
  const auto place = arrow::struct_({arrow::field("x", arrow::int32())});
  ASSERT_THAT(create.Create(Name("shop.places"),
                            arrow::schema({arrow::field("sample_id", arrow::int64(), false),
                                           arrow::field("p", place)})),
              IsOk());
  ASSERT_THAT(create.Land({}), IsOk());
  auto row = [](int id, const std::string& p) {
    return fmt::format("SELECT {}::BIGINT AS sample_id, {} AS p", id, p);
  };
  ASSERT_THAT(Append("main", "shop.places", row(1, "{'x': 1}")), IsOk());
  ASSERT_THAT(Append("main", "shop.places", row(2, "{'x': 2}")), IsOk());
  ASSERT_THAT(Branch("late"), IsOk());
  SchemaStep step;
  step.column = "p.y";
  step.type = arrow::int32();
  ASSERT_THAT(Alter("late", "shop.places", step), IsOk());
  step.kind = SchemaStep::Kind::kWiden;
  step.column = "p.x";
  step.type = arrow::int64();
  ASSERT_THAT(Alter("late", "shop.places", step), IsOk());
  ASSERT_THAT(Append("late", "shop.places", row(3, "{'x': 3::BIGINT, 'y': 30::INT}")), IsOk());
  ASSERT_THAT(Append("main", "shop.places", row(4, "{'x': 4}")), IsOk());
  ASSERT_THAT(Run({.from = "late"}), IsOk());
  EXPECT_EQ(pond_.Rows("SELECT sample_id, p.x, p.y FROM shop.places ORDER BY 1"),
            Json::parse("[[1,1,null],[2,2,null],[3,3,30],[4,4,null]]"));
  // And back: main has the columns now, late what was added there.
  ASSERT_THAT(Append("late", "shop.places", row(5, "{'x': 5::BIGINT, 'y': 50::INT}")), IsOk());
  ASSERT_THAT(Run({.from = "main", .into = "late"}), IsOk());
  EXPECT_EQ(pond_.Rows("SELECT count(*), sum(p.x), sum(p.y) FROM shop.places@late"),
            Json::parse("[[5,15,80]]"));
}

TEST_F(MergeTest, RefusesItselfAndWhatIsNoBranch) {
  EXPECT_THAT(Run({.from = "main"}), IsError(ErrorKind::kInvalid, HasSubstr("into itself")));
  EXPECT_THAT(Run({.into = "nope"}), IsError(ErrorKind::kNotFound));
  EXPECT_THAT(Run({.from = "nope"}), IsError(ErrorKind::kNotFound));
}

TEST_F(MergeTest, ReadsOnlyTheFilesThatDiffer) {
  for (int64_t key = 10; key < 15; ++key) {
    ASSERT_THAT(Change("main", kTable, {{key, key}}), IsOk());
  }
  ASSERT_THAT(Branch("late"), IsOk());
  ASSERT_THAT(Change("late", kTable, {{20, 20}}), IsOk());
  query::SqlOptions options;
  options.differences_only = true;
  const auto explained = pond_.session().Explain(
      "SELECT a.v FROM shop.orders@main a FULL JOIN shop.orders@late b USING (sample_id)", options);
  ASSERT_THAT(explained, IsOk());
  EXPECT_EQ(explained->tables[0]["files_read"], 0);
  EXPECT_EQ(explained->tables[1]["files_read"], 1);
  const auto alone = pond_.session().Explain("SELECT v FROM shop.orders@late", options);
  ASSERT_THAT(alone, IsOk());
  EXPECT_EQ(alone->tables[0]["files_read"], 7);
}

// The slow obvious merge.
struct MapMerge {
  Rows rows;
  int64_t conflicts = 0;
};

MapMerge MergeMaps(const Rows& base, const Rows& ours, const Rows& theirs, Prefer prefer) {
  using Row = std::optional<std::optional<int64_t>>;  // No row is not a row of null.
  auto at = [](const Rows& rows, int64_t key) {
    const auto found = rows.find(key);
    return found == rows.end() ? Row() : Row(std::in_place, found->second);
  };
  std::set<int64_t> keys;
  for (const auto* rows : {&base, &ours, &theirs}) {
    for (const auto& [key, value] : *rows) keys.insert(key);
  }
  MapMerge merged;
  for (const int64_t key : keys) {
    const auto b = at(base, key), o = at(ours, key), t = at(theirs, key);
    auto result = o;
    if (b == o) {
      result = t;
    } else if (b != t && o != t) {
      ++merged.conflicts;
      if (prefer == Prefer::kTheirs) result = t;
    }
    if (result) merged.rows[key] = *result;
  }
  return merged;
}

// How the table keeps its deletes, by format version.
struct Kind {
  const char* name;
  std::map<std::string, std::string> properties;
};

class MergeOracleTest : public VersionTest, public ::testing::WithParamInterface<Kind> {
 protected:
  void SetUp() override {
    ASSERT_THAT(Create(kTable, {{1, 1}, {2, 2}, {3, 0}}, "main", GetParam().properties), IsOk());
    ASSERT_THAT(Branch("exp"), IsOk());
    expected_ = {{"main", RowsAt(kTable, "main")}, {"exp", RowsAt(kTable, "exp")}};
    base_ = expected_["main"];
  }

  int64_t Draw(int below) { return static_cast<int64_t>(random_() % static_cast<unsigned>(below)); }

  void ChangeAtRandom(const std::string& branch) {
    Rows put;
    std::vector<int64_t> remove;
    for (int64_t i = Draw(4); i > 0; --i) {
      put[Draw(14)] = Draw(6) == 0 ? std::nullopt : std::optional(Draw(3));
    }
    if (Draw(2) == 0) remove.push_back(Draw(14));
    Rows& rows = expected_[branch];
    for (const int64_t key : remove) rows.erase(key);
    for (const auto& [key, value] : put) rows[key] = value;
    if (Draw(5) == 0) {
      ASSERT_THAT(Replace(branch, kTable, rows), IsOk());
    } else if (const auto status = Change(branch, kTable, put, remove).status(); !status.ok()) {
      ASSERT_THAT(status, IsError(ErrorKind::kInvalid, HasSubstr("nothing")));
    }
  }

  void MergeAndCompare() {
    const bool forth = Draw(2) == 0;
    const std::string into = forth ? "main" : "exp", from = forth ? "exp" : "main";
    Rows& ours = expected_[into];
    const Rows theirs = expected_[from];
    const auto plain = MergeMaps(base_, ours, theirs, Prefer::kNone);
    const std::string head = HeadOf(into);
    MergeRequest request{.from = from, .into = into, .author = "ana"};
    auto merged = Merge(pond_.session(), request, {});
    ASSERT_THAT(merged, IsOk());
    if (merged->kind == MergeKind::kMerge) {
      ASSERT_TRUE(merged->base);
      ASSERT_EQ(RowsAt(kTable, *merged->base), base_);
      ASSERT_EQ(merged->replay.conflict_count, plain.conflicts);
      joins_ += !merged->replay.tables.empty() && merged->replay.tables.front().action == "rows";
    }
    Prefer prefer = Prefer::kNone;
    if (plain.conflicts > 0 && merged->kind == MergeKind::kMerge) {
      ++refusals_;
      ASSERT_TRUE(merged->replay.refused(Prefer::kNone));
      ASSERT_EQ(HeadOf(into), head);
      ASSERT_EQ(RowsAt(kTable, into), ours);
      prefer = Draw(2) == 0 ? Prefer::kOurs : Prefer::kTheirs;
      request.prefer = prefer;
      merged = Merge(pond_.session(), request, {});
      ASSERT_THAT(merged, IsOk());
    }
    if (merged->kind != MergeKind::kUpToDate) ours = MergeMaps(base_, ours, theirs, prefer).rows;
    ASSERT_EQ(RowsAt(kTable, into), ours);
    ASSERT_EQ(RowsAt(kTable, from), theirs);
    // What was merged is the next base, whichever way.
    base_ = theirs;
  }

  std::mt19937 random_{20261125};
  std::map<std::string, Rows> expected_;
  Rows base_;
  int refusals_ = 0, joins_ = 0;
};

TEST_P(MergeOracleTest, AgreesWithAMergeOfMaps) {
  for (int round = 0; round < 12; ++round) {
    SCOPED_TRACE(fmt::format("round {}", round));
    for (const std::string branch : {"main", "exp"}) {
      for (int64_t steps = Draw(4); steps > 0; --steps) {
        ASSERT_NO_FATAL_FAILURE(ChangeAtRandom(branch));
      }
    }
    ASSERT_NO_FATAL_FAILURE(MergeAndCompare());
    if (!GetParam().properties.contains("format-version")) continue;
    const Json ids = pond_.Rows("SELECT count(*) = count(DISTINCT _row_id) FROM shop.orders");
    ASSERT_EQ(ids, Json::parse("[[true]]"));
  }
  EXPECT_GT(refusals_, 1);
  EXPECT_GT(joins_, 2);
}

const Kind kKinds[] = {
    {"V2Copies", {}},
    {"V2Deletes", {{"write.merge.mode", "merge-on-read"}}},
    {"V3Copies", {{"format-version", "3"}}},
    {"V3Vectors", {{"format-version", "3"}, {"write.merge.mode", "merge-on-read"}}},
};

INSTANTIATE_TEST_SUITE_P(Kinds, MergeOracleTest, ::testing::ValuesIn(kKinds),
                         [](const auto& kind) { return std::string(kind.param.name); });

TEST_F(MergeTest, RowsKeepTheirRowIds) {
  ASSERT_THAT(Create("shop.v3", {{1, 10}, {2, 20}}, "main", {{"format-version", "3"}}), IsOk());
  ASSERT_THAT(Branch("late"), IsOk());
  ASSERT_THAT(Change("main", "shop.v3", {{3, 30}}), IsOk());
  const Json before = pond_.Rows("SELECT _row_id FROM shop.v3 WHERE sample_id = 1");
  ASSERT_THAT(Change("late", "shop.v3", {{1, 11}}), IsOk());
  ASSERT_THAT(Run({.from = "late"}), IsOk());
  EXPECT_EQ(pond_.Rows("SELECT _row_id FROM shop.v3 WHERE sample_id = 1 AND v = 11"), before);
}

}  // namespace
}  // namespace millpond::version
