// Deletion vectors and Puffin files: against the files that Iceberg's own tests hold, and broken.
#include "table/deletion_vector.h"

#include <arrow/io/memory.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "table/fixture_testing.h"
#include "table/pond_testing.h"
#include "table/puffin.h"
#include "table/roaring.h"

namespace millpond::table {
namespace {

using base::ErrorKind;
using base::KindOf;
using ::testing::HasSubstr;

std::string Golden(const std::string& name) { return ReadFixture("golden/" + name); }

RowPositions AllContainerTypes() {
  // As Iceberg's TestBitmapPositionDeleteIndex makes it: an array, a run and a bitmap container,
  // under key 0 and under key 1.
  RowPositions positions;
  for (const int64_t bitmap : {int64_t{0}, int64_t{1} << 32}) {
    const bool first = bitmap == 0;
    positions.AddAll(RowPositions(first ? std::vector<int64_t>{5, 7}
                                        : std::vector<int64_t>{bitmap + 10, bitmap + 20}));
    const int64_t run = bitmap + 65536;
    positions.AddRange(run + (first ? 1 : 10), run + (first ? 1000 : 500));
    const int64_t most = bitmap + int64_t{2} * 65536;
    positions.AddRange(most + 1, most + 65535);
  }
  return positions;
}

TEST(DeletionVector, ReadsAndWritesWhatIcebergDoes) {
  const std::vector<std::pair<std::string, RowPositions>> files = {
      {"empty-position-index.bin", RowPositions()},
      {"small-alternating-values-position-index.bin", RowPositions({1, 3, 5, 7, 9})},
      {"small-and-large-values-position-index.bin",
       RowPositions({100, 101, int64_t{INT32_MAX} + 100, int64_t{INT32_MAX} + 101})},
      {"all-container-types-position-index.bin", AllContainerTypes()}};
  for (const auto& [name, expected] : files) {
    const std::string bytes = Golden(name);
    const auto positions = DecodeDeletionVector(bytes, name);
    ASSERT_TRUE(positions.ok()) << positions.status().ToString();
    EXPECT_EQ(*positions, expected) << name;
    EXPECT_EQ(EncodeDeletionVector(expected), bytes) << name;
  }
}

TEST(DeletionVector, ReadsRoaringFilesOfOthers) {
  EXPECT_TRUE(DecodeRoaring(Golden("64mapempty.bin"), "x").ValueOrDie().empty());
  const auto few = DecodeRoaring(Golden("64map32bitvals.bin"), "x").ValueOrDie();
  EXPECT_EQ(few.ToVector(), (std::vector<int64_t>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
  const auto spread = DecodeRoaring(Golden("64mapspreadvals.bin"), "x").ValueOrDie();
  EXPECT_EQ(spread.size(), 100);
  EXPECT_TRUE(spread.Contains((int64_t{9} << 32) + 9));
  // Keys beyond 31 bits, which positions do not have (and in the archive, mangled bytes).
  EXPECT_EQ(KindOf(DecodeRoaring(Golden("64maphighvals.bin"), "x").status()), ErrorKind::kCorrupt);
}

TEST(DeletionVector, EveryDamageIsCorrupt) {
  const std::string good = EncodeDeletionVector(AllContainerTypes());
  for (size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 0x40);
    EXPECT_EQ(KindOf(DecodeDeletionVector(bad, "x").status()), ErrorKind::kCorrupt) << i;
    EXPECT_EQ(KindOf(DecodeDeletionVector(good.substr(0, i), "x").status()), ErrorKind::kCorrupt);
  }
  const std::string roaring = EncodeRoaring(AllContainerTypes());
  for (size_t i = 0; i < roaring.size(); ++i) {
    EXPECT_EQ(KindOf(DecodeRoaring(roaring.substr(0, i), "x").status()), ErrorKind::kCorrupt) << i;
  }
  EXPECT_EQ(KindOf(DecodeRoaring(roaring + "x", "x").status()), ErrorKind::kCorrupt);
}

TEST(DeletionVector, SeveralOfOneFileComeBack) {
  const PondForTest pond;
  const std::string uri = pond.store()->UriOf("t/data/deletes.puffin");
  RowPositions many;
  many.AddRange(10, 100'000);
  const std::map<std::string, RowPositions> by_file = {{"file:///a.parquet", RowPositions({0, 9})},
                                                       {"file:///b.parquet", many}};
  auto files = WriteDeletionVectors(*pond.store(), uri, by_file).ValueOrDie();
  ASSERT_EQ(files.size(), 2u);
  EXPECT_EQ(files[0].format, "PUFFIN");
  EXPECT_EQ(files[0].record_count, 2);
  EXPECT_EQ(files[0].size, pond.store()->Stat("t/data/deletes.puffin")->size);
  EXPECT_EQ(files[1].referenced_data_file, "file:///b.parquet");
  EXPECT_EQ(ReadDeletionVector(*pond.store(), files[0]).ValueOrDie(), RowPositions({0, 9}));
  EXPECT_EQ(ReadDeletionVector(*pond.store(), files[1]).ValueOrDie(), many);
  ++files[0].record_count;
  EXPECT_THAT(ReadDeletionVector(*pond.store(), files[0]).status().message(),
              HasSubstr("of 3 rows holds 2"));
  files[0].content_offset = 1 << 20;
  EXPECT_EQ(KindOf(ReadDeletionVector(*pond.store(), files[0]).status()), ErrorKind::kCorrupt);
  files[0].content_offset.reset();
  EXPECT_EQ(KindOf(ReadDeletionVector(*pond.store(), files[0]).status()), ErrorKind::kCorrupt);
  auto file = pond.store()->OpenRead("t/data/deletes.puffin").ValueOrDie();
  const PuffinFooter footer = ReadPuffinFooter(*file, "x").ValueOrDie();
  ASSERT_EQ(footer.blobs.size(), 2u);
  EXPECT_EQ(footer.blobs[0].type, "deletion-vector-v1");
  EXPECT_EQ(footer.blobs[0].fields, std::vector<int32_t>{2147483645});
  EXPECT_EQ(footer.blobs[0].properties.at("cardinality"), "2");
  EXPECT_EQ(footer.blobs[1].properties.at("referenced-data-file"), "file:///b.parquet");
}

Result<PuffinFooter> FooterOf(const std::string& bytes) {
  arrow::io::BufferReader file(arrow::Buffer::FromString(bytes));
  return ReadPuffinFooter(file, "x");
}

TEST(Puffin, ReadsWhatIcebergWrote) {
  EXPECT_TRUE(FooterOf(Golden("empty-puffin-uncompressed.bin")).ValueOrDie().blobs.empty());
  const auto plain = FooterOf(Golden("sample-metric-data-uncompressed.bin")).ValueOrDie();
  EXPECT_EQ(plain.properties.at("created-by"), "Test 1234");
  ASSERT_EQ(plain.blobs.size(), 2u);
  EXPECT_EQ(plain.blobs[1].type, "some-other-blob");
  EXPECT_EQ(plain.blobs[1].fields, std::vector<int32_t>{2});
  EXPECT_EQ(plain.blobs[1].snapshot_id, 2);
  EXPECT_EQ(plain.blobs[1].sequence_number, 1);
  const std::string packed_bytes = Golden("sample-metric-data-compressed-zstd.bin");
  const auto packed = FooterOf(packed_bytes).ValueOrDie();
  arrow::io::BufferReader file(arrow::Buffer::FromString(packed_bytes));
  EXPECT_EQ(ReadPuffinBlob(file, packed.blobs[0], "x").ValueOrDie(), "abcdefghi");
  EXPECT_THAT(ReadPuffinBlob(file, packed.blobs[1], "x").ValueOrDie(), HasSubstr("binary data"));
  PuffinBlob odd = packed.blobs[0];
  odd.codec = "snappy";
  EXPECT_EQ(KindOf(ReadPuffinBlob(file, odd, "x").status()), ErrorKind::kInvalid);
}

TEST(Puffin, DamageIsRefusedByKind) {
  const std::string good = Golden("sample-metric-data-uncompressed.bin");
  for (size_t i = 0; i < good.size(); ++i) {
    EXPECT_FALSE(FooterOf(good.substr(0, i)).ok()) << i;
  }
  std::string flags = good;
  flags[flags.size() - 7] = 1;
  EXPECT_EQ(KindOf(FooterOf(flags).status()), ErrorKind::kInvalid);
  std::string compressed = good;  // Says that its footer is compressed, which it is not.
  compressed[compressed.size() - 8] = 1;
  EXPECT_EQ(KindOf(FooterOf(compressed).status()), ErrorKind::kCorrupt);
}

}  // namespace
}  // namespace millpond::table
