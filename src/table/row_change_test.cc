// Deleting and updating rows: which files go, which are copied or marked, what is left alone, and
// what of other people's commits in between is a conflict.
#include <set>

#include "base/error_matchers.h"
#include "table/commit.h"
#include "table/deletion_vector.h"
#include "table/pond_testing.h"
#include "table/position_deletes.h"
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

class RowChangeTest : public ::testing::Test {
 protected:
  Table Load() { return pond_.catalog()->Load(kOrders).ValueOrDie(); }
  std::optional<int64_t> Current() { return Load().metadata->current_snapshot_id; }
  std::string Summary(const char* key) {
    const Table table = Load();
    const auto& summary = table.metadata->current_snapshot()->summary;
    auto found = summary.find(key);
    return found == summary.end() ? "none" : found->second;
  }
  std::vector<ManifestFile> List() {
    return LoadManifestList(*pond_.store(), *Load().metadata->current_snapshot()).ValueOrDie();
  }
  /// Live entries of the current snapshot, in the order of the list.
  std::vector<ManifestEntry> Entries(int32_t content) {
    std::vector<ManifestEntry> entries;
    for (const ManifestFile& file : List()) {
      for (auto& entry : LoadManifest(*pond_.store(), file).ValueOrDie().entries) {
        if (entry.status != EntryStatus::kDeleted && entry.content == content) {
          entries.push_back(entry);
        }
      }
    }
    return entries;
  }
  std::vector<std::string> DataFiles() {
    std::vector<std::string> uris;
    for (const ManifestEntry& entry : Entries(0)) uris.push_back(entry.file.uri);
    return uris;
  }
  void SetProperty(const std::string& key, const std::string& value) { properties_[key] = value; }
  void Create(const Values& values) {
    PendingCommit commit(pond_.catalog(), PondForTest::Info("create"));
    ASSERT_THAT(commit.Create(kOrders, PondForTest::Columns(), {}, properties_), IsOk());
    ASSERT_THAT(commit.Append(kOrders, pond_.Write(commit, kOrders, *PondForTest::Batch(values))),
                IsOk());
    ASSERT_THAT(commit.Land(kContext), IsOk());
  }
  PendingCommit Begin() { return PendingCommit(pond_.catalog(), PondForTest::Info("delete")); }

  RowDelta Deleting(const std::map<std::string, Values>& positions) {
    RowDelta delta;
    delta.base_snapshot = Current();
    for (const auto& [uri, rows] : positions) delta.deleted[uri] = RowPositions(rows);
    return delta;
  }
  Result<RowChangeReport> Delete(const std::map<std::string, Values>& positions) {
    auto commit = Begin();
    ARROW_ASSIGN_OR_RAISE(auto report, commit.ChangeRows(kOrders, Deleting(positions), kContext));
    ARROW_RETURN_NOT_OK(commit.Land(kContext).status());
    return report;
  }
  static Predicate ValueIs(Comparison op, int64_t value) {
    return {"value", op, std::make_shared<arrow::Int64Scalar>(value)};
  }

  PondForTest pond_;
  std::map<std::string, std::string> properties_;
};

TEST_F(RowChangeTest, CopiesASmallFileWithoutTheRowsAndKeepsSampleIds) {
  Create({10, 11, 12, 13});
  ASSERT_THAT(pond_.Append(kOrders, {20}), IsOk());
  const auto files = DataFiles();
  const auto report = Delete({{files[0], {1, 3}}}).ValueOrDie();
  EXPECT_EQ(report.rows_deleted, 2);
  EXPECT_EQ(report.files_rewritten, 1);
  EXPECT_EQ(report.files_marked, 0);
  EXPECT_EQ(pond_.Values(kOrders), (Values{20, 10, 12}));
  EXPECT_EQ(pond_.Values(kOrders, "", "sample_id"), (Values{4, 0, 2}));
  EXPECT_EQ(Summary("operation"), "overwrite");
  EXPECT_EQ(Summary("deleted-data-files"), "1");
  EXPECT_EQ(Summary("deleted-records"), "4");
  EXPECT_EQ(Summary("added-records"), "2");
  EXPECT_EQ(Summary("total-records"), "3");
  EXPECT_EQ(Summary("total-data-files"), "2");
  const auto log = pond_.history().Log(1).ValueOrDie();
  EXPECT_EQ(log[0].changes[0].operation, "delete");
  EXPECT_EQ(pond_.Values(kOrders, "~1"), (Values{10, 11, 12, 13, 20}));
}

TEST_F(RowChangeTest, CopiesRollAtTheTargetSizeAndLoseNoRow) {
  Values values;
  for (int64_t i = 0; i < 60'000; ++i) values.push_back(i * 7919 % 1'000'003);
  Create(values);
  const std::string file = DataFiles()[0];
  WriteSettings small;
  small.target_file_size = 100'000;
  pond_.Use(small);
  ASSERT_THAT(Delete({{file, {0, 59'999}}}), IsOk());
  EXPECT_GT(DataFiles().size(), 1u);
  EXPECT_EQ(pond_.Values(kOrders), Values(values.begin() + 1, values.end() - 1));
}

TEST_F(RowChangeTest, AFileOfWhichNoRowStaysGoes) {
  Create({10, 11});
  ASSERT_THAT(pond_.Append(kOrders, {20}), IsOk());
  const auto report = Delete({{DataFiles()[0], {0, 1}}}).ValueOrDie();
  EXPECT_EQ(report.files_removed, 1);
  EXPECT_EQ(report.bytes_written, 0);
  EXPECT_EQ(pond_.Values(kOrders), (Values{20}));
  EXPECT_EQ(Summary("operation"), "delete");
}

TEST_F(RowChangeTest, UpdatedRowsReplaceTheOldInOneCommit) {
  Create({10, 11});
  auto commit = Begin();
  auto delta = Deleting({{DataFiles()[0], {0}}});
  delta.verb = RowVerb::kUpdate;
  arrow::Int64Builder ids, values;
  ASSERT_TRUE(ids.Append(0).ok() && values.Append(99).ok());
  const auto row = arrow::RecordBatch::Make(
      PondForTest::Columns(), 1, {ids.Finish().ValueOrDie(), values.Finish().ValueOrDie()});
  delta.added = pond_.Write(commit, kOrders, *row);
  for (DataFile& file : delta.added) file.brings_ids = false;  // The table's own row, written anew.
  ASSERT_THAT(commit.ChangeRows(kOrders, std::move(delta), kContext), IsOk());
  const auto landed = commit.Land(kContext).ValueOrDie();
  EXPECT_EQ(landed.changes[0].operation, "update");
  EXPECT_EQ(pond_.Values(kOrders), (Values{11, 99}));
  EXPECT_EQ(pond_.Values(kOrders, "", "sample_id"), (Values{1, 0}));
}

// Law 4: of many manifests, the one that lists the touched file is written anew.
TEST_F(RowChangeTest, TouchesOneManifestOfMany) {
  Create({0});
  for (int64_t i = 1; i < 20; ++i) ASSERT_THAT(pond_.Append(kOrders, {i, i}), IsOk());
  const auto before = List();
  ASSERT_THAT(before, SizeIs(20));
  ASSERT_THAT(Delete({{DataFiles()[17], {1}}}), IsOk());
  std::set<std::string> old;
  for (const ManifestFile& file : before) old.insert(file.uri);
  int kept = 0, written = 0;
  for (const ManifestFile& file : List()) (old.contains(file.uri) ? kept : written) += 1;
  EXPECT_EQ(kept, 19);
  EXPECT_EQ(written, 2);  // The old file's, saying that it went, and the copy's.
}

TEST_F(RowChangeTest, MarksRowsInAFileThatStays) {
  SetProperty("write.delete.mode", "merge-on-read");
  Create({10, 11, 12, 13});
  const std::string file = DataFiles()[0];
  const auto report = Delete({{file, {2}}}).ValueOrDie();
  EXPECT_EQ(report.files_marked, 1);
  EXPECT_EQ(report.files_rewritten, 0);
  EXPECT_GT(report.bytes_written, 0);
  EXPECT_EQ(DataFiles(), std::vector{file});
  auto deletes = Entries(1);
  ASSERT_THAT(deletes, SizeIs(1));
  EXPECT_EQ(deletes[0].file.referenced_data_file, file);
  EXPECT_EQ(deletes[0].sequence_number, 2);
  EXPECT_EQ(Summary("operation"), "delete");
  EXPECT_EQ(Summary("added-delete-files"), "1");
  EXPECT_EQ(Summary("added-position-delete-files"), "1");
  EXPECT_EQ(Summary("added-position-deletes"), "1");
  EXPECT_EQ(Summary("total-delete-files"), "1");
  EXPECT_EQ(Summary("total-position-deletes"), "1");
  EXPECT_EQ(Summary("total-records"), "4");

  // A second one takes over what the first said, so that a data file has one file of deletes.
  EXPECT_EQ(Delete({{file, {0, 2}}})->rows_deleted, 1);
  deletes = Entries(1);
  ASSERT_THAT(deletes, SizeIs(1));
  const auto marked = ReadPositionDeletes(*pond_.store(), deletes[0].file, {file}).ValueOrDie();
  EXPECT_EQ(marked.at(file).ToVector(), (Values{0, 2}));
  EXPECT_EQ(Summary("removed-delete-files"), "1");
  EXPECT_EQ(Summary("total-delete-files"), "1");
  EXPECT_EQ(Summary("total-position-deletes"), "2");

  // The last rows take file and deletes along.
  EXPECT_EQ(Delete({{file, {1, 3}}})->files_removed, 1);
  EXPECT_THAT(Entries(0), IsEmpty());
  EXPECT_THAT(Entries(1), IsEmpty());
  EXPECT_EQ(Summary("total-position-deletes"), "0");
}

TEST_F(RowChangeTest, CopyingAFileThatHasDeletesAppliesThem) {
  SetProperty("write.delete.mode", "merge-on-read");
  SetProperty("write.update.mode", "copy-on-write");
  Create({10, 11, 12, 13});
  const std::string file = DataFiles()[0];
  ASSERT_THAT(Delete({{file, {2}}}), IsOk());
  auto commit = Begin();
  auto delta = Deleting({{file, {0}}});
  delta.verb = RowVerb::kUpdate;
  ASSERT_THAT(commit.ChangeRows(kOrders, std::move(delta), kContext), IsOk());
  ASSERT_THAT(commit.Land(kContext), IsOk());
  EXPECT_THAT(Entries(1), IsEmpty());
  EXPECT_EQ(pond_.Values(kOrders), (Values{11, 13}));
}

TEST_F(RowChangeTest, RowsThatAreGoneAlreadyChangeNothing) {
  SetProperty("write.delete.mode", "merge-on-read");
  Create({10, 11});
  const std::string file = DataFiles()[0];
  ASSERT_THAT(Delete({{file, {1}}}), IsOk());
  auto commit = Begin();
  EXPECT_EQ(commit.ChangeRows(kOrders, Deleting({{file, {1}}}), kContext)->rows_deleted, 0);
  EXPECT_THAT(commit.Land(kContext), IsError(ErrorKind::kInvalid, HasSubstr("nothing to commit")));
}

TEST_F(RowChangeTest, WhatDoesNotExistIsRefusedAndNothingStays) {
  Create({10, 11});
  const auto blobs = pond_.Blobs();
  EXPECT_THAT(Delete({{DataFiles()[0], {2}}}), IsError(ErrorKind::kInvalid, HasSubstr("2 rows")));
  EXPECT_THAT(Delete({{"file:///x.parquet", {0}}}), IsError(ErrorKind::kNotFound));
  EXPECT_EQ(pond_.Blobs(), blobs);
  {
    auto commit = Begin();  // Changed, and not landed.
    ASSERT_THAT(commit.ChangeRows(kOrders, Deleting({{DataFiles()[0], {0}}}), kContext), IsOk());
    EXPECT_GT(pond_.Blobs().size(), blobs.size());
    EXPECT_THAT(commit.ChangeRows(kOrders, Deleting({{DataFiles()[0], {1}}}), kContext),
                IsError(ErrorKind::kInvalid));
  }
  EXPECT_EQ(pond_.Blobs(), blobs);
}

TEST_F(RowChangeTest, PropertiesThatMeanNothingAreRefused) {
  SetProperty("write.delete.mode", "sometimes");
  Create({10, 11});
  EXPECT_THAT(Delete({{DataFiles()[0], {0}}}),
              IsError(ErrorKind::kInvalid, HasSubstr("write.delete.mode is 'sometimes'")));
}

TEST_F(RowChangeTest, AppendsInBetweenDoNotMatterUnlessTheyMayMatch) {
  Create({10, 11});
  for (const bool may_match : {false, true}) {
    auto commit = Begin();
    auto delta = Deleting({{DataFiles()[0], {0}}});
    delta.looked_for = {ValueIs(Comparison::kLess, 20)};
    ASSERT_THAT(commit.ChangeRows(kOrders, std::move(delta), kContext), IsOk());
    ASSERT_THAT(pond_.Append(kOrders, {may_match ? 15 : 30}), IsOk());
    const auto landed = commit.Land(kContext);
    if (may_match) {
      EXPECT_THAT(landed, IsError(ErrorKind::kConflict, HasSubstr("added rows meanwhile")));
    } else {
      ASSERT_THAT(landed, IsOk());
      EXPECT_EQ(pond_.Values(kOrders), (Values{30, 11}));
    }
  }
}

TEST_F(RowChangeTest, SnapshotIsolationLetsAddedRowsPass) {
  SetProperty("write.delete.isolation-level", "snapshot");
  Create({10, 11});
  auto commit = Begin();
  ASSERT_THAT(commit.ChangeRows(kOrders, Deleting({{DataFiles()[0], {0}}}), kContext), IsOk());
  ASSERT_THAT(pond_.Append(kOrders, {10}), IsOk());
  ASSERT_THAT(commit.Land(kContext), IsOk());
  EXPECT_EQ(pond_.Values(kOrders), (Values{10, 11}));
}

TEST_F(RowChangeTest, TwoChangesOfOneFileConflictInEveryMode) {
  for (const std::string mode : {"copy-on-write", "merge-on-read"}) {
    PondForTest fresh;
    PendingCommit create(fresh.catalog(), PondForTest::Info("create"));
    ASSERT_THAT(create.Create(kOrders, PondForTest::Columns(), {}, {{"write.delete.mode", mode}}),
                IsOk());
    ASSERT_THAT(
        create.Append(kOrders, fresh.Write(create, kOrders, *PondForTest::Batch({1, 2, 3}))),
        IsOk());
    ASSERT_THAT(create.Land(kContext), IsOk());
    const Table table = fresh.catalog()->Load(kOrders).ValueOrDie();
    const auto list =
        LoadManifestList(*fresh.store(), *table.metadata->current_snapshot()).ValueOrDie();
    const std::string file = LoadManifest(*fresh.store(), list[0]).ValueOrDie().entries[0].file.uri;
    auto remove = [&](int64_t row) {
      RowDelta delta;
      delta.base_snapshot = table.metadata->current_snapshot_id;
      delta.deleted[file] = RowPositions(Values{row});
      delta.looked_for = {ValueIs(Comparison::kGreater, 1000)};
      return delta;
    };
    PendingCommit first(fresh.catalog(), PondForTest::Info("delete"));
    PendingCommit second(fresh.catalog(), PondForTest::Info("delete"));
    ASSERT_THAT(first.ChangeRows(kOrders, remove(0), kContext), IsOk());
    ASSERT_THAT(second.ChangeRows(kOrders, remove(1), kContext), IsOk());
    ASSERT_THAT(first.Land(kContext), IsOk());
    // A commit in between drops the manifest that says what the first one removed.
    ASSERT_THAT(fresh.Append(kOrders, {4}), IsOk());
    EXPECT_THAT(second.Land(kContext), IsError(ErrorKind::kConflict, HasSubstr("try again")))
        << mode;
  }
}

TEST_F(RowChangeTest, MergedManifestsDoNotHideAFile) {
  Create({0});
  const std::string first = DataFiles()[0];
  auto commit = Begin();
  auto delta = Deleting({{first, {0}}});
  delta.looked_for = {ValueIs(Comparison::kEqual, 0)};
  ASSERT_THAT(commit.ChangeRows(kOrders, std::move(delta), kContext), IsOk());
  for (int64_t i = 1; i <= 101; ++i) ASSERT_THAT(pond_.Append(kOrders, {i}), IsOk());
  ASSERT_LT(List().size(), 10u);
  ASSERT_THAT(commit.Land(kContext), IsOk());
  const auto values = pond_.Values(kOrders).ValueOrDie();
  EXPECT_THAT(values, SizeIs(101));
  EXPECT_EQ(values[0], 1);
}

TEST_F(RowChangeTest, Format3KeepsRowIdsThroughCopies) {
  SetProperty("format-version", "3");
  Create({10, 11, 12});
  ASSERT_THAT(pond_.Append(kOrders, {20, 21}), IsOk());
  {
    const Table table = Load();
    EXPECT_EQ(table.metadata->format_version, 3);
    EXPECT_FALSE(table.metadata->properties.contains("format-version"));
    EXPECT_EQ(table.metadata->next_row_id, 5);
    EXPECT_EQ(table.metadata->current_snapshot()->first_row_id, 3);
    EXPECT_EQ(table.metadata->current_snapshot()->added_rows, 2);
  }
  ASSERT_THAT(Delete({{DataFiles()[0], {1}}}), IsOk());
  EXPECT_EQ(pond_.Values(kOrders), (Values{20, 21, 10, 12}));
  // The copy states what its rows are called and when they changed last; file 1 leaves it open.
  EXPECT_EQ(pond_.Values(kOrders, "", "_row_id"), (Values{-1, -1, 0, 2}));
  EXPECT_EQ(pond_.Values(kOrders, "", "_last_updated_sequence_number"), (Values{-1, -1, 1, 1}));
  const std::string copy = DataFiles().back();
  ASSERT_THAT(Delete({{copy, {0}}}), IsOk());
  EXPECT_EQ(pond_.Values(kOrders, "", "_row_id"), (Values{-1, -1, 2}));
  for (const ManifestFile& file : List()) {
    EXPECT_TRUE(!file.MayHaveLiveFiles() || file.first_row_id.has_value());
  }
}

TEST_F(RowChangeTest, Format3MarksRowsWithDeletionVectors) {
  SetProperty("format-version", "3");
  SetProperty("write.delete.mode", "merge-on-read");
  Create({10, 11, 12});
  ASSERT_THAT(pond_.Append(kOrders, {20, 21}), IsOk());
  const auto files = DataFiles();
  ASSERT_THAT(Delete({{files[0], {1}}, {files[1], {0}}}), IsOk());
  auto deletes = Entries(1);
  ASSERT_THAT(deletes, SizeIs(2));
  EXPECT_EQ(deletes[0].file.uri, deletes[1].file.uri);
  EXPECT_EQ(Summary("added-dvs"), "2");
  ASSERT_THAT(Delete({{files[0], {2}}}), IsOk());
  deletes = Entries(1);
  ASSERT_THAT(deletes, SizeIs(2));  // One for each data file, the first one's new.
  for (const ManifestEntry& entry : deletes) {
    const auto rows = ReadDeletionVector(*pond_.store(), entry.file).ValueOrDie();
    EXPECT_EQ(rows.ToVector(),
              entry.file.referenced_data_file == files[0] ? (Values{1, 2}) : (Values{0}));
  }
  EXPECT_EQ(Summary("total-position-deletes"), "3");
}

TEST_F(RowChangeTest, UpgradingGivesOldRowsTheirIds) {
  Create({10, 11});
  {
    auto commit = Begin();
    ASSERT_THAT(commit.SetProperties(kOrders, {{"format-version", "3"}}), IsOk());
    ASSERT_THAT(commit.Land(kContext), IsOk());
  }
  EXPECT_EQ(Load().metadata->format_version, 3);
  ASSERT_THAT(pond_.Append(kOrders, {20}), IsOk());
  EXPECT_EQ(Load().metadata->next_row_id, 3);
  std::set<int64_t> first;
  for (const ManifestEntry& entry : Entries(0)) first.insert(entry.file.first_row_id.value_or(-1));
  EXPECT_THAT(first, SizeIs(2));
  EXPECT_FALSE(first.contains(-1));
  auto commit = Begin();
  EXPECT_THAT(commit.SetProperties(kOrders, {{"format-version", "2"}}),
              IsError(ErrorKind::kInvalid, HasSubstr("cannot go back")));
}

TEST_F(RowChangeTest, CopiesReadOldColumnsByTheirIds) {
  Create({10, 11});
  {
    auto commit = Begin();
    ASSERT_THAT(commit.EvolveTo(kOrders, arrow::schema({arrow::field("note", arrow::utf8())})),
                IsOk());
    ASSERT_THAT(commit.Land(kContext), IsOk());
  }
  ASSERT_THAT(Delete({{DataFiles()[0], {0}}}), IsOk());
  EXPECT_EQ(pond_.Values(kOrders), (Values{11}));
  EXPECT_EQ(pond_.Values(kOrders, "", "note"), (Values{-1}));
  const ManifestFile written = List().back();
  EXPECT_EQ(LoadManifest(*pond_.store(), written)->schema_id, 1);
}

}  // namespace
}  // namespace millpond::table
