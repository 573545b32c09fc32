// What is kept is given again without opening a file; the budget holds; what a list gives its
// manifests counts.
#include "table/manifest_cache.h"

#include <arrow/type.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "base/error_matchers.h"
#include "base/temporary_folder.h"
#include "store/local_store.h"

namespace millpond::table {
namespace {

using base::ErrorKind;
using base::IsError;

constexpr int64_t kPlenty = 64 << 20;

class ManifestCacheTest : public testing::Test {
 protected:
  /// A manifest of one file whose sequence numbers come from its list.
  ManifestFile Manifested(const std::string& name) {
    Schema schema{0, arrow::schema({arrow::field("x", arrow::int64())}), {}};
    int32_t next = 1;
    schema.arrow = AssignFieldIds(*schema.arrow, &next).ValueOrDie();
    Manifest manifest;
    manifest.entries.resize(1);
    manifest.entries[0].snapshot_id = 7;
    manifest.entries[0].file.uri = "file:///elsewhere/" + name;
    manifest.entries[0].file.record_count = 1;
    manifest.entries[0].file.size = 100;
    manifest.entries[0].file.lower_bounds[1] = std::string(8, '\0');
    ManifestFile row;
    const std::string bytes = SerializeManifest(manifest, schema).ValueOrDie();
    row.uri = store_->UriOf(name + ".avro");
    row.length = static_cast<int64_t>(bytes.size());
    row.added_snapshot_id = 7;
    row.sequence_number = row.min_sequence_number = 3;
    row.added_files = 1;
    row.added_rows = 1;
    Put(name + ".avro", bytes);
    return row;
  }

  Snapshot Listed(const std::string& name, const std::vector<ManifestFile>& rows) {
    Snapshot snapshot;
    snapshot.id = 7;
    snapshot.manifest_list = store_->UriOf(name + ".avro");
    Put(name + ".avro", SerializeManifestList(rows, 7, {}, 3, 2).ValueOrDie());
    return snapshot;
  }

  void Put(const std::string& path, const std::string& bytes) {
    ASSERT_TRUE(store::WriteBlob(*store_, path, bytes).ok());
  }
  void Lose(const std::string& path) { ASSERT_TRUE(std::filesystem::remove(folder_ / path)); }

  base::TemporaryFolder folder_;
  std::shared_ptr<store::BlobStore> store_ = store::OpenLocalStore(folder_.path()).ValueOrDie();
};

TEST_F(ManifestCacheTest, KeptPartsNeedNoFile) {
  ManifestCache cache(store_.get(), kPlenty);
  const ManifestFile row = Manifested("m");
  const Snapshot snapshot = Listed("list", {row});
  const auto list = cache.List(snapshot).ValueOrDie();
  ASSERT_EQ(list->size(), 1u);
  const auto manifest = cache.Entries(list->at(0)).ValueOrDie();
  EXPECT_EQ(manifest->entries.at(0).sequence_number, 3);
  EXPECT_GT(cache.bytes(), 0);
  Lose("m.avro");
  Lose("list.avro");
  EXPECT_EQ(cache.List(snapshot).ValueOrDie(), list);
  EXPECT_EQ(cache.Entries(row).ValueOrDie(), manifest);
  ManifestCache other(store_.get(), kPlenty);
  EXPECT_THAT(other.List(snapshot), IsError(ErrorKind::kCorrupt));
}

TEST_F(ManifestCacheTest, TheOldestGoesWhereTheBudgetIsFull) {
  const ManifestFile first = Manifested("first");
  const ManifestFile second = Manifested("second");
  ManifestCache probe(store_.get(), kPlenty);
  ASSERT_TRUE(probe.Entries(first).ok());
  ManifestCache cache(store_.get(), probe.bytes() + probe.bytes() / 2);
  const auto held = cache.Entries(first).ValueOrDie();
  ASSERT_TRUE(cache.Entries(second).ok());
  EXPECT_LE(cache.bytes(), probe.bytes() + probe.bytes() / 2);
  EXPECT_EQ(held->entries.at(0).file.uri, "file:///elsewhere/first");  // Its holder keeps it.
  Lose("first.avro");
  Lose("second.avro");
  EXPECT_TRUE(cache.Entries(second).ok());
  EXPECT_THAT(cache.Entries(first), IsError(ErrorKind::kCorrupt));
}

TEST_F(ManifestCacheTest, NothingIsKeptWithoutABudget) {
  ManifestCache cache(store_.get(), 0);
  const ManifestFile row = Manifested("m");
  ASSERT_TRUE(cache.Entries(row).ok());
  EXPECT_EQ(cache.bytes(), 0);
}

// Other engines may name one manifest from two lists; what its entries inherit is the list's word.
TEST_F(ManifestCacheTest, InheritedNumbersAreThoseOfTheAskingList) {
  ManifestCache cache(store_.get(), kPlenty);
  ManifestFile row = Manifested("m");
  EXPECT_EQ(cache.Entries(row).ValueOrDie()->entries.at(0).sequence_number, 3);
  row.sequence_number = 5;
  EXPECT_EQ(cache.Entries(row).ValueOrDie()->entries.at(0).sequence_number, 5);
}

}  // namespace
}  // namespace millpond::table
