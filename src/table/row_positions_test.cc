// Sets of row positions: against std::set, across chunk borders and forms.
#include "table/row_positions.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

#include "table/roaring.h"

namespace millpond::table {
namespace {

constexpr int64_t kChunk = 65536;

void ExpectHolds(const RowPositions& positions, const std::set<int64_t>& expected) {
  EXPECT_EQ(positions.size(), static_cast<int64_t>(expected.size()));
  EXPECT_EQ(positions.ToVector(), std::vector<int64_t>(expected.begin(), expected.end()));
  for (const int64_t member : expected) {
    ASSERT_TRUE(positions.Contains(member));
    ASSERT_EQ(positions.Contains(member + 1), expected.contains(member + 1));
  }
  if (!expected.empty()) {
    EXPECT_EQ(positions.largest(), *expected.rbegin());
  }
}

TEST(RowPositions, AnyOrderAndRepeats) {
  const RowPositions positions({7, 3, 3, kChunk, 0, 7, 5'000'000'000});
  ExpectHolds(positions, {0, 3, 7, kChunk, 5'000'000'000});
  EXPECT_FALSE(positions.Contains(1));
  EXPECT_TRUE(RowPositions().empty());
  EXPECT_EQ(RowPositions().ChunkOf(0), nullptr);
}

TEST(RowPositions, BecomesBitsWhereManyAndComparesEqualByContent) {
  RowPositions one_by_one;
  std::set<int64_t> expected;
  for (int64_t i = 0; i < 5000; ++i) {
    one_by_one.Add(i * 3);
    expected.insert(i * 3);
  }
  EXPECT_FALSE(one_by_one.chunks()[0].words.empty());
  ExpectHolds(one_by_one, expected);
  RowPositions ranges;
  ranges.AddRange(10, 20);
  ranges.AddRange(15, 25);
  RowPositions same;
  for (int64_t i = 24; i >= 10; --i) same.Add(i);
  EXPECT_EQ(ranges, same);
  EXPECT_TRUE(ranges.chunks()[0].words.empty());
}

TEST(RowPositions, RangesCrossWordsAndChunks) {
  RowPositions positions;
  positions.AddRange(63, 65);
  positions.AddRange(kChunk - 1, kChunk + 1);
  positions.AddRange(2 * kChunk, 4 * kChunk);
  positions.AddRange(5, 5);
  EXPECT_EQ(positions.size(), 2 + 2 + 2 * kChunk);
  EXPECT_TRUE(positions.Contains(63) && positions.Contains(64) && !positions.Contains(65));
  EXPECT_TRUE(positions.Contains(kChunk) && !positions.Contains(kChunk + 1));
  EXPECT_TRUE(positions.Contains(4 * kChunk - 1) && !positions.Contains(4 * kChunk));
}

// Random sets of very different density, merged; also through the stored form.
TEST(RowPositions, AgreesWithAPlainSet) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 8; ++round) {
    RowPositions positions[2];
    std::set<int64_t> expected[2];
    for (int side = 0; side < 2; ++side) {
      const int64_t span = int64_t{1} << (4 + random() % 40);
      const size_t count = random() % 9000;
      for (size_t i = 0; i < count; ++i) {
        const auto at = static_cast<int64_t>(random() % static_cast<uint64_t>(span));
        positions[side].Add(at);
        expected[side].insert(at);
      }
      const auto at = static_cast<int64_t>(random() % static_cast<uint64_t>(span));
      positions[side].AddRange(at, at + 300);
      for (int64_t i = at; i < at + 300; ++i) expected[side].insert(i);
      ExpectHolds(positions[side], expected[side]);
    }
    positions[0].AddAll(positions[1]);
    expected[0].insert(expected[1].begin(), expected[1].end());
    ExpectHolds(positions[0], expected[0]);
    const std::string bytes = EncodeRoaring(positions[0]);
    EXPECT_EQ(DecodeRoaring(bytes, "x").ValueOrDie(), positions[0]);
  }
}

TEST(RowPositions, TheLargestPositionIsStored) {
  const RowPositions positions({RowPositions::kMost});
  EXPECT_EQ(DecodeRoaring(EncodeRoaring(positions), "x").ValueOrDie(), positions);
}

}  // namespace
}  // namespace millpond::table
