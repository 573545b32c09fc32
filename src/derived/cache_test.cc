// The promises of the cache: one build, verified opens, eviction that spares what is in use, and a
// root that may vanish at any time.
#include "derived/cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

#include "base/error_matchers.h"
#include "base/temporary_folder.h"
#include "derived/manifest.h"

namespace millpond::derived {
namespace {

namespace fs = std::filesystem;
using base::ErrorKind;

void Write(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

std::string Read(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

class CacheTest : public testing::Test {
 protected:
  std::shared_ptr<Cache> OpenCache(int64_t budget = 0) {
    return Cache::Open(root_, budget).ValueOrDie();
  }

  // Writes `text` to the file "data" and counts its calls.
  Builder Writing(const std::string& text) {
    return [this, text](const std::string& folder, const base::Context&) {
      ++builds_;
      Write(folder + "/data", text);
      return Status::OK();
    };
  }

  std::shared_ptr<const Artefact> Get(Cache& cache, int number, const std::string& text) {
    return cache.GetOrBuild("segment", {{"number", number}}, Writing(text), {}).ValueOrDie();
  }

  int Entries() {
    int count = 0;
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(root_ + "/segment", ignored)) {
      count += entry.is_directory();
    }
    return count;
  }

  base::TemporaryFolder scratch_;
  std::string root_ = scratch_ / "derived";
  std::atomic<int> builds_ = 0;
};

TEST_F(CacheTest, BuildsOnceAndOpensAgain) {
  auto first = OpenCache();
  EXPECT_FALSE(fs::exists(root_));
  EXPECT_EQ(Read(Get(*first, 1, "one")->FilePath("data")), "one");
  EXPECT_EQ(Read(Get(*first, 1, "other")->FilePath("data")), "one");
  EXPECT_EQ(Read(Get(*OpenCache(), 1, "other")->FilePath("data")), "one");
  EXPECT_EQ(Read(Get(*first, 2, "two")->FilePath("data")), "two");
  EXPECT_EQ(builds_, 2);
}

TEST_F(CacheTest, KeyIsTheValueOfTheInputs) {
  EXPECT_EQ(KeyOf({{"a", 1}, {"b", 2}}), KeyOf({{"b", 2}, {"a", 1}}));
  EXPECT_NE(KeyOf({{"a", 1}}), KeyOf({{"a", 2}}));
  EXPECT_EQ(KeyOf({{"a", 1}}).size(), 32u);
}

TEST_F(CacheTest, FailedBuildLeavesNothingAndMayBeTriedAgain) {
  auto cache = OpenCache();
  auto failing = [](const std::string& folder, const base::Context&) {
    Write(folder + "/half", "x");
    return base::Exhausted("disk is full");
  };
  auto failed = cache->GetOrBuild("segment", {{"number", 1}}, failing, {});
  EXPECT_EQ(base::KindOf(failed.status()), ErrorKind::kExhausted);
  EXPECT_EQ(Entries(), 0);
  EXPECT_EQ(Read(Get(*cache, 1, "one")->FilePath("data")), "one");
}

TEST_F(CacheTest, DamageOfAnyKindIsBuiltAgain) {
  const std::vector<std::function<void(const std::string&)>> damages = {
      [](const std::string& folder) { Write(folder + "/data", "onE"); },
      [](const std::string& folder) { Write(folder + "/data", "on"); },
      [](const std::string& folder) { fs::remove(folder + "/data"); },
      [](const std::string& folder) { fs::remove(folder + "/manifest.json"); },
      [](const std::string& folder) { Write(folder + "/manifest.json", "{\"format\":1"); },
      [](const std::string& folder) { Write(folder + "/manifest.json", "{\"format\":9}"); },
      [](const std::string& folder) { Write(folder + "/manifest.json", "[]"); },
  };
  std::string folder = Get(*OpenCache(), 1, "one")->folder();
  for (size_t i = 0; i < damages.size(); ++i) {
    damages[i](folder);
    auto cache = OpenCache();
    EXPECT_EQ(Read(Get(*cache, 1, "one")->FilePath("data")), "one") << i;
    EXPECT_EQ(cache->stats().rebuilt_corrupt, 1) << i;
    EXPECT_EQ(builds_, static_cast<int>(i) + 2);
  }
}

TEST_F(CacheTest, FilesInSubFoldersAreVerifiedToo) {
  auto build = [this](const std::string& folder, const base::Context&) {
    ++builds_;
    fs::create_directory(folder + "/sub");
    Write(folder + "/sub/deep", "deep");
    return Status::OK();
  };
  std::string path =
      OpenCache()->GetOrBuild("index", {}, build, {}).ValueOrDie()->FilePath("sub/deep");
  Write(path, "DEEP");
  EXPECT_EQ(
      Read(OpenCache()->GetOrBuild("index", {}, build, {}).ValueOrDie()->FilePath("sub/deep")),
      "deep");
  EXPECT_EQ(builds_, 2);
}

TEST_F(CacheTest, RootMayVanishWhileInUse) {
  auto cache = OpenCache();
  auto held = Get(*cache, 1, "one");
  fs::remove_all(root_);
  EXPECT_EQ(Read(Get(*cache, 1, "one")->FilePath("data")), "one");
  EXPECT_EQ(builds_, 2);
}

TEST_F(CacheTest, RootMayVanishWhileBuilding) {
  auto cache = OpenCache();
  auto build = [this](const std::string& folder, const base::Context&) {
    if (++builds_ == 1) fs::remove_all(root_);
    Write(folder + "/data", "one");
    return Status::OK();
  };
  auto artefact = cache->GetOrBuild("segment", {{"number", 1}}, build, {}).ValueOrDie();
  EXPECT_EQ(Read(artefact->FilePath("data")), "one");
  EXPECT_EQ(builds_, 2);
}

TEST_F(CacheTest, EvictsTheLeastRecentlyUsedAndSparesWhatIsInUse) {
  auto cache = OpenCache();
  auto held = Get(*cache, 1, std::string(100, 'a'));
  for (int number : {2, 3, 4}) {
    Get(*cache, number, std::string(100, 'a'));
    std::this_thread::sleep_for(std::chrono::milliseconds(15));
  }
  Get(*cache, 2, "");  // Used again: 3 is now the oldest that is free.
  EXPECT_EQ(cache->Evict(300).ValueOrDie(), 100);
  std::vector<int64_t> left;
  for (const ArtefactInfo& info : cache->List().ValueOrDie()) {
    left.push_back(info.inputs["number"].get<int64_t>());
    EXPECT_EQ(info.in_use, info.inputs["number"] == 1);
    EXPECT_EQ(info.bytes, 100);
  }
  EXPECT_THAT(left, testing::UnorderedElementsAre(1, 2, 4));
  EXPECT_EQ(cache->Evict(0).ValueOrDie(), 200);
  EXPECT_EQ(Read(held->FilePath("data")), std::string(100, 'a'));
  held.reset();
  EXPECT_EQ(cache->Evict(0).ValueOrDie(), 100);
  EXPECT_TRUE(fs::is_empty(root_ + "/segment"));
}

TEST_F(CacheTest, BuildingKeepsTheBudget) {
  auto cache = OpenCache(250);
  for (int number = 0; number < 6; ++number) {
    Get(*cache, number, std::string(100, 'a'));
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  EXPECT_EQ(cache->List().ValueOrDie().size(), 2u);
  EXPECT_EQ(cache->stats().evicted, 4);
}

TEST_F(CacheTest, ThreadsShareOneBuild) {
  auto cache = OpenCache();
  auto slow = [this](const std::string& folder, const base::Context&) {
    ++builds_;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    Write(folder + "/data", "one");
    return Status::OK();
  };
  std::vector<std::thread> threads;
  std::atomic<int> right = 0;
  for (int i = 0; i < 6; ++i) {
    threads.emplace_back([&] {
      auto artefact = cache->GetOrBuild("segment", {{"number", 1}}, slow, {});
      right += artefact.ok() && Read((*artefact)->FilePath("data")) == "one";
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right, 6);
  EXPECT_EQ(builds_, 1);
}

TEST_F(CacheTest, WaitingForAnotherBuilderCanBeCancelled) {
  auto cache = OpenCache();
  std::atomic<bool> building = false, release = false;
  std::thread builder([&] {
    auto build = [&](const std::string& folder, const base::Context&) {
      building = true;
      while (!release) std::this_thread::sleep_for(std::chrono::milliseconds(1));
      Write(folder + "/data", "one");
      return Status::OK();
    };
    EXPECT_TRUE(cache->GetOrBuild("segment", {{"number", 1}}, build, {}).ok());
  });
  while (!building) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  std::stop_source stop;
  stop.request_stop();
  base::Context context;
  context.stop = stop.get_token();
  auto waited = cache->GetOrBuild("segment", {{"number", 1}}, Writing("two"), context);
  EXPECT_EQ(base::KindOf(waited.status()), ErrorKind::kCancelled);
  release = true;
  builder.join();
}

TEST_F(CacheTest, KilledBuilderIsForgottenAndSwept) {
  pid_t child = ::fork();
  if (child == 0) {
    auto build = [](const std::string& folder, const base::Context&) {
      Write(folder + "/data", "half");
      ::raise(SIGKILL);
      return Status::OK();
    };
    (void)Cache::Open(root_, 0).ValueOrDie()->GetOrBuild("segment", {{"number", 1}}, build, {});
    ::_exit(1);
  }
  int outcome = 0;
  ::waitpid(child, &outcome, 0);
  ASSERT_TRUE(WIFSIGNALED(outcome));
  EXPECT_EQ(Entries(), 1);
  auto cache = OpenCache();
  EXPECT_EQ(Read(Get(*cache, 1, "one")->FilePath("data")), "one");
  EXPECT_EQ(Entries(), 2);
  EXPECT_EQ(cache->Evict(1000).ValueOrDie(), 4);
  EXPECT_EQ(Entries(), 1);
}

TEST_F(CacheTest, RefusesBadNames) {
  EXPECT_EQ(base::KindOf(Cache::Open("", 0).status()), ErrorKind::kInvalid);
  EXPECT_EQ(base::KindOf(Cache::Open(root_, -1).status()), ErrorKind::kInvalid);
  Write(scratch_ / "file", "");
  EXPECT_EQ(base::KindOf(Cache::Open(scratch_ / "file", 0).status()), ErrorKind::kInvalid);
  EXPECT_EQ(base::KindOf(OpenCache()->GetOrBuild("../x", {}, Writing(""), {}).status()),
            ErrorKind::kInvalid);
}

TEST(Checksum, CoversEveryBlock) {
  base::TemporaryFolder folder;
  std::string path = folder / "big", text(9 << 20, 'x');
  Write(path, text);
  std::string before = ChecksumOf(path, {}).ValueOrDie();
  for (size_t at : {size_t{0}, size_t{4 << 20}, text.size() - 1}) {
    std::string changed = text;
    changed[at] = 'y';
    Write(path, changed);
    EXPECT_NE(ChecksumOf(path, {}).ValueOrDie(), before) << at;
  }
  EXPECT_EQ(base::KindOf(ChecksumOf(folder / "absent", {}).status()), ErrorKind::kNotFound);
}

}  // namespace
}  // namespace millpond::derived
