// Scratch folders: nobody takes one from a living owner, and dead owners' go.
#include "derived/scratch_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "base/error_matchers.h"
#include "base/temporary_folder.h"
#include "derived/cache.h"

namespace millpond::derived {
namespace {

namespace fs = std::filesystem;

class ScratchFolderTest : public testing::Test {
 protected:
  std::set<std::string> There() const {
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(parent_)) names.insert(entry.path().string());
    return names;
  }

  const base::TemporaryFolder folder_{"millpond-scratch"};
  const std::string root_ = folder_ / "derived";
  const std::string parent_ = root_ + "/" + kScratchKind;
};

TEST_F(ScratchFolderTest, EvictionLeavesARunningQuerysFolderAlone) {
  auto scratch = ScratchFolder::Make(parent_).ValueOrDie();
  std::ofstream(scratch->path() + "/spilled") << "rows";
  auto cache = Cache::Open(root_, 0).ValueOrDie();
  EXPECT_TRUE(cache->List().ValueOrDie().empty());
  EXPECT_EQ(cache->Evict(0).ValueOrDie(), 0);
  EXPECT_TRUE(fs::exists(scratch->path() + "/spilled"));
}

TEST_F(ScratchFolderTest, NoArtefactIsBuiltAmongThem) {
  auto cache = Cache::Open(root_, 0).ValueOrDie();
  const auto build = [](const std::string&, const base::Context&) { return Status::OK(); };
  EXPECT_THAT(cache->GetOrBuild(kScratchKind, {{"n", 1}}, build, {}),
              base::IsError(base::ErrorKind::kInvalid, testing::HasSubstr("tmp")));
}

TEST_F(ScratchFolderTest, GoesWithItsOwner) {
  auto scratch = ScratchFolder::Make(parent_).ValueOrDie();
  std::ofstream(scratch->path() + "/spilled") << "rows";
  scratch.reset();
  EXPECT_TRUE(There().empty());
}

TEST_F(ScratchFolderTest, WhatADeadProcessLeftGoesAndALivingOnesStays) {
  auto living = ScratchFolder::Make(parent_).ValueOrDie();
  const pid_t child = fork();
  if (child == 0) {
    auto made = ScratchFolder::Make(parent_);
    _exit(made.ok() ? 0 : 1);  // No destructor runs, as after a kill.
  }
  int exit = 0;
  ASSERT_EQ(waitpid(child, &exit, 0), child);
  ASSERT_EQ(exit, 0);
  ASSERT_EQ(There().size(), 2U);
  auto other = ScratchFolder::Make(parent_).ValueOrDie();
  EXPECT_EQ(There(), (std::set<std::string>{living->path(), other->path()}));
}

}  // namespace
}  // namespace millpond::derived
