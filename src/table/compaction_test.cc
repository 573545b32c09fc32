// Compaction: what is chosen, that rows, ids and lineage stay, which deletes go, and what of other
// people's commits in between is a conflict.
#include "table/compaction.h"

#include <set>

#include "base/error_matchers.h"
#include "table/pond_testing.h"
#include "table/row_deletes.h"
#include "table/schema_evolution.h"
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
const base::Context kContext;

class CompactionTest : public ::testing::Test {
 protected:
  Table Load() { return pond_.catalog()->Load(kOrders).ValueOrDie(); }
  const std::map<std::string, std::string> Summary() {
    return Load().metadata->current_snapshot()->summary;
  }
  void Create(const Values& values, const std::map<std::string, std::string>& properties = {}) {
    PendingCommit commit(pond_.catalog(), PondForTest::Info("create"));
    ASSERT_THAT(commit.Create(kOrders, PondForTest::Columns(), {}, properties), IsOk());
    ASSERT_THAT(commit.Append(kOrders, pond_.Write(commit, kOrders, *PondForTest::Batch(values))),
                IsOk());
    ASSERT_THAT(commit.Land(kContext), IsOk());
  }
  void Append(const Values& values) { ASSERT_THAT(pond_.Append(kOrders, values), IsOk()); }

  CompactionPlan Plan() {
    return PlanCompaction(*pond_.store(), *Load().metadata, rule_, kContext).ValueOrDie();
  }
  static CommitInfo Info() {
    CommitInfo info = PondForTest::Info(kUpkeepOperation);
    info.is_upkeep = true;
    return info;
  }
  Result<CompactionReport> Compact() {
    PendingCommit commit(pond_.catalog(), Info());
    ARROW_ASSIGN_OR_RAISE(auto report, commit.Compact(kOrders, Plan(), rule_, kContext));
    ARROW_RETURN_NOT_OK(commit.Land(kContext).status());
    return report;
  }

  /// Live data files, in the order of the list.
  std::vector<ManifestEntry> Files(int32_t content = 0) {
    std::vector<ManifestEntry> files;
    const Table table = Load();
    for (const auto& file :
         LoadManifestList(*pond_.store(), *table.metadata->current_snapshot()).ValueOrDie()) {
      for (auto& entry : LoadManifest(*pond_.store(), file).ValueOrDie().entries) {
        if (entry.status != EntryStatus::kDeleted && entry.content == content) {
          files.push_back(entry);
        }
      }
    }
    return files;
  }
  /// A column's values that are not deleted, in plan order.
  Values Live(const std::string& column = "value", const std::string& ref = "") {
    const TableVersion version = pond_.history().At(kOrders, ref).ValueOrDie();
    ManifestCache manifests(pond_.store().get(), 0);
    const ScanPlan plan = PlanScan(manifests, version, {}).ValueOrDie();
    const RowDeletes deletes(pond_.catalog(), plan);
    Values values;
    for (size_t f = 0; f < plan.files.size(); ++f) {
      const auto rows = PondForTest::ReadFile(plan.files[f].path).ValueOrDie();
      const RowPositions* gone = deletes.Of(f).ValueOrDie();
      for (int64_t i = 0; i < rows->num_rows(); ++i) {
        if (gone != nullptr && gone->Contains(i)) continue;
        const auto cell = rows->GetColumnByName(column)->GetScalar(i).ValueOrDie();
        values.push_back(static_cast<const arrow::Int64Scalar&>(*cell).value);
      }
    }
    return values;
  }
  Status Delete(const std::string& uri, const Values& positions) {
    PendingCommit commit(pond_.catalog(), PondForTest::Info("delete"));
    RowDelta delta;
    delta.base_snapshot = Load().metadata->current_snapshot_id;
    delta.deleted[uri] = RowPositions(positions);
    ARROW_RETURN_NOT_OK(commit.ChangeRows(kOrders, std::move(delta), kContext).status());
    return commit.Land(kContext).status();
  }

  PondForTest pond_;
  CompactionRule rule_;
};

TEST_F(CompactionTest, SmallFilesBecomeOneInTheOrderOfTheirRows) {
  Create({0, 1});
  for (int64_t i = 1; i < 6; ++i) Append({10 * i, 10 * i + 1});
  const auto before = Live();
  const auto ids = Live("sample_id");
  const auto report = Compact().ValueOrDie();
  EXPECT_EQ(report.files_before, 6);
  EXPECT_EQ(report.files_after, 1);
  EXPECT_LT(report.bytes_after, report.bytes_before);
  EXPECT_THAT(Files(), SizeIs(1));
  EXPECT_EQ(Live(), (Values{0, 1, 10, 11, 20, 21, 30, 31, 40, 41, 50, 51}));
  EXPECT_EQ(Live("sample_id"), (Values{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}));
  EXPECT_EQ(Summary().at("operation"), "replace");
  EXPECT_EQ(Summary().at("added-records"), "12");
  EXPECT_EQ(Summary().at("deleted-records"), "12");
  EXPECT_EQ(Summary().at("total-data-files"), "1");
  EXPECT_EQ(Summary().at("total-records"), "12");
  const auto log = pond_.history().Log(1).ValueOrDie();
  EXPECT_EQ(log[0].changes[0].operation, "compact");
  EXPECT_EQ(Live("value", "~1"), before);
  EXPECT_EQ(Live("sample_id", "~1"), ids);
  EXPECT_TRUE(Plan().empty());
}

TEST_F(CompactionTest, FewSmallFilesAndLargeOnesStay) {
  Create({0});
  for (int64_t i = 1; i < 4; ++i) Append({i});
  EXPECT_TRUE(Plan().empty());
  Append({4});
  EXPECT_THAT(Plan().groups, SizeIs(1));
  rule_.target_file_size = Files()[0].file.size;
  rule_.small_share = 0.5;
  EXPECT_TRUE(Plan().empty());
  rule_.small_share = 1.5;
  // No two of them fit into one file of the target size.
  EXPECT_TRUE(Plan().empty());
}

TEST_F(CompactionTest, RowsAreCopiedAboutAsOftenAsSizesDouble) {
  Create({0});
  int64_t copied = 0;
  for (int64_t i = 1; i <= 60; ++i) {
    Append({i});
    const auto plan = Plan();
    if (plan.empty()) continue;
    for (const auto& group : plan.groups) copied += group.rows;
    ASSERT_THAT(Compact(), IsOk());
  }
  EXPECT_LT(copied, 61 * 6);
  EXPECT_LT(Files().size(), 15u);
  Values values(61);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<int64_t>(i);
  auto live = Live();
  std::sort(live.begin(), live.end());
  EXPECT_EQ(live, values);
}

TEST_F(CompactionTest, AFileWithManyDeletesIsRewrittenWithoutThemAndTheDeletesGo) {
  for (const char* version : {"2", "3"}) {
    SCOPED_TRACE(version);
    Values values(100);
    for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<int64_t>(i);
    if (std::string(version) == "3") {
      PendingCommit drop(pond_.catalog(), PondForTest::Info("drop"));
      ASSERT_THAT(drop.Drop(kOrders), IsOk());
      ASSERT_THAT(drop.Land(kContext), IsOk());
    }
    Create(values, {{"write.delete.mode", "merge-on-read"}, {"format-version", version}});
    const std::string file = Files()[0].file.uri;
    ASSERT_THAT(Delete(file, {3, 4, 5}), IsOk());
    EXPECT_TRUE(Plan().empty());  // 3 of 100.
    ASSERT_THAT(Delete(file, {0, 1, 2, 6, 7, 8, 99}), IsOk());
    EXPECT_EQ(Plan().deleted_rows, 10);
    const auto before = Live();
    const auto report = Compact().ValueOrDie();
    EXPECT_EQ(report.rows_deleted, 10);
    EXPECT_EQ(report.delete_files_dropped, 1);
    EXPECT_THAT(Files(1), IsEmpty());
    EXPECT_EQ(Files()[0].file.record_count, 90);
    EXPECT_EQ(Live(), before);
    EXPECT_EQ(Summary().at("total-delete-files"), "0");
    EXPECT_EQ(Summary().at("total-records"), "90");
    EXPECT_TRUE(Plan().empty());
  }
}

TEST_F(CompactionTest, LineageStaysInVersion3) {
  Create({0, 1, 2}, {{"format-version", "3"}, {"write.delete.mode", "merge-on-read"}});
  for (int64_t i = 1; i < 6; ++i) Append({10 * i});
  ASSERT_THAT(Delete(Files()[0].file.uri, {0}), IsOk());
  std::map<int64_t, std::pair<int64_t, int64_t>> lineage;  // Value -> row id, last change.
  for (const auto& entry : Files()) {
    const auto rows = PondForTest::ReadFile(entry.file.uri.substr(7)).ValueOrDie();
    for (int64_t i = 0; i < rows->num_rows(); ++i) {
      const auto cell = rows->GetColumnByName("value")->GetScalar(i).ValueOrDie();
      lineage[static_cast<const arrow::Int64Scalar&>(*cell).value] = {*entry.file.first_row_id + i,
                                                                      *entry.sequence_number};
    }
  }
  lineage.erase(0);  // Deleted.
  ASSERT_THAT(Compact(), IsOk());
  Values ids, changes;
  for (const auto& [value, of] : lineage) {
    ids.push_back(of.first);
    changes.push_back(of.second);
  }
  EXPECT_EQ(Live("_row_id"), ids);
  EXPECT_EQ(Live("_last_updated_sequence_number"), changes);
  EXPECT_EQ(Live().size(), ids.size());
}

TEST_F(CompactionTest, AppendsMeanwhileAreKept) {
  Create({0});
  for (int64_t i = 1; i < 6; ++i) Append({i});
  PendingCommit commit(pond_.catalog(), Info());
  ASSERT_THAT(commit.Compact(kOrders, Plan(), rule_, kContext), IsOk());
  Append({6});
  ASSERT_THAT(commit.Land(kContext), IsOk());
  EXPECT_THAT(Files(), SizeIs(2));
  auto live = Live();
  std::sort(live.begin(), live.end());
  EXPECT_EQ(live, (Values{0, 1, 2, 3, 4, 5, 6}));
}

TEST_F(CompactionTest, DeletesMeanwhileAreAConflictAndNothingStays) {
  Create({0, 1}, {{"write.delete.mode", "merge-on-read"}});
  for (int64_t i = 1; i < 6; ++i) Append({10 * i});
  const auto before = Live();
  for (const bool marks : {true, false}) {
    const char* mode = marks ? "merge-on-read" : "copy-on-write";
    SCOPED_TRACE(mode);
    PendingCommit set(pond_.catalog(), PondForTest::Info("alter"));
    ASSERT_THAT(set.SetProperties(kOrders, {{"write.delete.mode", mode}}), IsOk());
    ASSERT_THAT(set.Land(kContext), IsOk());
    size_t blobs = 0;
    {
      PendingCommit commit(pond_.catalog(), Info());
      const auto plan = Plan();
      ASSERT_THAT(commit.Compact(kOrders, plan, rule_, kContext), IsOk());
      ASSERT_THAT(Delete(plan.groups[0].files[marks ? 0 : 1].entry.file.uri, {0}), IsOk());
      blobs = pond_.Blobs().size();
      EXPECT_THAT(commit.Land(kContext), IsError(ErrorKind::kConflict, HasSubstr("meanwhile")));
    }
    EXPECT_EQ(pond_.Blobs().size(), blobs - 1);  // The file that compaction had written.
  }
  EXPECT_EQ(Live().size(), before.size() - 2);
  ASSERT_THAT(Compact(), IsOk());
  EXPECT_EQ(Live().size(), before.size() - 2);
}

TEST_F(CompactionTest, ADeleteThatLookedForItsRowsBeforeFindsThemMoved) {
  Create({0, 1});
  for (int64_t i = 1; i < 6; ++i) Append({10 * i});
  PendingCommit late(pond_.catalog(), PondForTest::Info("delete"));
  RowDelta delta;
  delta.base_snapshot = Load().metadata->current_snapshot_id;
  delta.deleted[Files()[0].file.uri] = RowPositions(Values{0});
  ASSERT_THAT(late.ChangeRows(kOrders, std::move(delta), kContext), IsOk());
  ASSERT_THAT(Compact(), IsOk());
  EXPECT_THAT(late.Land(kContext), IsError(ErrorKind::kConflict));
  EXPECT_THAT(Live(), SizeIs(7));
}

TEST_F(CompactionTest, TwoAtOnceEndAsOne) {
  Create({0});
  for (int64_t i = 1; i < 6; ++i) Append({i});
  PendingCommit one(pond_.catalog(), Info()), other(pond_.catalog(), Info());
  ASSERT_THAT(one.Compact(kOrders, Plan(), rule_, kContext), IsOk());
  ASSERT_THAT(other.Compact(kOrders, Plan(), rule_, kContext), IsOk());
  ASSERT_THAT(one.Land(kContext), IsOk());
  EXPECT_THAT(other.Land(kContext), IsError(ErrorKind::kConflict));
  EXPECT_EQ(Live(), (Values{0, 1, 2, 3, 4, 5}));
}

TEST_F(CompactionTest, StopsWhenAskedAndLeavesNothing) {
  Create({0});
  for (int64_t i = 1; i < 6; ++i) Append({i});
  const auto before = pond_.Blobs();
  std::stop_source stop;
  base::Context context;
  context.stop = stop.get_token();
  context.progress = [&](const base::Progress& step) {
    if (step.done > 0) stop.request_stop();
  };
  {
    PendingCommit commit(pond_.catalog(), Info());
    EXPECT_THAT(commit.Compact(kOrders, Plan(), rule_, context), IsError(ErrorKind::kCancelled));
  }
  EXPECT_EQ(pond_.Blobs(), before);
}

TEST_F(CompactionTest, AProtectedBranchIsKeptInOrderToo) {
  Create({0});
  for (int64_t i = 1; i < 6; ++i) Append({i});
  ASSERT_THAT(pond_.history().ProtectBranch("main", true), IsOk());
  EXPECT_THAT(pond_.Append(kOrders, {9}), IsError(ErrorKind::kDenied));
  EXPECT_THAT(Compact(), IsOk());
}

TEST_F(CompactionTest, MergesManifestsAtOnceAndByTheTablesProperties) {
  Create({0}, {{"commit.manifest.min-count-to-merge", "4"}});
  auto manifests = [&] {
    return LoadManifestList(*pond_.store(), *Load().metadata->current_snapshot()).ValueOrDie();
  };
  for (int64_t i = 1; i < 4; ++i) Append({i});
  EXPECT_THAT(manifests(), SizeIs(4));
  Append({4});
  EXPECT_THAT(manifests(), SizeIs(2));  // Four merged, and the new one.
  Append({5});
  PendingCommit commit(pond_.catalog(), Info());
  ASSERT_THAT(commit.MergeManifests(kOrders, 2), IsOk());
  ASSERT_THAT(commit.Land(kContext), IsOk());
  EXPECT_THAT(manifests(), SizeIs(1));
  EXPECT_EQ(Summary().at("operation"), "replace");
  EXPECT_EQ(Summary().count("added-data-files"), 0u);
  EXPECT_EQ(Live(), (Values{0, 1, 2, 3, 4, 5}));
  PendingCommit off(pond_.catalog(), PondForTest::Info("alter"));
  ASSERT_THAT(off.SetProperties(kOrders, {{"commit.manifest-merge.enabled", "false"}}), IsOk());
  ASSERT_THAT(off.Land(kContext), IsOk());
  for (int64_t i = 0; i < 5; ++i) Append({i});
  EXPECT_THAT(manifests(), SizeIs(6));
}

/// Manifests of made-up files, to ask the planner alone.
class CompactionPlanTest : public ::testing::Test {
 protected:
  void Add(int32_t content, int64_t sequence, const std::string& name, int64_t rows = 10) {
    Manifest manifest;
    manifest.of_deletes = content != 0;
    ManifestEntry entry;
    entry.status = EntryStatus::kExisting;
    entry.snapshot_id = 1;
    entry.sequence_number = entry.file_sequence_number = sequence;
    entry.content = content;
    entry.file.uri = store_->UriOf("t/data/" + name);
    entry.file.record_count = rows;
    entry.file.size = 1000;
    if (content == 2) entry.file.equality_ids = {1};
    manifest.entries.push_back(entry);
    const std::string uri = store_->UriOf("t/metadata/" + name + ".avro");
    auto bytes = SerializeManifest(manifest, FirstSchema(*PondForTest::Columns(), {}).ValueOrDie())
                     .ValueOrDie();
    ManifestFile file;
    file.uri = uri;
    file.length = static_cast<int64_t>(bytes.size());
    file.content = content == 0 ? 0 : 1;
    file.sequence_number = file.min_sequence_number = sequence;
    file.added_snapshot_id = 1;
    file.existing_files = 1;
    file.existing_rows = rows;
    ASSERT_THAT(store::WriteBlob(*store_, store_->PathOf(uri).ValueOrDie(), bytes), IsOk());
    list_.push_back(file);
  }
  CompactionPlan Plan(int64_t sequence) {
    const std::string uri = store_->UriOf("t/metadata/list.avro");
    const auto bytes = SerializeManifestList(list_, 1, {}, sequence, 2).ValueOrDie();
    EXPECT_THAT(store::WriteBlob(*store_, store_->PathOf(uri).ValueOrDie(), bytes), IsOk());
    TableMetadata metadata;
    Snapshot snapshot;
    snapshot.id = 1;
    snapshot.sequence_number = sequence;
    snapshot.manifest_list = uri;
    metadata.snapshots.push_back(snapshot);
    metadata.current_snapshot_id = 1;
    CompactionRule rule;
    rule.min_files = 2;
    return PlanCompaction(*store_, metadata, rule, kContext).ValueOrDie();
  }

  PondForTest pond_;
  std::shared_ptr<store::BlobStore> store_ = pond_.store();
  std::vector<ManifestFile> list_;
};

TEST_F(CompactionPlanTest, FilesOnTwoSidesOfAnEqualityDeleteStayApart) {
  Add(0, 1, "a");
  Add(0, 2, "b");
  Add(2, 4, "equal");
  Add(0, 4, "c");  // Of the same commit as the delete: not older, so not deleted from.
  Add(0, 6, "d");
  const auto plan = Plan(9);
  ASSERT_THAT(plan.groups, SizeIs(2));
  EXPECT_THAT(plan.groups[0].files, SizeIs(2));
  EXPECT_EQ(plan.groups[0].sequence_number, 3);  // Still before the delete.
  EXPECT_EQ(plan.groups[1].sequence_number, 9);
  EXPECT_THAT(plan.dangling, IsEmpty());
}

TEST_F(CompactionPlanTest, DeletesThatAllFilesAreNewerThanDangle) {
  Add(1, 3, "positions");
  Add(2, 4, "equal");
  Add(0, 4, "a");
  const auto plan = Plan(9);
  EXPECT_THAT(plan.groups, IsEmpty());
  EXPECT_THAT(plan.dangling, SizeIs(2));
}

TEST_F(CompactionPlanTest, DeletesOfTheSameOrALaterCommitApply) {
  Add(1, 4, "positions");
  Add(2, 5, "equal");
  Add(0, 4, "a");
  EXPECT_THAT(Plan(9).dangling, IsEmpty());
}

}  // namespace
}  // namespace millpond::table
