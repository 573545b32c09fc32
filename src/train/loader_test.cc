// Law 3 on real segments: the same samples in the same order whatever the workers, ranks, batch
// sizes, restarts and state of the cache; and the shapes that batches have.
#include "train/loader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <set>

#include "base/error_matchers.h"
#include "train/pond_testing.h"

namespace millpond::train {
namespace {

using base::ErrorKind;
using base::IsError;
using base::IsOk;
using testing::HasSubstr;

constexpr int64_t kRows = 103;

class LoaderTest : public testing::Test {
 protected:
  LoaderTest() {
    pond_.Fill(
        "t",
        "SELECT range AS id, range * 0.5 AS x, range % 3 = 0 AS flag, 'row ' || range AS text, "
        "CASE WHEN range % 5 = 0 THEN NULL ELSE range::FLOAT END AS holes, "
        "CASE WHEN range = 7 THEN NULL ELSE range::INTEGER END AS gaps, "
        "[range, range + 1, range + 2] AS triple, range(range % 4) AS ragged, "
        "CASE WHEN range % 2 = 0 THEN NULL ELSE encode('b' || range) END AS bytes, "
        "DATE '2026-01-01' + range::INTEGER AS day, range::DECIMAL(10,2) AS price "
        "FROM range(103) ORDER BY hash(range)");
    dataset_ = pond_.Define(
        "{name: d, query: FROM t, key: id, split: {by: hash, parts: {a: 0.5, b: 0.5}}}");
  }

  std::unique_ptr<Loader> Make(const LoaderOptions& options,
                               const std::vector<std::string>& columns = {"id"},
                               const std::string& part = "all") {
    return Loader::Make(pond_.OpenSegment(dataset_, part, columns), options).ValueOrDie();
  }

  static std::vector<int64_t> Epoch(Loader& loader) {
    std::vector<int64_t> ids;
    while (auto batch = loader.Next({}).ValueOrDie()) {
      std::ranges::copy(BatchInts(*batch, "id"), std::back_inserter(ids));
    }
    return ids;
  }

  // The samples of the following global steps of the epoch, taken by a whole world of ranks.
  static std::vector<int64_t> Steps(std::vector<std::unique_ptr<Loader>>& world, int64_t steps) {
    std::vector<int64_t> ids;
    for (int64_t step = 0; step < steps; ++step) {
      for (auto& loader : world) {
        auto batch = loader->Next({}).ValueOrDie();
        if (batch != nullptr) std::ranges::copy(BatchInts(*batch, "id"), std::back_inserter(ids));
      }
    }
    return ids;
  }

  std::vector<std::unique_ptr<Loader>> World(int64_t size, int64_t batch_size, uint64_t seed) {
    std::vector<std::unique_ptr<Loader>> world;
    for (int64_t rank = 0; rank < size; ++rank) {
      world.push_back(
          Make({.batch_size = batch_size, .seed = seed, .rank = rank, .world_size = size}));
    }
    return world;
  }

  TrainPond pond_;
  Dataset dataset_;
};

TEST_F(LoaderTest, EachEpochIsAPermutationAndEpochsDiffer) {
  auto loader = Make({.batch_size = 10, .seed = 7});
  EXPECT_EQ(loader->steps_per_epoch(), 11);
  auto first = Epoch(*loader), second = Epoch(*loader);
  EXPECT_NE(first, second);
  ASSERT_THAT(loader->SetEpoch(0), IsOk());
  EXPECT_EQ(Epoch(*loader), first);
  auto sorted = first;
  std::ranges::sort(sorted);
  std::vector<int64_t> wanted(kRows);
  std::iota(wanted.begin(), wanted.end(), 0);
  EXPECT_EQ(sorted, wanted);
  EXPECT_EQ(Epoch(*Make({.batch_size = 10, .shuffle = false})), wanted);
}

TEST_F(LoaderTest, OrderDoesNotDependOnWorldThreadsOrPrefetch) {
  auto wanted = Epoch(*Make({.batch_size = 12, .seed = 3}));
  for (auto [size, batch_size] : {std::pair{2, 6}, {3, 4}, {4, 3}, {12, 1}}) {
    auto world = World(size, batch_size, 3);
    EXPECT_EQ(Steps(world, 9), wanted) << size;
  }
  EXPECT_EQ(Epoch(*Make({.batch_size = 12, .seed = 3, .prefetch = 1, .threads = 1})), wanted);
  EXPECT_EQ(Epoch(*Make({.batch_size = 12, .seed = 3, .prefetch = 16, .threads = 4})), wanted);
  EXPECT_EQ(Epoch(*Make({.batch_size = 5, .seed = 3})), wanted);
}

TEST_F(LoaderTest, WorkersShareTheStepsInTurn) {
  auto whole = Make({.batch_size = 10, .seed = 3});
  std::vector<std::unique_ptr<Loader>> workers;
  for (int64_t worker = 0; worker < 3; ++worker) {
    workers.push_back(Make({.batch_size = 10, .seed = 3, .worker = worker, .workers = 3}));
  }
  for (int64_t step = 0; step < 11; ++step) {
    auto wanted = whole->Next({}).ValueOrDie();
    auto batch = workers[static_cast<size_t>(step % 3)]->Next({}).ValueOrDie();
    EXPECT_EQ(HashOf(*batch), HashOf(*wanted));
    EXPECT_EQ(batch->step, step);
  }
  for (auto& worker : workers) EXPECT_EQ(worker->Next({}).ValueOrDie(), nullptr);
  EXPECT_EQ(workers[2]->Next({}).ValueOrDie()->epoch, 1);
}

TEST_F(LoaderTest, ResumesAtTheExactSample) {
  LoaderOptions options{.batch_size = 10, .seed = 11};
  for (int64_t steps : {0, 1, 5, 10, 11, 14}) {
    auto straight = Make(options), first = Make(options), second = Make(options);
    for (int64_t step = 0; step < steps; ++step) {
      straight->Next({}).ValueOrDie();
      first->Next({}).ValueOrDie();
    }
    base::Json state = base::ParseJson(first->StateDict().dump(), "state").ValueOrDie();
    ASSERT_THAT(second->LoadStateDict(state), IsOk());
    for (int i = 0; i < 15; ++i) {
      auto wanted = straight->Next({}).ValueOrDie(), got = second->Next({}).ValueOrDie();
      ASSERT_EQ(wanted == nullptr, got == nullptr) << steps;
      if (wanted == nullptr) continue;
      EXPECT_EQ(HashOf(*got), HashOf(*wanted)) << steps;
      EXPECT_EQ(got->epoch, wanted->epoch);
      EXPECT_EQ(got->step, wanted->step);
    }
  }
}

TEST_F(LoaderTest, WorldAndBatchSizeMayChangeBetweenSteps) {
  auto wanted = Epoch(*Make({.batch_size = 1, .seed = 5}));
  auto one = World(2, 6, 5);
  std::vector<int64_t> ids = Steps(one, 3);
  base::Json state = one[0]->StateDict();
  EXPECT_EQ(state, one[1]->StateDict());
  auto two = World(3, 5, 5);
  for (auto& loader : two) ASSERT_THAT(loader->LoadStateDict(state), IsOk());
  std::ranges::copy(Steps(two, 2), std::back_inserter(ids));
  auto three = World(1, 50, 5);
  ASSERT_THAT(three[0]->LoadStateDict(two[2]->StateDict()), IsOk());
  std::ranges::copy(Steps(three, 2), std::back_inserter(ids));
  EXPECT_EQ(ids, wanted);
}

TEST_F(LoaderTest, LastBatchIsShortDroppedOrPadded) {
  auto sizes = [&](LastBatch last) {
    std::vector<int64_t> rows;
    auto loader = Make({.batch_size = 50, .last = last});
    while (auto batch = loader->Next({}).ValueOrDie()) rows.push_back(batch->rows);
    EXPECT_EQ(static_cast<int64_t>(rows.size()), loader->steps_per_epoch());
    return rows;
  };
  EXPECT_THAT(sizes(LastBatch::kShort), testing::ElementsAre(50, 50, 3));
  EXPECT_THAT(sizes(LastBatch::kDrop), testing::ElementsAre(50, 50));
  EXPECT_THAT(sizes(LastBatch::kPad), testing::ElementsAre(50, 50, 50));
  auto padded = Make({.batch_size = 200, .seed = 1, .last = LastBatch::kPad});
  auto batch = padded->Next({}).ValueOrDie();
  EXPECT_EQ(batch->padded, 97);
  auto ids = BatchInts(*batch, "id");
  EXPECT_TRUE(std::equal(ids.begin(), ids.begin() + 97, ids.begin() + kRows));
  EXPECT_EQ(padded->Next({}).ValueOrDie(), nullptr);
}

TEST_F(LoaderTest, DeletedOrDamagedDerivedStateChangesNothing) {
  auto hashes = [&] {
    std::vector<std::string> list;
    auto cache = pond_.OpenCache();
    auto segment = Segment::Open(*pond_.session(), *cache, dataset_, "a", {"id", "text", "x"}, {});
    auto loader = Loader::Make(segment.ValueOrDie(), {.batch_size = 9, .seed = 2}).ValueOrDie();
    while (auto batch = loader->Next({}).ValueOrDie()) list.push_back(HashOf(*batch));
    return list;
  };
  auto wanted = hashes();
  ASSERT_GT(wanted.size(), 3u);
  std::filesystem::remove_all(pond_.derived_folder());
  EXPECT_EQ(hashes(), wanted);
  int damaged = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(pond_.derived_folder())) {
    if (entry.path().extension() != ".arrow") continue;
    std::fstream file(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(600);
    file.put('\x55');
    ++damaged;
  }
  ASSERT_GT(damaged, 0);
  EXPECT_EQ(hashes(), wanted);
}

TEST_F(LoaderTest, ColumnsHaveTheShapesOfTheirTypes) {
  auto loader =
      Make({.batch_size = 20, .shuffle = false},
           {"id", "x", "flag", "text", "holes", "triple", "ragged", "bytes", "day", "price"});
  auto batch = loader->Next({}).ValueOrDie();
  ASSERT_EQ(batch->columns.size(), 10u);
  auto column = [&](size_t i) -> const BatchColumn& { return batch->columns[i]; };
  for (const BatchColumn& any : batch->columns) {
    EXPECT_EQ(any.shape[0], 20) << any.name;
    EXPECT_NE(any.values == nullptr, any.array == nullptr) << any.name;
    if (any.values != nullptr) {
      EXPECT_EQ(reinterpret_cast<uintptr_t>(any.values->data()) % 64, 0u) << any.name;
    }
  }
  EXPECT_EQ(reinterpret_cast<const double*>(column(1).values->data())[3], 1.5);
  EXPECT_EQ(column(2).values->size(), 20);
  EXPECT_EQ(column(2).values->data()[3], 1);
  EXPECT_EQ(column(2).values->data()[4], 0);
  const auto& text = static_cast<const arrow::StringArray&>(*column(3).array);
  EXPECT_EQ(text.GetView(19), "row 19");
  auto* holes = reinterpret_cast<const float*>(column(4).values->data());
  EXPECT_TRUE(std::isnan(holes[5]));
  EXPECT_EQ(holes[6], 6.0f);
  EXPECT_THAT(column(5).shape, testing::ElementsAre(20, 3));
  EXPECT_EQ(reinterpret_cast<const int64_t*>(column(5).values->data())[5], 3);
  const auto& ragged = static_cast<const arrow::ListArray&>(*column(6).array);
  EXPECT_EQ(ragged.value_length(7), 3);
  EXPECT_EQ(ragged.value_length(8), 0);
  EXPECT_TRUE(ragged.ValidateFull().ok());
  const auto& bytes = static_cast<const arrow::BinaryArray&>(*column(7).array);
  EXPECT_TRUE(bytes.IsNull(2));
  EXPECT_EQ(bytes.GetView(3), "b3");
  EXPECT_TRUE(bytes.ValidateFull().ok());
  EXPECT_EQ(column(8).type->id(), arrow::Type::DATE32);
  EXPECT_EQ(reinterpret_cast<const double*>(column(9).values->data())[4], 4.0);
}

TEST_F(LoaderTest, SaysWhatColumnsLookLikeBeforeTheFirstBatch) {
  auto loader = Make({.batch_size = 20}, {"id", "holes", "triple", "ragged", "text"});
  auto specs = loader->columns();
  auto batch = loader->Next({}).ValueOrDie();
  ASSERT_EQ(specs.size(), batch->columns.size());
  for (size_t i = 0; i < specs.size(); ++i) {
    const BatchColumn& column = batch->columns[i];
    EXPECT_EQ(specs[i].name, column.name);
    std::vector<int64_t> shape = {batch->rows};
    shape.insert(shape.end(), specs[i].shape.begin(), specs[i].shape.end());
    EXPECT_EQ(shape, column.shape);
    EXPECT_TRUE(
        (specs[i].ragged ? arrow::list(specs[i].type) : specs[i].type)->Equals(column.type, false))
        << column.type->ToString();
  }
  EXPECT_EQ(specs[1].null_count, 21);
  EXPECT_TRUE(specs[3].ragged);
}

TEST_F(LoaderTest, SkipPassesOverStepsUpToTheEnd) {
  auto straight = Make({.batch_size = 10, .seed = 2});
  auto skipping = Make({.batch_size = 10, .seed = 2});
  for (int step = 0; step < 4; ++step) straight->Next({}).ValueOrDie();
  skipping->Next({}).ValueOrDie();
  ASSERT_THAT(skipping->Skip(3), IsOk());
  EXPECT_EQ(skipping->StateDict(), straight->StateDict());
  EXPECT_EQ(HashOf(*skipping->Next({}).ValueOrDie()), HashOf(*straight->Next({}).ValueOrDie()));
  ASSERT_THAT(skipping->Skip(1000), IsOk());
  EXPECT_EQ(skipping->Next({}).ValueOrDie(), nullptr);
  EXPECT_EQ(skipping->Next({}).ValueOrDie()->epoch, 1);
  EXPECT_THAT(skipping->Skip(-1), IsError(ErrorKind::kInvalid, HasSubstr("skip -1 steps")));
}

#ifndef __SANITIZE_THREAD__  // It refuses threads after a fork.
TEST_F(LoaderTest, GoesOnInAForkedChild) {
  auto loader = Make({.batch_size = 10, .seed = 5}), straight = Make({.batch_size = 10, .seed = 5});
  for (int step = 0; step < 3; ++step) {
    loader->Next({}).ValueOrDie();
    straight->Next({}).ValueOrDie();
  }
  const std::string wanted = HashOf(*straight->Next({}).ValueOrDie());
  const pid_t child = fork();
  if (child == 0) {
    alarm(20);  // A child that waits for its parent's threads must not hang the test.
    const bool same = HashOf(*loader->Next({}).ValueOrDie()) == wanted;
    loader.reset();
    straight.reset();
    _exit(same ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status)) << "signal " << WTERMSIG(status);
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_EQ(HashOf(*loader->Next({}).ValueOrDie()), wanted);
}
#endif

TEST_F(LoaderTest, BatchesOutliveTheirLoader) {
  auto loader = Make({.batch_size = 20}, {"id", "text"});
  auto batch = loader->Next({}).ValueOrDie();
  std::string hash = HashOf(*batch);
  loader.reset();
  std::filesystem::remove_all(pond_.derived_folder());
  EXPECT_EQ(HashOf(*batch), hash);
}

TEST_F(LoaderTest, BuffersAreReusedButNeverWhileHeld) {
  auto loader = Make({.batch_size = 10, .seed = 1});
  std::vector<std::shared_ptr<const Batch>> held;
  std::set<const uint8_t*> addresses;
  while (auto batch = loader->Next({}).ValueOrDie()) {
    EXPECT_TRUE(addresses.insert(batch->columns[0].values->data()).second);
    held.push_back(std::move(batch));
  }
  held.clear();
  bool reused = false;
  while (auto batch = loader->Next({}).ValueOrDie()) {
    reused = reused || addresses.contains(batch->columns[0].values->data());
  }
  EXPECT_TRUE(reused);
}

TEST_F(LoaderTest, HashSeesValuesNamesTypesAndOrder) {
  auto hash = [&](const std::vector<std::string>& columns, uint64_t seed) {
    return HashOf(*Make({.batch_size = 200, .seed = seed}, columns)->Next({}).ValueOrDie());
  };
  std::set<std::string> hashes = {hash({"id"}, 1),         hash({"id"}, 2),     hash({"text"}, 1),
                                  hash({"id", "text"}, 1), hash({"ragged"}, 1), hash({"ragged"}, 2),
                                  hash({"bytes"}, 1),      hash({"flag"}, 1)};
  EXPECT_EQ(hashes.size(), 8u);
  EXPECT_EQ(hash({"id", "text"}, 1), hash({"id", "text"}, 1));
}

TEST_F(LoaderTest, RefusesWhatCannotBe) {
  auto segment = pond_.OpenSegment(dataset_, "all", {"id", "gaps"});
  EXPECT_THAT(Loader::Make(segment, {}).status(),
              IsError(ErrorKind::kInvalid, HasSubstr("1 nulls")));
  segment = pond_.OpenSegment(dataset_, "all", {"id"});
  for (const LoaderOptions& options :
       {LoaderOptions{.batch_size = 0}, LoaderOptions{.rank = 1}, LoaderOptions{.rank = -1},
        LoaderOptions{.world_size = 0}, LoaderOptions{.prefetch = 0}, LoaderOptions{.threads = 0},
        LoaderOptions{.worker = 2, .workers = 2}, LoaderOptions{.decode = {{"id", {}}}},
        LoaderOptions{.decode = {{"text", {}}}}}) {
    EXPECT_THAT(Loader::Make(segment, options).status(), IsError(ErrorKind::kInvalid));
  }
  auto open = [&](const std::string& part, const std::vector<std::string>& columns) {
    return Segment::Open(*pond_.session(), pond_.cache(), dataset_, part, columns, {}).status();
  };
  EXPECT_THAT(open("c", {}), IsError(ErrorKind::kNotFound, HasSubstr("a, b")));
  EXPECT_THAT(open("a", {"txt"}), IsError(ErrorKind::kNotFound, HasSubstr("'text'")));
  EXPECT_THAT(open("a", {"id", "id"}), IsError(ErrorKind::kInvalid));
  dataset_ = pond_.Define("{name: s, query: 'SELECT id, {a: id} AS pair FROM t', key: id}");
  EXPECT_THAT(open("", {}), IsError(ErrorKind::kInvalid, HasSubstr("'pair'")));
  EXPECT_THAT(open("", {"id"}), IsOk());
}

TEST_F(LoaderTest, RefusesTheStateOfAnotherOrder) {
  auto loader = Make({.batch_size = 10, .seed = 1});
  base::Json state = loader->StateDict();
  EXPECT_THAT(Make({.batch_size = 10, .seed = 2})->LoadStateDict(state),
              IsError(ErrorKind::kInvalid, HasSubstr("seed")));
  EXPECT_THAT(Make({.shuffle = false, .seed = 1})->LoadStateDict(state),
              IsError(ErrorKind::kInvalid, HasSubstr("shuffle")));
  EXPECT_THAT(Make({.seed = 1}, {"id"}, "a")->LoadStateDict(state),
              IsError(ErrorKind::kInvalid, HasSubstr("part")));
  for (const char* key : {"format", "epoch", "position", "step", "dataset_hash"}) {
    base::Json broken = state;
    broken.erase(key);
    EXPECT_THAT(loader->LoadStateDict(broken), IsError(ErrorKind::kInvalid)) << key;
  }
  state["position"] = -1;
  EXPECT_THAT(loader->LoadStateDict(state), IsError(ErrorKind::kInvalid));
  EXPECT_THAT(loader->LoadStateDict(base::Json::array()), IsError(ErrorKind::kInvalid));
  EXPECT_THAT(loader->SetEpoch(-1), IsError(ErrorKind::kInvalid));
}

TEST_F(LoaderTest, CancelledWaitGoesOnLater) {
  auto loader = Make({.batch_size = 10, .seed = 1});
  std::stop_source stop;
  base::Context context;
  context.stop = stop.get_token();
  stop.request_stop();
  EXPECT_THAT(loader->Next(context), IsError(ErrorKind::kCancelled));
  EXPECT_EQ(Epoch(*loader), Epoch(*Make({.batch_size = 10, .seed = 1})));
}

TEST_F(LoaderTest, EmptyPartGivesNoBatches) {
  dataset_ = pond_.Define(
      "{name: e, query: FROM t, key: id, split: {by: time, column: id, parts: [{name: a, until: "
      "-1}, "
      "{name: b}]}}");
  auto loader = Make({.batch_size = 4, .last = LastBatch::kPad}, {"id"}, "a");
  EXPECT_EQ(loader->steps_per_epoch(), 0);
  EXPECT_EQ(loader->Next({}).ValueOrDie(), nullptr);
  EXPECT_EQ(loader->Next({}).ValueOrDie(), nullptr);
}

TEST_F(LoaderTest, DuplicateKeysFailTheBuild) {
  dataset_ = pond_.Define("{name: k, query: 'SELECT id % 50 AS k FROM t', key: k}");
  EXPECT_THAT(Segment::Open(*pond_.session(), pond_.cache(), dataset_, "", {}, {}).status(),
              IsError(ErrorKind::kInvalid, HasSubstr("k=0 is there more than once")));
}

TEST_F(LoaderTest, SegmentOfManyChunksKeepsItsRows) {
  pond_.Fill("big", "SELECT range AS id, repeat('x', 200) AS pad FROM range(200000)");
  dataset_ = pond_.Define("{name: big, query: FROM big, key: id}");
  auto segment = pond_.OpenSegment(dataset_, "all");
  EXPECT_EQ(segment->rows(), 200000);
  EXPECT_GT(segment->batches().size(), 2u);
  auto loader = Loader::Make(segment, {.batch_size = 1000, .seed = 9}).ValueOrDie();
  std::vector<int64_t> ids = Epoch(*loader);
  std::ranges::sort(ids);
  EXPECT_EQ(ids.front(), 0);
  EXPECT_EQ(ids.back(), 199999);
  EXPECT_TRUE(std::ranges::adjacent_find(ids) == ids.end());
  EXPECT_EQ(segment->KeyOf(123456), "id=123456");
  EXPECT_EQ(loader->stats().samples, 200000);
}

}  // namespace
}  // namespace millpond::train
