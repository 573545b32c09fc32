// The order is a bijection for awkward counts, looks random, and never changes; slices cover each
// global batch exactly, whatever the world.
#include "train/order.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>
#include <vector>

namespace millpond::train {
namespace {

std::vector<int64_t> All(int64_t count, uint64_t seed, int64_t epoch, bool shuffle = true) {
  Order order(count, shuffle, seed, epoch);
  std::vector<int64_t> rows(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) rows[static_cast<size_t>(i)] = order.At(i);
  return rows;
}

class Bijection : public testing::TestWithParam<int64_t> {};

TEST_P(Bijection, VisitsEachSampleOnce) {
  for (uint64_t seed : {uint64_t{0}, uint64_t{7}, ~uint64_t{0}}) {
    for (int64_t epoch : {0, 1, 1000}) {
      std::vector<int64_t> rows = All(GetParam(), seed, epoch), wanted(rows.size());
      std::ranges::sort(rows);
      std::iota(wanted.begin(), wanted.end(), 0);
      ASSERT_EQ(rows, wanted) << "seed " << seed << " epoch " << epoch;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(AwkwardCounts, Bijection,
                         testing::Values(0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 127, 128, 129, 251,
                                         255, 256, 257, 1021, 4095, 4096, 4097, 65535, 65536, 65537,
                                         104729));

TEST(Order, IsStableForEver) {
  // Changing these numbers changes the batches of every training run that was ever recorded.
  EXPECT_THAT(All(10, 7, 0), testing::ElementsAreArray({9, 7, 1, 2, 4, 3, 0, 5, 8, 6}));
  EXPECT_THAT(All(10, 7, 1), testing::ElementsAreArray({6, 9, 3, 1, 8, 2, 5, 0, 7, 4}));
  EXPECT_EQ(Order(1'000'000'007, true, 42, 3).At(123'456'789), 676826983);
}

TEST(Order, WorksBeyondMemory) {
  Order order(int64_t{1} << 60, true, 1, 0);
  std::set<int64_t> seen;
  for (int64_t i = 0; i < 1000; ++i) {
    int64_t row = order.At(i);
    EXPECT_GE(row, 0);
    EXPECT_LT(row, int64_t{1} << 60);
    EXPECT_TRUE(seen.insert(row).second);
  }
}

TEST(Order, WithoutShuffleIsTheOrderOfTheKey) {
  EXPECT_THAT(All(4, 9, 2, false), testing::ElementsAre(0, 1, 2, 3));
}

TEST(Order, SeedsAndEpochsDiffer) {
  EXPECT_NE(All(100, 1, 0), All(100, 2, 0));
  EXPECT_NE(All(100, 1, 0), All(100, 1, 1));
  EXPECT_NE(All(100, 1, 0), All(100, 0, 1));
}

// Each sample should land in each of the positions about equally often over many seeds.
TEST(Order, IsFlatForSmallCounts) {
  constexpr int64_t kCount = 6;
  constexpr int kSeeds = 30000;
  std::vector<int> hits(kCount * kCount);
  for (int seed = 0; seed < kSeeds; ++seed) {
    Order order(kCount, true, static_cast<uint64_t>(seed), 0);
    for (int64_t i = 0; i < kCount; ++i) ++hits[static_cast<size_t>(i * kCount + order.At(i))];
  }
  double expected = static_cast<double>(kSeeds) / kCount, chi_square = 0;
  for (int hit : hits) chi_square += (hit - expected) * (hit - expected) / expected;
  // 25 degrees of freedom: 60.1 is the 99.99th percentile.
  EXPECT_LT(chi_square, 60.1);
}

// A shuffled order has no run structure: neighbours are as far apart as in a random permutation.
TEST(Order, NeighboursAreUnrelated) {
  for (int64_t count : {1000, 65537}) {
    std::vector<int64_t> rows = All(count, 5, 0);
    double sum = 0;
    for (size_t i = 1; i < rows.size(); ++i) {
      sum += std::abs(static_cast<double>(rows[i] - rows[i - 1]));
    }
    double mean = sum / static_cast<double>(rows.size() - 1);
    EXPECT_NEAR(mean / static_cast<double>(count), 1.0 / 3, 0.02) << count;
  }
}

std::vector<int64_t> Epoch(int64_t count, int64_t batch, int64_t world, LastBatch last) {
  std::vector<int64_t> positions;
  int64_t steps = StepsFrom(count, 0, batch * world, last);
  for (int64_t step = 0; step < steps; ++step) {
    for (int64_t rank = 0; rank < world; ++rank) {
      Slice slice = SliceOf(count, step * batch * world, batch, rank, world, last);
      for (int64_t at = slice.begin; at < slice.end; ++at) positions.push_back(at);
    }
  }
  return positions;
}

TEST(Slices, CoverTheEpochInOrderWhateverTheWorld) {
  for (int64_t count : {0, 1, 7, 12, 13, 100}) {
    for (auto [batch, world] : {std::pair{12, 1}, {6, 2}, {4, 3}, {1, 12}, {3, 4}}) {
      std::vector<int64_t> whole(static_cast<size_t>(count));
      std::iota(whole.begin(), whole.end(), 0);
      EXPECT_EQ(Epoch(count, batch, world, LastBatch::kShort), whole);
      whole.resize(static_cast<size_t>(count / 12 * 12));
      EXPECT_EQ(Epoch(count, batch, world, LastBatch::kDrop), whole);
      int64_t padded = (count + 11) / 12 * 12;
      EXPECT_EQ(static_cast<int64_t>(Epoch(count, batch, world, LastBatch::kPad).size()), padded);
    }
  }
}

TEST(Slices, ShortSharesDifferByOneAtMost) {
  for (int64_t left = 1; left < 16; ++left) {
    std::vector<int64_t> sizes;
    for (int64_t rank = 0; rank < 4; ++rank) {
      Slice slice = SliceOf(left, 0, 4, rank, 4, LastBatch::kShort);
      sizes.push_back(slice.end - slice.begin);
    }
    EXPECT_LE(*std::ranges::max_element(sizes) - *std::ranges::min_element(sizes), 1);
    EXPECT_EQ(std::accumulate(sizes.begin(), sizes.end(), int64_t{0}), left);
  }
}

}  // namespace
}  // namespace millpond::train
