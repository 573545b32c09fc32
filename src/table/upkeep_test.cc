// Upkeep: orphans go and nothing else does; every kind of damage is found.
#include "table/upkeep.h"

#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/error_matchers.h"
#include "table/history_rows.h"
#include "table/pond_testing.h"

namespace millpond::table {
namespace {

namespace fs = std::filesystem;
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

class UpkeepTest : public ::testing::Test {
 protected:
  OrphanReport Remove(int64_t grace_ms = 0, bool dry_run = false) {
    return RemoveOrphans(*pond_.catalog(), grace_ms, dry_run, kContext).ValueOrDie();
  }
  std::vector<std::string> Problems(bool deep) {
    std::vector<std::string> problems;
    // A new catalog, so that nothing comes from a cache.
    for (const auto& finding :
         Verify(*pond_.Reopen(WriteSettings{}), deep, kContext).ValueOrDie()) {
      problems.push_back(finding.subject + ": " + finding.problem);
    }
    return problems;
  }
  std::string PathWith(const std::string& part) {
    for (const auto& path : pond_.Blobs()) {
      if (path.find(part) != std::string::npos) return pond_.folder() / ("truth/" + path);
    }
    ADD_FAILURE() << "no blob with " << part;
    return "";
  }

  PondForTest pond_;
};

TEST_F(UpkeepTest, KeepsEverythingThatHistoryReaches) {
  WriteSettings settings;
  settings.metadata_versions_max = 2;
  pond_.Use(settings);
  ASSERT_THAT(pond_.Create(kOrders, {1}), IsOk());
  ASSERT_THAT(pond_.Overwrite(kOrders, {2}), IsOk());
  ASSERT_THAT(pond_.history().CreateTag("v1", "~1", "ana", ""), IsOk());
  for (int64_t i = 0; i < 3; ++i) ASSERT_THAT(pond_.Append(kOrders, {i}), IsOk());
  PendingCommit drop(pond_.catalog(), PondForTest::Info("drop"));
  ASSERT_THAT(drop.Drop(kOrders), IsOk());
  ASSERT_THAT(drop.Land(kContext), IsOk());
  ASSERT_THAT(pond_.Create(kOrders, {9}), IsOk());
  const auto before = pond_.Blobs();
  EXPECT_THAT(Remove().paths, IsEmpty());
  EXPECT_EQ(pond_.Blobs(), before);
  EXPECT_EQ(pond_.Values(kOrders, "v1"), Values{1});
  EXPECT_EQ(pond_.Values(kOrders, "~2"), (Values{2, 0, 1, 2}));
  EXPECT_THAT(Problems(true), IsEmpty());
}

TEST_F(UpkeepTest, RemovesOrphansAfterTheirGrace) {
  ASSERT_THAT(pond_.Create(kOrders, {1}), IsOk());
  const auto before = pond_.Blobs();
  for (const char* path :
       {"shop/orders-1/data/x.parquet", "shop/lost-2/metadata/00000-y.metadata.json",
        "_artifacts/data/model.bin", "shop/readme.txt"}) {
    ASSERT_THAT(store::WriteBlob(*pond_.store(), path, "12345"), IsOk());
  }
  EXPECT_THAT(Remove(3600 * 1000).paths, IsEmpty());
  auto planned = Remove(0, /*dry_run=*/true);
  EXPECT_THAT(planned.paths, ElementsAre("shop/lost-2/metadata/00000-y.metadata.json",
                                         "shop/orders-1/data/x.parquet"));
  EXPECT_EQ(planned.bytes, 10);
  EXPECT_THAT(pond_.Blobs(), SizeIs(before.size() + 4));
  EXPECT_EQ(Remove().paths, planned.paths);
  EXPECT_THAT(pond_.Blobs(), SizeIs(before.size() + 2));
  EXPECT_EQ(pond_.Values(kOrders), Values{1});
  EXPECT_THAT(RemoveOrphans(*pond_.catalog(), -1, false, kContext), IsError(ErrorKind::kInvalid));
}

TEST_F(UpkeepTest, RemovesNothingWhereAManifestCannotBeRead) {
  ASSERT_THAT(pond_.Create(kOrders, {1}), IsOk());
  ASSERT_THAT(store::WriteBlob(*pond_.store(), "shop/orders-1/data/x.parquet", "x"), IsOk());
  fs::resize_file(PathWith("-m0.avro"), 100);
  const auto before = pond_.Blobs();
  EXPECT_THAT(RemoveOrphans(*pond_.Reopen(WriteSettings{}), 0, false, kContext),
              IsError(ErrorKind::kCorrupt, HasSubstr("nothing was removed")));
  EXPECT_EQ(pond_.Blobs(), before);
}

TEST_F(UpkeepTest, RemovesNothingWhereATablesMetadataIsGone) {
  ASSERT_THAT(pond_.Create(kOrders, {1}), IsOk());
  ASSERT_THAT(pond_.Append(kOrders, {2}), IsOk());
  for (const char* gone : {"/snap-", ".metadata.json"}) {
    fs::remove(PathWith(gone));
    const auto before = pond_.Blobs();
    const auto report = RemoveOrphans(*pond_.Reopen(WriteSettings{}), 0, false, kContext);
    EXPECT_THAT(report.status().message(), HasSubstr("nothing was removed"));
    EXPECT_EQ(pond_.Blobs(), before);
  }
}

TEST_F(UpkeepTest, AHealthyPondHasNoFindings) {
  EXPECT_THAT(Problems(true), IsEmpty());
  ASSERT_THAT(pond_.Create(kOrders, {1, 2, 3}), IsOk());
  ASSERT_THAT(pond_.history().CreateTag("v1", "", "ana", ""), IsOk());
  EXPECT_THAT(Problems(true), IsEmpty());
}

TEST_F(UpkeepTest, FindsMissingAndCutFiles) {
  ASSERT_THAT(pond_.Create(kOrders, {1, 2, 3}), IsOk());
  const std::string data = PathWith("/data/");
  fs::resize_file(data, 50);
  EXPECT_THAT(Problems(false), ElementsAre(HasSubstr("has 50 bytes and should have")));
  fs::remove(data);
  EXPECT_THAT(Problems(false), ElementsAre(HasSubstr("is missing")));
  fs::remove(PathWith("/snap-"));
  EXPECT_THAT(Problems(false), ElementsAre(HasSubstr("cannot be read")));
  fs::remove(PathWith(".metadata.json"));
  EXPECT_THAT(Problems(false), ElementsAre(HasSubstr("shop.orders")));
}

TEST_F(UpkeepTest, DeepVerificationFindsAFlippedBit) {
  ASSERT_THAT(pond_.Create(kOrders, {1, 2, 3}), IsOk());
  const std::string data = PathWith("/data/");
  std::fstream file(data, std::ios::in | std::ios::out | std::ios::binary);
  constexpr std::streamoff kInFirstPage = 45;
  file.seekg(kInFirstPage);
  const int byte = file.get();
  file.seekp(kInFirstPage);
  file.put(static_cast<char>(byte ^ 1));
  file.close();
  EXPECT_THAT(Problems(false), IsEmpty());
  EXPECT_THAT(Problems(true), ElementsAre(HasSubstr("is damaged")));
}

TEST_F(UpkeepTest, FindsACommitThatIsNotWhereItsParentEnds) {
  auto first = pond_.Create(kOrders, {1}).ValueOrDie();
  ASSERT_THAT(pond_.Append(kOrders, {2}), IsOk());
  ledger::Transaction damage;
  damage.Update("pond_commit", {{"parent_id", std::monostate{}}},
                {{"parent_id", ledger::Compare::kEqual, first.id}}, 1);
  ASSERT_THAT(pond_.ledger()->Apply(damage), IsOk());
  EXPECT_THAT(Problems(false), ElementsAre(HasSubstr("branch main")));
}

TEST_F(UpkeepTest, FilesOfAWriteThatRunsAreNoOrphans) {
  ASSERT_THAT(pond_.Create(kOrders, {1}), IsOk());
  {
    PendingCommit commit(pond_.catalog(), PondForTest::Info("append"));
    auto files = pond_.Write(commit, kOrders, *PondForTest::Batch({2}));
    EXPECT_THAT(Remove().paths, IsEmpty());
    ASSERT_THAT(commit.Append(kOrders, std::move(files)), IsOk());
    ASSERT_THAT(commit.Land(kContext), IsOk());
  }
  EXPECT_EQ(pond_.Values(kOrders), (Values{1, 2}));
  EXPECT_THAT(Problems(false), IsEmpty());
}

TEST_F(UpkeepTest, WhatADeadWriterLeftIsAnOrphan) {
  ASSERT_THAT(pond_.Create(kOrders, {1}), IsOk());
  const pid_t child = fork();
  if (child == 0) {
    PendingCommit commit(pond_.catalog(), PondForTest::Info("append"));
    pond_.Write(commit, kOrders, *PondForTest::Batch({2}));
    _exit(0);  // No destructor runs, as after a kill.
  }
  ASSERT_EQ(waitpid(child, nullptr, 0), child);
  EXPECT_THAT(Remove().paths, SizeIs(1));
  EXPECT_THAT(Remove().paths, IsEmpty());
}

}  // namespace
}  // namespace millpond::table
