// Manifests and manifest lists: PyIceberg's files are read, ours come back, hostile ones are
// refused.
#include "table/manifest.h"

#include <arrow/api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>

#include "table/avro_reader.h"
#include "table/avro_writer.h"

namespace millpond::table {
namespace {

using base::ErrorKind;
using base::KindOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

/// tests/fixtures/iceberg, whose make_fixtures.py says how PyIceberg wrote its files.
std::filesystem::path FixtureFolder() {
  auto folder = std::filesystem::current_path();
  while (!std::filesystem::exists(folder / "tests/fixtures/iceberg") &&
         folder.has_relative_path()) {
    folder = folder.parent_path();
  }
  return folder / "tests/fixtures/iceberg";
}

std::string Fixture(const std::string& name) {
  std::ifstream file(FixtureFolder() / name, std::ios::binary);
  EXPECT_TRUE(file.is_open()) << name << " not found: run the tests inside the checkout";
  return {std::istreambuf_iterator<char>(file), {}};
}

Schema SmallSchema() {
  int32_t next = 1;
  auto arrow = AssignFieldIds(*arrow::schema({arrow::field("sample_id", arrow::int64(), false),
                                              arrow::field("text", arrow::utf8())}),
                              &next)
                   .ValueOrDie();
  return Schema{7, arrow, {1}};
}

ManifestEntry NewEntry(int number) {
  ManifestEntry entry;
  entry.snapshot_id = 42;
  entry.file.uri = fmt::format("file:///t/data/{}.parquet", number);
  entry.file.record_count = 100 * number;
  entry.file.size = 1000 * number;
  entry.file.column_sizes = {{1, 400}, {2, 5'000'000'000}};
  entry.file.value_counts = {{1, 100}, {2, 100}};
  entry.file.null_counts = {{1, 0}, {2, 7}};
  entry.file.nan_counts = {{2, 1}};
  entry.file.lower_bounds = {{1, std::string("\5\0\0\0\0\0\0\0", 8)}, {2, "äpfel"}};
  entry.file.upper_bounds = {{2, "zoo"}};
  entry.file.split_offsets = {4, 268'435'456};
  entry.file.sort_order_id = 0;
  return entry;
}

void ExpectSame(const ManifestEntry& a, const ManifestEntry& b) {
  EXPECT_EQ(a.status, b.status);
  EXPECT_EQ(a.snapshot_id, b.snapshot_id);
  EXPECT_EQ(a.sequence_number, b.sequence_number);
  EXPECT_EQ(a.file_sequence_number, b.file_sequence_number);
  EXPECT_EQ(a.content, b.content);
  EXPECT_EQ(a.partition, b.partition);
  EXPECT_EQ(a.file.uri, b.file.uri);
  EXPECT_EQ(a.file.format, b.file.format);
  EXPECT_EQ(a.file.record_count, b.file.record_count);
  EXPECT_EQ(a.file.size, b.file.size);
  EXPECT_EQ(a.file.column_sizes, b.file.column_sizes);
  EXPECT_EQ(a.file.value_counts, b.file.value_counts);
  EXPECT_EQ(a.file.null_counts, b.file.null_counts);
  EXPECT_EQ(a.file.nan_counts, b.file.nan_counts);
  EXPECT_EQ(a.file.lower_bounds, b.file.lower_bounds);
  EXPECT_EQ(a.file.upper_bounds, b.file.upper_bounds);
  EXPECT_EQ(a.file.split_offsets, b.file.split_offsets);
  EXPECT_EQ(a.file.sort_order_id, b.file.sort_order_id);
}

TEST(Manifest, ReadsPyIcebergsFormat2) {
  for (const char* name : {"pyiceberg_v2.avro", "pyiceberg_v2_null_codec.avro"}) {
    const Manifest manifest = ParseManifest(Fixture(name), name).ValueOrDie();
    EXPECT_EQ(manifest.schema_id, 7);
    EXPECT_EQ(manifest.partition_spec_id, 0);
    EXPECT_EQ(manifest.format_version, 2);
    EXPECT_FALSE(manifest.of_deletes);
    EXPECT_EQ(manifest.partition_type, "");
    ASSERT_EQ(manifest.entries.size(), 3u);
    const ManifestEntry& first = manifest.entries[0];
    EXPECT_EQ(first.status, EntryStatus::kAdded);
    EXPECT_EQ(first.snapshot_id, 42);
    EXPECT_EQ(first.sequence_number, std::nullopt);
    EXPECT_EQ(first.file.uri, "file:///pond/truth/main/t/data/1.parquet");
    EXPECT_EQ(first.file.format, "PARQUET");
    EXPECT_EQ(first.file.record_count, 100);
    EXPECT_EQ(first.file.size, 1000);
    EXPECT_THAT(first.file.column_sizes, ElementsAre(Pair(1, 400), Pair(2, 5'000'000'000)));
    EXPECT_THAT(first.file.null_counts, ElementsAre(Pair(1, 0), Pair(2, 7)));
    EXPECT_THAT(first.file.nan_counts, IsEmpty());
    EXPECT_EQ(first.file.lower_bounds.at(2), "äpfel");
    EXPECT_EQ(first.file.upper_bounds.at(1), std::string("\x68\0\0\0\0\0\0\0", 8));
    EXPECT_THAT(first.file.split_offsets, ElementsAre(4, 268'435'456));
    EXPECT_EQ(first.file.sort_order_id, 0);
    EXPECT_EQ(manifest.entries[1].status, EntryStatus::kExisting);
    EXPECT_EQ(manifest.entries[1].sequence_number, 5);
    EXPECT_EQ(manifest.entries[1].file.sort_order_id, std::nullopt);
    EXPECT_EQ(manifest.entries[2].status, EntryStatus::kDeleted);
    EXPECT_EQ(manifest.entries[2].file_sequence_number, 4);
  }
}

TEST(Manifest, ReadsPyIcebergsFormat1) {
  Manifest manifest = ParseManifest(Fixture("pyiceberg_v1_partitioned.avro"), "v1").ValueOrDie();
  EXPECT_EQ(manifest.format_version, 1);
  EXPECT_EQ(manifest.partition_spec_id, 3);
  ASSERT_EQ(manifest.entries.size(), 1u);
  EXPECT_EQ(manifest.entries[0].content, 0);
  ManifestFile row;
  row.added_snapshot_id = 42;
  ASSERT_TRUE(InheritFrom(row, "v1", &manifest).ok());
  EXPECT_EQ(manifest.entries[0].sequence_number, 0);
}

TEST(Manifest, PartitionTuplesOfOthersAreCarried) {
  Manifest manifest = ParseManifest(Fixture("pyiceberg_v2_partitioned.avro"), "p").ValueOrDie();
  EXPECT_EQ(manifest.partition_spec_id, 3);
  EXPECT_THAT(manifest.partition_type, HasSubstr("at_day"));
  EXPECT_THAT(manifest.partition_fields, HasSubstr("identity"));
  ManifestFile row;
  row.added_snapshot_id = 42;
  row.sequence_number = 8;
  ASSERT_TRUE(InheritFrom(row, "p", &manifest).ok());
  for (ManifestEntry& entry : manifest.entries) entry.status = EntryStatus::kDeleted;
  const std::string bytes = SerializeManifest(manifest, SmallSchema()).ValueOrDie();
  const Manifest back = ParseManifest(bytes, "again").ValueOrDie();
  EXPECT_EQ(back.partition_type, manifest.partition_type);
  EXPECT_EQ(back.partition_fields, manifest.partition_fields);
  ASSERT_EQ(back.entries.size(), 2u);
  for (size_t i = 0; i < 2; ++i) ExpectSame(back.entries[i], manifest.entries[i]);
}

TEST(Manifest, ComesBackEqual) {
  Manifest manifest;
  manifest.partition_spec_id = 2;
  for (int i = 1; i <= 3000; ++i) manifest.entries.push_back(NewEntry(i));
  manifest.entries[1].status = EntryStatus::kExisting;
  manifest.entries[1].sequence_number = 3;
  manifest.entries[1].file_sequence_number = 2;
  manifest.entries[2].file = DataFile();
  manifest.entries[2].file.uri = "file:///bare.parquet";
  manifest.entries[2].file.size = 4;
  const std::string bytes = SerializeManifest(manifest, SmallSchema()).ValueOrDie();
  const Manifest back = ParseManifest(bytes, "m").ValueOrDie();
  EXPECT_EQ(back.schema_id, 7);
  EXPECT_EQ(back.partition_spec_id, 2);
  ASSERT_EQ(back.entries.size(), manifest.entries.size());
  for (size_t i = 0; i < back.entries.size(); ++i) ExpectSame(back.entries[i], manifest.entries[i]);
  EXPECT_EQ(SerializeManifest(manifest, SmallSchema()).ValueOrDie(), bytes);
}

TEST(Manifest, WritingRefusesWhatReadersWouldMisread) {
  const auto fails = [](const std::function<void(Manifest*)>& spoil) {
    Manifest manifest;
    manifest.entries.push_back(NewEntry(1));
    spoil(&manifest);
    return !SerializeManifest(manifest, SmallSchema()).ok();
  };
  EXPECT_FALSE(fails([](Manifest*) {}));
  EXPECT_TRUE(fails([](Manifest* m) { m->of_deletes = true; }));
  EXPECT_TRUE(fails([](Manifest* m) { m->entries[0].content = 1; }));
  EXPECT_TRUE(fails([](Manifest* m) { m->entries[0].status = EntryStatus::kExisting; }));
  EXPECT_TRUE(fails([](Manifest* m) { m->entries[0].file.uri.clear(); }));
  EXPECT_TRUE(fails([](Manifest* m) { m->entries[0].file.size = 0; }));
  EXPECT_TRUE(fails([](Manifest* m) { m->entries[0].partition = "x"; }));
  EXPECT_TRUE(fails([](Manifest* m) {
    m->partition_type =
        R"({"type":"record","name":"r102","fields":[{"name":"a","type":"elsewhere"}]})";
    m->entries[0].partition = "x";
  }));
}

TEST(Manifest, DeleteFilesComeBack) {
  for (const int version : {2, 3}) {
    Manifest manifest;
    manifest.format_version = version;
    manifest.of_deletes = true;
    manifest.entries = {NewEntry(1), NewEntry(2)};
    manifest.entries[0].content = 1;
    manifest.entries[0].file.referenced_data_file = "file:///t/data/1.parquet";
    manifest.entries[0].file.content_offset = 4;
    manifest.entries[0].file.content_size = 50;
    manifest.entries[1].content = 2;
    manifest.entries[1].file.equality_ids = {1, 2};
    const std::string bytes = SerializeManifest(manifest, SmallSchema()).ValueOrDie();
    const Manifest back = ParseManifest(bytes, "m").ValueOrDie();
    EXPECT_TRUE(back.of_deletes);
    EXPECT_EQ(back.format_version, version);
    ASSERT_EQ(back.entries.size(), 2u);
    EXPECT_EQ(back.entries[0].content, 1);
    EXPECT_EQ(back.entries[0].file.referenced_data_file, "file:///t/data/1.parquet");
    EXPECT_EQ(back.entries[1].file.equality_ids, (std::vector<int32_t>{1, 2}));
    EXPECT_EQ(back.entries[1].file.referenced_data_file, std::nullopt);
    const bool has_ranges =
        back.entries[0].file.content_offset == 4 && back.entries[0].file.content_size == 50;
    EXPECT_EQ(has_ranges, version == 3);  // Format v2 has no deletion vectors.
  }
}

TEST(Manifest, RowIdsAreInheritedInOrder) {
  ManifestFile row;
  row.first_row_id = 1000;
  Manifest manifest;
  manifest.format_version = 3;
  manifest.entries = {NewEntry(1), NewEntry(2), NewEntry(3), NewEntry(4)};
  manifest.entries[1].status = EntryStatus::kDeleted;
  manifest.entries[2].file.first_row_id = 7;
  for (ManifestEntry& entry : manifest.entries) {
    entry.sequence_number = entry.file_sequence_number = 1;
  }
  ASSERT_TRUE(InheritFrom(row, "m", &manifest).ok());
  EXPECT_EQ(manifest.entries[0].file.first_row_id, 1000);
  EXPECT_EQ(manifest.entries[1].file.first_row_id, std::nullopt);
  EXPECT_EQ(manifest.entries[2].file.first_row_id, 7);
  EXPECT_EQ(manifest.entries[3].file.first_row_id, 1100);
  const std::string bytes = SerializeManifest(manifest, SmallSchema()).ValueOrDie();
  EXPECT_EQ(ParseManifest(bytes, "m")->entries[3].file.first_row_id, 1100);
  manifest.entries[3].file.first_row_id.reset();
  row.first_row_id = INT64_MAX - 1;
  manifest.entries[0].file.first_row_id.reset();
  EXPECT_EQ(KindOf(InheritFrom(row, "m", &manifest)), ErrorKind::kCorrupt);

  row.first_row_id = 5;
  const std::string list = SerializeManifestList({}, 1, 2, 3, 3).ValueOrDie();
  EXPECT_TRUE(ParseManifestList(list, "l").ok());
}

TEST(Manifest, InheritanceFollowsTheSpec) {
  ManifestFile row;
  row.added_snapshot_id = 9;
  row.sequence_number = 6;
  Manifest manifest;
  manifest.entries = {NewEntry(1), NewEntry(2)};
  manifest.entries[0].snapshot_id.reset();
  manifest.entries[1].sequence_number = 3;
  manifest.entries[1].file_sequence_number = 3;
  ASSERT_TRUE(InheritFrom(row, "m", &manifest).ok());
  EXPECT_EQ(manifest.entries[0].snapshot_id, 9);
  EXPECT_EQ(manifest.entries[0].sequence_number, 6);
  EXPECT_EQ(manifest.entries[0].file_sequence_number, 6);
  EXPECT_EQ(manifest.entries[1].snapshot_id, 42);
  EXPECT_EQ(manifest.entries[1].sequence_number, 3);
  manifest.entries[1].status = EntryStatus::kDeleted;
  manifest.entries[1].sequence_number.reset();
  EXPECT_EQ(KindOf(InheritFrom(row, "m", &manifest)), ErrorKind::kCorrupt);
}

ManifestFile NewRow(int number) {
  ManifestFile row;
  row.uri = fmt::format("file:///t/metadata/m{}.avro", number);
  row.length = 5000 + number;
  row.sequence_number = number;
  row.min_sequence_number = 1;
  row.added_snapshot_id = int64_t{1} << 60;
  row.added_files = 1;
  row.existing_files = 2;
  row.deleted_files = 3;
  row.added_rows = 4'000'000'000;
  row.existing_rows = 5;
  row.deleted_rows = 6;
  return row;
}

void ExpectSame(const ManifestFile& a, const ManifestFile& b) {
  EXPECT_EQ(a.uri, b.uri);
  EXPECT_EQ(a.length, b.length);
  EXPECT_EQ(a.partition_spec_id, b.partition_spec_id);
  EXPECT_EQ(a.content, b.content);
  EXPECT_EQ(a.sequence_number, b.sequence_number);
  EXPECT_EQ(a.min_sequence_number, b.min_sequence_number);
  EXPECT_EQ(a.added_snapshot_id, b.added_snapshot_id);
  EXPECT_EQ(a.added_files, b.added_files);
  EXPECT_EQ(a.existing_files, b.existing_files);
  EXPECT_EQ(a.deleted_files, b.deleted_files);
  EXPECT_EQ(a.added_rows, b.added_rows);
  EXPECT_EQ(a.existing_rows, b.existing_rows);
  EXPECT_EQ(a.deleted_rows, b.deleted_rows);
  EXPECT_EQ(a.partitions, b.partitions);
}

TEST(ManifestList, ComesBackEqual) {
  std::vector<ManifestFile> rows = {NewRow(1), NewRow(2)};
  rows[1].content = 1;
  const std::string bytes = SerializeManifestList(rows, 42, std::nullopt, 3, 2).ValueOrDie();
  const auto back = ParseManifestList(bytes, "l").ValueOrDie();
  ASSERT_EQ(back.size(), 2u);
  for (size_t i = 0; i < 2; ++i) ExpectSame(back[i], rows[i]);
  EXPECT_TRUE(ParseManifestList(SerializeManifestList({}, 1, 2, 3, 2).ValueOrDie(), "l")->empty());
}

TEST(ManifestList, ReadsPyIcebergsAndCarriesPartitionSummaries) {
  const auto rows = ParseManifestList(Fixture("pyiceberg_list_v2.avro"), "l").ValueOrDie();
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].uri, "file:///pond/m1.avro");
  EXPECT_EQ(rows[0].length, 4321);
  EXPECT_EQ(rows[0].sequence_number, 9);
  EXPECT_EQ(rows[0].min_sequence_number, 5);
  EXPECT_EQ(rows[0].added_files, 1);
  EXPECT_EQ(rows[0].existing_rows, 200);
  EXPECT_EQ(rows[0].deleted_rows, 300);
  EXPECT_TRUE(rows[0].counts_known && rows[0].MayHaveLiveFiles());
  EXPECT_EQ(rows[0].partitions, "");
  EXPECT_EQ(rows[1].partition_spec_id, 3);
  EXPECT_THAT(rows[1].partitions, HasSubstr("eu"));
  const auto again =
      ParseManifestList(SerializeManifestList(rows, 43, 42, 10, 2).ValueOrDie(), "l").ValueOrDie();
  for (size_t i = 0; i < 2; ++i) ExpectSame(again[i], rows[i]);
}

TEST(ManifestList, ReadsFormat1WithItsDefaults) {
  const auto rows = ParseManifestList(Fixture("pyiceberg_list_v1.avro"), "l").ValueOrDie();
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[1].content, 0);
  EXPECT_EQ(rows[1].sequence_number, 0);
  EXPECT_EQ(rows[1].added_rows, 400);
  EXPECT_TRUE(rows[1].counts_known);
}

TEST(ManifestList, MissingCountsAreKnownToBeUnknown) {
  const std::map<std::string, std::string> header = {
      {"avro.schema",
       R"j({"type":"record","name":"manifest_file","fields":[
    {"name":"junk","type":"string"},
    {"name":"manifest_length","type":"long","field-id":501},
    {"name":"manifest_path","type":"string","field-id":500}]})j"}};
  AvroWriter writer(header);
  writer.record().Bytes("ignored");
  writer.record().Long(10);
  writer.record().Bytes("file:///m.avro");
  ASSERT_TRUE(writer.EndRecord().ok());
  const auto rows = ParseManifestList(writer.Finish().ValueOrDie(), "l").ValueOrDie();
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].uri, "file:///m.avro");
  EXPECT_FALSE(rows[0].counts_known);
  EXPECT_TRUE(rows[0].MayHaveLiveFiles());
  EXPECT_EQ(KindOf(SerializeManifestList(rows, 1, {}, 1, 2).status()), ErrorKind::kInvalid);
}

TEST(ManifestList, BadRowsAreCorrupt) {
  for (const auto& spoil : std::vector<std::function<void(ManifestFile*)>>{
           [](ManifestFile* row) { row->uri.clear(); }, [](ManifestFile* row) { row->length = -1; },
           [](ManifestFile* row) { row->content = 2; },
           [](ManifestFile* row) { row->added_files = -1; },
           [](ManifestFile* row) { row->partitions = "\x7f"; }}) {
    std::vector<ManifestFile> rows = {NewRow(1)};
    spoil(&rows[0]);
    const std::string bytes = SerializeManifestList(rows, 1, {}, 1, 2).ValueOrDie();
    const Status status = ParseManifestList(bytes, "bad.avro").status();
    EXPECT_EQ(KindOf(status), ErrorKind::kCorrupt);
    EXPECT_THAT(status.message(), HasSubstr("bad.avro"));
  }
}

/// Compares with a committed file of ours, which tests/interop/test_manifests.py has PyIceberg
/// read. With MILLPOND_WRITE_FIXTURES set it is written anew. Not byte for byte: another zlib
/// deflates differently.
AvroReader OpenGolden(const std::string& name, const std::string& written, std::string* golden) {
  if (std::getenv("MILLPOND_WRITE_FIXTURES") != nullptr) {
    std::ofstream(FixtureFolder() / name, std::ios::binary) << written;
  }
  *golden = Fixture(name);
  const AvroReader now = AvroReader::Open(written, "now").ValueOrDie();
  AvroReader then = AvroReader::Open(*golden, name).ValueOrDie();
  EXPECT_EQ(now.header(), then.header());
  return then;
}

TEST(Manifest, IsStillWhatPyIcebergWasShownToRead) {
  Manifest manifest;
  manifest.entries = {NewEntry(1), NewEntry(2), NewEntry(3)};
  manifest.entries[1].status = EntryStatus::kExisting;
  manifest.entries[2].status = EntryStatus::kDeleted;
  for (int i = 1; i < 3; ++i) {
    manifest.entries[static_cast<size_t>(i)].sequence_number = i;
    manifest.entries[static_cast<size_t>(i)].file_sequence_number = i;
  }
  manifest.entries[1].file = DataFile();
  manifest.entries[1].file.uri = "file:///bare.parquet";
  manifest.entries[1].file.size = 4;
  std::string golden;
  OpenGolden("millpond_manifest.avro", SerializeManifest(manifest, SmallSchema()).ValueOrDie(),
             &golden);
  const Manifest then = ParseManifest(golden, "golden").ValueOrDie();
  ASSERT_EQ(then.entries.size(), 3u);
  for (size_t i = 0; i < 3; ++i) ExpectSame(then.entries[i], manifest.entries[i]);

  Manifest partitioned = ParseManifest(Fixture("pyiceberg_v2_partitioned.avro"), "p").ValueOrDie();
  OpenGolden("millpond_carried.avro", SerializeManifest(partitioned, SmallSchema()).ValueOrDie(),
             &golden);
}

TEST(ManifestList, IsStillWhatPyIcebergWasShownToRead) {
  auto rows = ParseManifestList(Fixture("pyiceberg_list_v2.avro"), "l").ValueOrDie();
  rows.push_back(NewRow(1));
  std::string golden;
  OpenGolden("millpond_list.avro", SerializeManifestList(rows, 43, 42, 10, 2).ValueOrDie(),
             &golden);
  const auto then = ParseManifestList(golden, "golden").ValueOrDie();
  ASSERT_EQ(then.size(), 3u);
  for (size_t i = 0; i < 3; ++i) ExpectSame(then[i], rows[i]);
}

TEST(Manifest, AManifestIsNoListAndTheOtherWayRound) {
  EXPECT_FALSE(ParseManifestList(Fixture("pyiceberg_v2.avro"), "m").ok());
  EXPECT_FALSE(ParseManifest(Fixture("pyiceberg_list_v2.avro"), "l").ok());
}

// Any damage gives a value or an error, never a crash or a long wait.
TEST(Manifest, RandomDamageNeverCrashes) {
  std::mt19937 random(3);
  for (const char* name : {"pyiceberg_v2_null_codec.avro", "pyiceberg_v2_partitioned.avro",
                           "pyiceberg_list_v2.avro", "pyiceberg_list_v1.avro"}) {
    const std::string good = Fixture(name);
    for (int round = 0; round < 1500; ++round) {
      std::string bad = good;
      for (uint32_t n = 1 + random() % 4; n > 0; --n) {
        bad[random() % bad.size()] = static_cast<char>(random());
      }
      if (random() % 4 == 0) bad.resize(random() % bad.size());
      for (const Status& status :
           {ParseManifest(bad, name).status(), ParseManifestList(bad, name).status()}) {
        if (status.ok()) continue;
        EXPECT_THAT(status.message(), HasSubstr(name));
      }
    }
  }
}

}  // namespace
}  // namespace millpond::table
