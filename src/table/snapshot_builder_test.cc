// Merging manifests when a snapshot is built: what keeps its schema, what must not be merged.
#include "table/snapshot_builder.h"

#include <arrow/api.h>
#include <gtest/gtest.h>

#include "base/temporary_folder.h"
#include "store/local_store.h"
#include "table/snapshot_files.h"

namespace millpond::table {
namespace {

constexpr int kManifests = 100;

Schema SchemaWithId(int32_t id) {
  int32_t next = 1;
  auto columns = arrow::schema({arrow::field("sample_id", arrow::int64(), false)});
  return Schema{id, AssignFieldIds(*columns, &next).ValueOrDie(), {1}};
}

DataFile File(const std::string& name) {
  DataFile file;
  file.uri = "file:///elsewhere/" + name;
  file.record_count = 1;
  file.size = 100;
  return file;
}

class SnapshotBuilderTest : public testing::Test {
 protected:
  void Put(const std::string& uri, const std::string& bytes) {
    ASSERT_TRUE(store::WriteBlob(*store_, store_->PathOf(uri).ValueOrDie(), bytes).ok());
  }

  /// A table whose current snapshot has many small manifests, each written with schema 0.
  TableMetadata Fragmented(std::vector<Schema> known) {
    TableMetadata table = NewTableMetadata("u", store_->UriOf("t"), known.back(), {}, 1000);
    table.schemas = std::move(known);
    std::vector<ManifestFile> list;
    for (int i = 0; i < kManifests; ++i) {
      Manifest manifest;
      manifest.entries.resize(1);
      manifest.entries[0].snapshot_id = 7;
      manifest.entries[0].file = File(std::to_string(i));
      ManifestFile row;
      row.uri = fmt::format("{}/metadata/m{}.avro", table.location, i);
      const std::string bytes = SerializeManifest(manifest, SchemaWithId(0)).ValueOrDie();
      Put(row.uri, bytes);
      row.length = static_cast<int64_t>(bytes.size());
      row.added_snapshot_id = 7;
      row.sequence_number = row.min_sequence_number = 1;
      row.added_files = 1;
      row.added_rows = 1;
      list.push_back(row);
    }
    Snapshot snapshot;
    snapshot.id = 7;
    snapshot.sequence_number = 1;
    snapshot.manifest_list = table.location + "/metadata/list.avro";
    Put(snapshot.manifest_list, SerializeManifestList(list, 7, {}, 1, 2).ValueOrDie());
    table.snapshots = {snapshot};
    table.current_snapshot_id = 7;
    table.last_sequence_number = 1;
    return table;
  }

  std::vector<Manifest> ManifestsAfterAppend(const TableMetadata& table) {
    SnapshotBuilder builder(store_.get(), "commit");
    BlobBatch blobs;
    SnapshotChange change;
    change.added = {File("new")};
    change.schema_id = table.current_schema_id;
    const TableMetadata next = builder.Build(table, change, &blobs).ValueOrDie();
    EXPECT_TRUE(blobs.Write(*store_).ok());
    std::vector<Manifest> manifests;
    for (const auto& row : LoadManifestList(*store_, *next.current_snapshot()).ValueOrDie()) {
      manifests.push_back(LoadManifest(*store_, row).ValueOrDie());
    }
    return manifests;
  }

  base::TemporaryFolder folder_;
  std::shared_ptr<store::BlobStore> store_ = store::OpenLocalStore(folder_.path()).ValueOrDie();
};

TEST_F(SnapshotBuilderTest, SmallManifestsAreMergedAndKeepTheirSchema) {
  const auto manifests = ManifestsAfterAppend(Fragmented({SchemaWithId(0), SchemaWithId(1)}));
  ASSERT_EQ(manifests.size(), 2u);
  EXPECT_EQ(manifests[0].schema_id, 0);
  ASSERT_EQ(manifests[0].entries.size(), static_cast<size_t>(kManifests));
  EXPECT_EQ(manifests[0].entries[0].status, EntryStatus::kExisting);
  EXPECT_EQ(manifests[0].entries[0].sequence_number, 1);
  EXPECT_EQ(manifests[1].schema_id, 1);
  EXPECT_EQ(manifests[1].entries[0].sequence_number, 2);
}

// Other engines drop schemas that no snapshot names. A merged manifest would then claim that its
// old files were written with another schema, and a scan would read them without mapping columns.
TEST_F(SnapshotBuilderTest, ManifestsOfAForgottenSchemaStayAsTheyAre) {
  const auto manifests = ManifestsAfterAppend(Fragmented({SchemaWithId(1)}));
  ASSERT_EQ(manifests.size(), static_cast<size_t>(kManifests) + 1);
  EXPECT_EQ(manifests[0].schema_id, 0);
}

}  // namespace
}  // namespace millpond::table
