// The local store: the contract, and what only a folder on disk can go wrong with.
#include "store/local_store.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/error_matchers.h"
#include "base/temporary_folder.h"
#include "store/blob_store_contract.h"

namespace millpond::store {
namespace {

namespace fs = std::filesystem;
using base::ErrorKind;
using base::IsError;
using base::IsOk;
using ::testing::HasSubstr;

StoreForTest MakeLocalStoreForTest() {
  auto folder = std::make_shared<base::TemporaryFolder>();
  return {OpenLocalStore(folder->path()).ValueOrDie(), folder};
}

INSTANTIATE_TEST_SUITE_P(Local, BlobStoreContract, ::testing::Values(MakeLocalStoreForTest));

size_t CountPending(const base::TemporaryFolder& folder) {
  size_t count = 0;
  for ([[maybe_unused]] const auto& entry : fs::directory_iterator(folder / ".pending")) ++count;
  return count;
}

TEST(LocalStoreTest, RootMustBeAFolder) {
  base::TemporaryFolder folder;
  EXPECT_THAT(OpenLocalStore(folder / "gone").status(),
              IsError(ErrorKind::kNotFound, HasSubstr("gone")));
  std::ofstream(folder / "file") << "x";
  EXPECT_THAT(OpenLocalStore(folder / "file").status(), IsError(ErrorKind::kInvalid));
}

TEST(LocalStoreTest, PendingNamesAreGoneAfterPublish) {
  base::TemporaryFolder folder;
  auto store = OpenLocalStore(folder.path()).ValueOrDie();
  ASSERT_THAT(WriteBlob(*store, "a/b", "x"), IsOk());
  EXPECT_THAT(WriteBlob(*store, "a/b", "x"), IsError(ErrorKind::kAlreadyExists));
  EXPECT_EQ(CountPending(folder), 0u);
  EXPECT_THAT(store->Create(".pending/x").status(), IsError(ErrorKind::kInvalid));
  EXPECT_THAT(store->Stat(".pending").status(), IsError(ErrorKind::kInvalid));
}

TEST(LocalStoreTest, AbandonedFilesAreRemovedByAge) {
  base::TemporaryFolder folder;
  auto store = OpenLocalStore(folder.path()).ValueOrDie();
  ASSERT_THAT(WriteBlob(*store, "a", "x"), IsOk());
  std::ofstream(folder / ".pending/dead") << "half";
  EXPECT_EQ(store->RemoveAbandoned(3'600'000).ValueOrDie(), 0);
  EXPECT_EQ(store->RemoveAbandoned(0).ValueOrDie(), 1);
  EXPECT_EQ(CountPending(folder), 0u);
  EXPECT_EQ(ReadBlob(*store, "a").ValueOrDie(), "x");
}

TEST(LocalStoreTest, SurvivesTheRemovalOfItsFolders) {
  base::TemporaryFolder folder;
  auto store = OpenLocalStore(folder.path()).ValueOrDie();
  ASSERT_THAT(WriteBlob(*store, "a/b/c", "x"), IsOk());
  fs::remove_all(folder / "a");
  fs::remove_all(folder / ".pending");
  EXPECT_THAT(WriteBlob(*store, "a/b/c", "y"), IsOk());
  EXPECT_EQ(ReadBlob(*store, "a/b/c").ValueOrDie(), "y");
}

TEST(LocalStoreTest, AFolderIsNoBlob) {
  base::TemporaryFolder folder;
  auto store = OpenLocalStore(folder.path()).ValueOrDie();
  ASSERT_THAT(WriteBlob(*store, "a/b", "x"), IsOk());
  EXPECT_THAT(store->OpenRead("a"), IsError(ErrorKind::kNotFound));
  EXPECT_THAT(store->Stat("a/b/c"), IsError(ErrorKind::kNotFound));
  EXPECT_THAT(WriteBlob(*store, "a", "x"), IsError(ErrorKind::kAlreadyExists));
  EXPECT_FALSE(WriteBlob(*store, "a/b/c", "x").ok());
  EXPECT_FALSE(store->Delete("a").ok());
  EXPECT_EQ(ReadBlob(*store, "a/b").ValueOrDie(), "x");
}

TEST(LocalStoreTest, UrisOfTheRealFolderAndOfALinkToItAreBothOurs) {
  base::TemporaryFolder folder;
  fs::create_directory(folder / "real");
  fs::create_directory_symlink(folder / "real", folder / "link");
  auto store = OpenLocalStore(folder / "link/").ValueOrDie();
  EXPECT_EQ(store->UriOf("a/b"), "file://" + (folder / "real/a/b"));
  EXPECT_EQ(store->PathOf("file://" + (folder / "real/a/b")).ValueOrDie(), "a/b");
  EXPECT_EQ(store->PathOf("file://" + (folder / "link/a/b")).ValueOrDie(), "a/b");
  EXPECT_EQ(store->PathOf("file:" + (folder / "real/a")).ValueOrDie(), "a");
  EXPECT_EQ(store->PathOf(folder / "real/a").ValueOrDie(), "a");
}

TEST(LocalStoreTest, ListDoesNotFollowLinksToFolders) {
  base::TemporaryFolder folder;
  auto store = OpenLocalStore(folder.path()).ValueOrDie();
  ASSERT_THAT(WriteBlob(*store, "a/b", "x"), IsOk());
  fs::create_directory_symlink(folder.path(), folder / "a/loop");
  int seen = 0;
  EXPECT_THAT(store->List("",
                          [&](const BlobInfo&) {
                            ++seen;
                            return Status::OK();
                          }),
              IsOk());
  EXPECT_EQ(seen, 1);
}

// A file size limit is the disk-full that a test can have without a disk of its own.
TEST(LocalStoreTest, AFullDiskIsExhaustedAndNothingIsPublished) {
  base::TemporaryFolder folder;
  auto store = OpenLocalStore(folder.path()).ValueOrDie();
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  auto old_handler = ::signal(SIGXFSZ, SIG_IGN);
  rlimit small{1 << 20, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  Status status = WriteBlob(*store, "big", std::string(4 << 20, 'x'));
  Status publish;
  {
    auto writer = store->Create("big").ValueOrDie();
    EXPECT_FALSE(writer->stream()->Write(std::string(4 << 20, 'x')).ok());
    publish = writer->Publish();
  }
  ::setrlimit(RLIMIT_FSIZE, &before);
  ::signal(SIGXFSZ, old_handler);
  EXPECT_THAT(status, IsError(ErrorKind::kExhausted, HasSubstr(folder.path())));
  EXPECT_THAT(publish, IsError(ErrorKind::kExhausted));
  EXPECT_THAT(store->Stat("big"), IsError(ErrorKind::kNotFound));
  EXPECT_EQ(CountPending(folder), 0u);
}

TEST(LocalStoreTest, PublishingTwiceIsRefused) {
  base::TemporaryFolder folder;
  auto store = OpenLocalStore(folder.path()).ValueOrDie();
  auto writer = store->Create("a").ValueOrDie();
  ASSERT_THAT(writer->Publish(), IsOk());
  EXPECT_THAT(writer->Publish(), IsError(ErrorKind::kInternal));
}

TEST(ReplaceFileTest, ReplacesWholeAndLeavesNoRemains) {
  base::TemporaryFolder folder;
  const std::string path = folder / "millpond.toml";
  EXPECT_THAT(ReplaceFile(path, "one"), IsOk());
  EXPECT_THAT(ReplaceFile(path, "two"), IsOk());
  std::ifstream file(path);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), "two");
  fs::create_directory(folder / "taken");
  EXPECT_FALSE(ReplaceFile(folder / "taken", "x").ok());
  EXPECT_THAT(ReplaceFile(folder / "gone/x", "x"), IsError(ErrorKind::kNotFound));
  size_t entries = 0;
  for ([[maybe_unused]] const auto& entry : fs::directory_iterator(folder.path())) ++entries;
  EXPECT_EQ(entries, 2u);
}

TEST(MakeFoldersTest, MakesParentsAndRefusesFiles) {
  base::TemporaryFolder folder;
  EXPECT_THAT(MakeFolders(folder / "a/b/c"), IsOk());
  EXPECT_THAT(MakeFolders(folder / "a/b/c"), IsOk());
  EXPECT_TRUE(fs::is_directory(folder / "a/b/c"));
  std::ofstream(folder / "file") << "x";
  EXPECT_THAT(MakeFolders(folder / "file"), IsError(ErrorKind::kAlreadyExists));
  EXPECT_FALSE(MakeFolders(folder / "file/x").ok());
}

}  // namespace
}  // namespace millpond::store
