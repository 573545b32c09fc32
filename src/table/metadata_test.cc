// Table metadata: three format versions in, version 2 out, what others wrote kept, broken documents
// named.
#include "table/metadata.h"

#include <arrow/api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "table/metadata_document.h"

namespace millpond::table {
namespace {

using base::ErrorKind;
using base::Json;
using base::KindOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr int64_t kNow = 1'790'000'000'000;

Schema SmallSchema() {
  int32_t next = 1;
  auto arrow = AssignFieldIds(*arrow::schema({arrow::field("sample_id", arrow::int64(), false),
                                              arrow::field("text", arrow::utf8())}),
                              &next)
                   .ValueOrDie();
  return Schema{0, arrow, {1}};
}

TableMetadata NewTable() {
  return NewTableMetadata("0198c1a0-0000-7000-8000-000000000001", "file:///pond/truth/main/t",
                          SmallSchema(), {{"write.parquet.compression-codec", "zstd"}}, kNow);
}

Snapshot NewSnapshot(int64_t id, int64_t sequence, int64_t at) {
  Snapshot snapshot;
  snapshot.id = id;
  snapshot.sequence_number = sequence;
  snapshot.timestamp_ms = at;
  snapshot.manifest_list = fmt::format("file:///pond/truth/main/t/metadata/snap-{}.avro", id);
  snapshot.summary = {{"operation", "append"}, {"added-records", "3"}};
  snapshot.schema_id = 0;
  return snapshot;
}

void Land(TableMetadata* metadata, const Snapshot& snapshot) {
  metadata->snapshots.push_back(snapshot);
  metadata->current_snapshot_id = snapshot.id;
  metadata->refs["main"] = {snapshot.id, false};
  metadata->last_sequence_number = snapshot.sequence_number;
  metadata->last_updated_ms = snapshot.timestamp_ms;
}

TableMetadata Again(const TableMetadata& metadata) {
  const std::string text = SerializeMetadata(metadata).ValueOrDie();
  return ParseMetadata(text, "again").ValueOrDie();
}

// A document as another engine writes it, with parts that we only carry.
Json Foreign() {
  return Json::parse(R"j({
    "format-version": 2, "table-uuid": "9c12d441-03fe-4693-9a96-a0705ddf69c1",
    "location": "s3://bucket/t", "last-sequence-number": 34, "last-updated-ms": 1602638573590,
    "last-column-id": 3, "current-schema-id": 1,
    "schemas": [
      {"type": "struct", "schema-id": 0, "fields": [
        {"id": 1, "name": "x", "required": true, "type": "long"}]},
      {"type": "struct", "schema-id": 1, "identifier-field-ids": [1, 2], "note": "kept", "fields": [
        {"id": 1, "name": "x", "required": true, "type": "long"},
        {"id": 2, "name": "y", "required": true, "type": "long", "doc": "comment"},
        {"id": 3, "name": "z", "required": true, "type": "long"}]}],
    "default-spec-id": 0,
    "partition-specs": [{"spec-id": 0, "fields": [
      {"name": "x", "transform": "identity", "source-id": 1, "field-id": 1000}]}],
    "last-partition-id": 1000, "default-sort-order-id": 3,
    "sort-orders": [{"order-id": 3, "fields": [
      {"transform": "identity", "source-id": 2, "direction": "asc", "null-order": "nulls-first"}]}],
    "properties": {"a": "b"}, "current-snapshot-id": 3055729675574597004,
    "snapshots": [
      {"snapshot-id": 3051729675574597004, "timestamp-ms": 1515100955770, "sequence-number": 0,
       "summary": {"operation": "append"}, "manifest-list": "s3://a/b/1.avro"},
      {"snapshot-id": 3055729675574597004, "parent-snapshot-id": 3051729675574597004,
       "timestamp-ms": 1555100955770, "sequence-number": 1, "summary": {"operation": "append"},
       "manifest-list": "s3://a/b/2.avro", "schema-id": 1, "x-extra": [1, 2]}],
    "snapshot-log": [
      {"snapshot-id": 3051729675574597004, "timestamp-ms": 1515100955770},
      {"snapshot-id": 3055729675574597004, "timestamp-ms": 1555100955770}],
    "metadata-log": [{"metadata-file": "s3://bucket/1.json", "timestamp-ms": 1515100}],
    "refs": {"test": {"snapshot-id": 3051729675574597004, "type": "tag", "max-ref-age-ms": 10000000},
             "main": {"snapshot-id": 3055729675574597004, "type": "branch", "min-snapshots-to-keep": 5}},
    "statistics": [{"snapshot-id": 3055729675574597004, "statistics-path": "s3://a/b/stats.puffin"}],
    "x-vendor": {"deep": [true]}
  })j");
}

Result<TableMetadata> Parse(const Json& json) { return ParseMetadata(json.dump(), "v3.json"); }

TEST(Metadata, NewTableHasWhatEveryReaderDemands) {
  const Json json = Json::parse(SerializeMetadata(NewTable()).ValueOrDie());
  for (const char* key :
       {"format-version", "table-uuid", "location", "last-sequence-number", "last-updated-ms",
        "last-column-id", "schemas", "current-schema-id", "partition-specs", "default-spec-id",
        "last-partition-id", "sort-orders", "default-sort-order-id"}) {
    EXPECT_TRUE(json.contains(key)) << key;
  }
  EXPECT_FALSE(json.contains("current-snapshot-id"));
  EXPECT_EQ(json["last-partition-id"], 999);
  EXPECT_EQ(json["partition-specs"], Json::parse(R"([{"spec-id":0,"fields":[]}])"));
  EXPECT_EQ(json["last-column-id"], 2);
  const TableMetadata back = Again(NewTable());
  EXPECT_EQ(back.format_version, 2);
  EXPECT_FALSE(back.IsPartitioned());
  EXPECT_EQ(back.current_snapshot(), nullptr);
  EXPECT_TRUE(back.schema().arrow->Equals(*SmallSchema().arrow, true));
  EXPECT_EQ(back.properties.at("write.parquet.compression-codec"), "zstd");
}

TEST(Metadata, SnapshotsLandInTheLogAndMainFollows) {
  TableMetadata metadata = NewTable();
  Land(&metadata, NewSnapshot(11, 1, kNow + 1));
  metadata = Again(metadata);
  Land(&metadata, NewSnapshot(12, 2, kNow + 2));
  metadata.refs["v1"] = {11, true};
  metadata = Again(metadata);
  EXPECT_EQ(metadata.current_snapshot()->id, 12);
  EXPECT_EQ(metadata.current_snapshot()->summary.at("added-records"), "3");
  EXPECT_EQ(metadata.refs.at("main").snapshot_id, 12);
  EXPECT_TRUE(metadata.refs.at("v1").is_tag);
  ASSERT_EQ(metadata.json["snapshot-log"].size(), 2u);
  EXPECT_EQ(metadata.json["snapshot-log"][1]["snapshot-id"], 12);
  EXPECT_EQ(metadata.json["snapshot-log"][1]["timestamp-ms"], kNow + 2);
}

TEST(Metadata, RollBackIsLoggedAndExpiryEmptiesTheLogBeforeIt) {
  TableMetadata metadata = NewTable();
  for (int64_t n = 1; n <= 3; ++n) {
    Land(&metadata, NewSnapshot(n, n, kNow + n));
    metadata = Again(metadata);
  }
  metadata.current_snapshot_id = 1;
  metadata.refs["main"] = {1, false};
  metadata.last_updated_ms = kNow + 9;
  metadata = Again(metadata);
  ASSERT_EQ(metadata.json["snapshot-log"].size(), 4u);
  EXPECT_EQ(metadata.json["snapshot-log"][3],
            (Json{{"snapshot-id", 1}, {"timestamp-ms", kNow + 9}}));
  std::erase_if(metadata.snapshots, [](const Snapshot& snapshot) { return snapshot.id == 2; });
  metadata = Again(metadata);
  ASSERT_EQ(metadata.json["snapshot-log"].size(), 2u);
  EXPECT_EQ(metadata.json["snapshot-log"][0]["snapshot-id"], 3);
}

TEST(Metadata, WhatOthersWroteIsCarried) {
  const TableMetadata metadata = Parse(Foreign()).ValueOrDie();
  EXPECT_TRUE(metadata.IsPartitioned());
  EXPECT_EQ(metadata.schema().id, 1);
  EXPECT_EQ(metadata.SchemaOf(*metadata.SnapshotById(3055729675574597004)).id, 1);
  EXPECT_EQ(Json::parse(SerializeMetadata(metadata).ValueOrDie()), Foreign());
}

TEST(Metadata, NullsAndMinusOneMeanAbsent) {
  Json json = Foreign();
  json["current-snapshot-id"] = -1;
  json["refs"] = nullptr;
  json["snapshots"] = nullptr;
  json["snapshot-log"] = nullptr;
  json["properties"] = nullptr;
  const TableMetadata metadata = Parse(json).ValueOrDie();
  EXPECT_FALSE(metadata.current_snapshot_id.has_value());
  const Json out = Json::parse(SerializeMetadata(metadata).ValueOrDie());
  EXPECT_FALSE(out.contains("current-snapshot-id"));
  EXPECT_EQ(out["refs"], Json::object());
}

Json OldV1() {
  return Json::parse(
      R"j({"format-version": 1, "location": "file:///t", "last-updated-ms": 1602638573874,
    "last-column-id": 2,
    "schema": {"type": "struct", "fields": [{"id": 1, "name": "x", "required": true, "type": "long"},
                                             {"id": 2, "name": "y", "required": false, "type": "date"}]},
    "partition-spec": [{"name": "x", "transform": "bucket[4]", "source-id": 1},
                       {"name": "y", "transform": "year", "source-id": 2}],
    "properties": {}, "current-snapshot-id": -1,
    "snapshots": [{"snapshot-id": 5, "timestamp-ms": 1602638573000, "manifest-list": "file:///t/m.avro"}]})j");
}

TEST(Metadata, Version1IsReadAndWrittenForItsOldReaders) {
  TableMetadata metadata = Parse(OldV1()).ValueOrDie();
  EXPECT_EQ(metadata.format_version, 1);
  EXPECT_TRUE(metadata.IsPartitioned());
  EXPECT_EQ((*metadata.PartitionFields(0))[1]["field-id"], 1001);
  EXPECT_EQ(metadata.SnapshotById(5)->sequence_number, 0);
  EXPECT_EQ(metadata.SchemaOf(*metadata.SnapshotById(5)).arrow->num_fields(), 2);
  metadata.uuid = "9c12d441-03fe-4693-9a96-a0705ddf69c1";
  auto text = SerializeMetadata(metadata);
  ASSERT_TRUE(text.ok()) << text.status();
  const Json written = Json::parse(*text);
  EXPECT_EQ(written["format-version"], 1);
  EXPECT_FALSE(written.contains("last-sequence-number"));
  EXPECT_EQ(written["schema"], written["schemas"][0]);
  EXPECT_EQ(written["partition-spec"], written["partition-specs"][0]["fields"]);
  EXPECT_TRUE(ParseMetadata(*text, "again").ok());
}

TEST(Metadata, Version1WithInlineManifestsIsRefusedByName) {
  Json json = OldV1();
  json["snapshots"][0].erase("manifest-list");
  json["snapshots"][0]["manifests"] = Json::array({"file:///t/m1.avro"});
  const Status status = Parse(json).status();
  EXPECT_EQ(KindOf(status), ErrorKind::kInvalid);
  EXPECT_THAT(status.message(), HasSubstr("inline"));
}

TEST(Metadata, Version3CountsRows) {
  Json json = Foreign();
  json["format-version"] = 3;
  json["next-row-id"] = 500;
  json["snapshots"][1]["first-row-id"] = 0;
  TableMetadata metadata = Parse(json).ValueOrDie();
  EXPECT_EQ(Json::parse(SerializeMetadata(metadata).ValueOrDie()), json);
  Snapshot snapshot = NewSnapshot(77, 35, kNow);
  snapshot.schema_id = 1;
  EXPECT_EQ(metadata.next_row_id, 500);
  EXPECT_EQ(metadata.snapshots[1].first_row_id, 0);
  Land(&metadata, snapshot);  // Says nothing of its rows.
  EXPECT_EQ(KindOf(SerializeMetadata(metadata).status()), ErrorKind::kInternal);
  metadata.snapshots.back().first_row_id = 500;
  metadata.snapshots.back().added_rows = 20;
  EXPECT_EQ(KindOf(SerializeMetadata(metadata).status()), ErrorKind::kInternal);
  metadata.next_row_id = 520;
  const Json written = Json::parse(SerializeMetadata(metadata).ValueOrDie());
  EXPECT_EQ(written["next-row-id"], 520);
  EXPECT_EQ(written["snapshots"].back()["first-row-id"], 500);
  EXPECT_EQ(written["snapshots"].back()["added-rows"], 20);
  json.erase("next-row-id");
  EXPECT_EQ(KindOf(Parse(json).status()), ErrorKind::kCorrupt);
}

TEST(Metadata, RefusesByName) {
  Json json = Foreign();
  json["format-version"] = 4;
  EXPECT_THAT(Parse(json).status().message(), HasSubstr("format version 4"));
  EXPECT_EQ(KindOf(Parse(json).status()), ErrorKind::kInvalid);
  json = Foreign();
  json["encryption-keys"] = Json::array({Json{{"key-id", "k"}}});
  EXPECT_THAT(Parse(json).status().message(), HasSubstr("encrypted"));
  json = Foreign();
  json["snapshots"][1]["key-id"] = "k";
  EXPECT_THAT(Parse(json).status().message(), HasSubstr("encrypted"));
  json = Foreign();
  json["schemas"][1]["fields"][0]["type"] = "geometry";
  EXPECT_EQ(KindOf(Parse(json).status()), ErrorKind::kInvalid);
}

TEST(Metadata, BrokenDocumentsAreCorruptAndNamed) {
  const std::vector<std::pair<std::string, Json>> edits = {
      {"/format-version", "2"},
      {"/table-uuid", nullptr},
      {"/location", 5},
      {"/last-sequence-number", "many"},
      {"/last-sequence-number", 0},
      {"/last-column-id", 99999999999},
      {"/schemas", Json::object()},
      {"/schemas/0/schema-id", 1},
      {"/current-schema-id", 7},
      {"/default-spec-id", 7},
      {"/partition-specs/0", 3},
      {"/partition-specs/0/fields", nullptr},
      {"/partition-specs/0/fields/0/field-id", "x"},
      {"/properties", Json::array()},
      {"/properties/a", 1},
      {"/snapshots", Json::object()},
      {"/snapshots/0", 3},
      {"/snapshots/0/snapshot-id", 3055729675574597004},
      {"/snapshots/0/manifest-list", nullptr},
      {"/snapshots/1/sequence-number", nullptr},
      {"/snapshots/1/summary", Json::array()},
      {"/current-snapshot-id", 1},
      {"/current-snapshot-id", 3051729675574597004},
      {"/current-snapshot-id", nullptr},
      {"/current-snapshot-id", 18446744073709551615ULL},
      {"/refs/test/snapshot-id", 4},
      {"/refs/test/type", "twig"},
      {"/refs/test", 1},
      {"/snapshot-log", Json::object()},
      {"/snapshot-log/0", 1},
      {"/metadata-log/0/metadata-file", 1},
  };
  for (const auto& [pointer, value] : edits) {
    Json json = Foreign();
    json[Json::json_pointer(pointer)] = value;
    const Status status = Parse(json).status();
    EXPECT_EQ(KindOf(status), ErrorKind::kCorrupt) << pointer << " " << value << status.ToString();
    EXPECT_THAT(status.message(), HasSubstr("v3.json")) << pointer;
  }
  for (std::string_view text : {"", "[]", "{", "null", "{\"format-version\":2}"}) {
    EXPECT_EQ(KindOf(ParseMetadata(text, "x").status()), ErrorKind::kCorrupt) << text;
  }
}

TEST(Metadata, WritingChecksTheInvariants) {
  const TableMetadata good = [] {
    TableMetadata metadata = NewTable();
    Land(&metadata, NewSnapshot(11, 1, kNow + 1));
    return metadata;
  }();
  ASSERT_TRUE(SerializeMetadata(good).ok());
  const std::vector<std::function<void(TableMetadata*)>> defects = {
      [](TableMetadata* m) { m->uuid.clear(); },
      [](TableMetadata* m) { m->location.clear(); },
      [](TableMetadata* m) { m->current_schema_id = 4; },
      [](TableMetadata* m) { m->last_column_id = 1; },
      [](TableMetadata* m) { m->schemas.push_back(m->schemas[0]); },
      [](TableMetadata* m) { m->schemas[0].identifier_field_ids = {2}; },
      [](TableMetadata* m) { m->current_snapshot_id = 5; },
      [](TableMetadata* m) { m->refs["v1"] = {5, true}; },
      [](TableMetadata* m) { m->last_sequence_number = 0; },
      [](TableMetadata* m) { m->snapshots.push_back(m->snapshots[0]); },
      [](TableMetadata* m) { m->snapshots[0].id = m->current_snapshot_id.emplace(-3); },
      [](TableMetadata* m) { m->snapshots[0].summary.clear(); },
      [](TableMetadata* m) { m->snapshots[0].summary["operation"] = "sync"; },
      [](TableMetadata* m) { m->snapshots[0].manifest_list.clear(); },
      [](TableMetadata* m) { m->snapshots[0].schema_id = 9; },
      [](TableMetadata* m) { m->snapshots[0].schema_id.reset(); },
      [](TableMetadata* m) { m->snapshots[0].sequence_number = 0; },
      [](TableMetadata* m) { m->last_updated_ms = kNow - 120'000; },
  };
  for (size_t index = 0; index < defects.size(); ++index) {
    TableMetadata metadata = good;
    defects[index](&metadata);
    EXPECT_EQ(KindOf(SerializeMetadata(metadata).status()), ErrorKind::kInternal) << index;
  }
  TableMetadata garbled = good;
  garbled.properties["k"] = "\xff";
  EXPECT_EQ(KindOf(SerializeMetadata(garbled).status()), ErrorKind::kInvalid);
}

TEST(Metadata, LogOfFilesIsBounded) {
  TableMetadata metadata = NewTable();
  std::vector<std::string> dropped;
  for (int n = 0; n < 5; ++n) {
    for (auto& location : AppendMetadataLog(&metadata, fmt::format("f{}", n), kNow + n, 3)) {
      dropped.push_back(location);
    }
  }
  EXPECT_THAT(dropped, ElementsAre("f0", "f1"));
  EXPECT_EQ(Again(metadata).json["metadata-log"].size(), 3u);
}

TEST(MetadataFile, GzipByNameAndByContent) {
  const TableMetadata metadata = NewTable();
  const std::string plain =
      EncodeMetadataFile(metadata, "file:///t/00000-a.metadata.json").ValueOrDie();
  const std::string gzip =
      EncodeMetadataFile(metadata, "file:///t/00000-a.gz.metadata.json").ValueOrDie();
  EXPECT_EQ(plain.front(), '{');
  EXPECT_TRUE(gzip.starts_with("\x1f\x8b"));
  for (const std::string& bytes : {plain, gzip}) {
    EXPECT_EQ(DecodeMetadataFile(bytes, "file:///t/x").ValueOrDie().uuid, metadata.uuid);
  }
  for (size_t length = 2; length < gzip.size(); length += 7) {
    EXPECT_EQ(KindOf(DecodeMetadataFile(gzip.substr(0, length), "cut").status()),
              ErrorKind::kCorrupt);
  }
  EXPECT_EQ(KindOf(DecodeMetadataFile(gzip + "x", "long").status()), ErrorKind::kCorrupt);
}

// What a commit goes on with must be what any reader of its file will find.
TEST(MetadataFile, WhatIsMadeIsWhatIsReadBack) {
  TableMetadata ours = NewTable();
  for (int64_t id = 1; id < 4; ++id) {
    Land(&ours, NewSnapshot(id, id, kNow + id));
    if (id == 2) ours = Again(ours);
  }
  TableMetadata theirs = Parse(Foreign()).ValueOrDie();
  Snapshot next = NewSnapshot(9, 35, theirs.last_updated_ms + 1);
  next.schema_id = 1;
  Land(&theirs, next);
  theirs.refs["v1"] = {3051729675574597004, true};
  for (const TableMetadata& metadata : {ours, theirs}) {
    for (const char* uri : {"file:///t/1-a.metadata.json", "file:///t/1-a.gz.metadata.json"}) {
      const MetadataFile file = MakeMetadataFile(metadata, uri).ValueOrDie();
      const TableMetadata read = DecodeMetadataFile(file.bytes, uri).ValueOrDie();
      EXPECT_EQ(file.metadata.Document(), read.Document());
      EXPECT_EQ(file.bytes, EncodeMetadataFile(metadata, uri).ValueOrDie());
      EXPECT_EQ(file.metadata.snapshots.size(), read.snapshots.size());
      EXPECT_EQ(file.metadata.current_snapshot_id, read.current_snapshot_id);
      EXPECT_EQ(file.metadata.snapshots.back().summary, read.snapshots.back().summary);
      EXPECT_EQ(file.metadata.refs.size(), read.refs.size());
    }
  }
  ours.properties["bad"] = "\xff";
  EXPECT_EQ(KindOf(MakeMetadataFile(ours, "file:///t/1-a.metadata.json").status()),
            ErrorKind::kInvalid);
}

// Any one replaced value gives a value or an error, never a crash; what was read can be written or
// is refused.
TEST(Metadata, RandomEditsNeverCrash) {
  std::mt19937 random(7);
  const Json flat = Foreign().flatten();
  std::vector<std::string> pointers;
  for (const auto& [pointer, value] : flat.items()) pointers.push_back(pointer);
  const std::vector<Json> values = {
      nullptr,        -1,   0,   1,         "x",  Json::array(),
      Json::object(), true, 1.5, INT64_MIN, 1000, Json::array({nullptr})};
  for (int round = 0; round < 3000; ++round) {
    Json json = Foreign();
    Json::json_pointer pointer(pointers[random() % pointers.size()]);
    for (uint32_t up = random() % 3; up > 0 && !pointer.parent_pointer().empty(); --up) {
      pointer = pointer.parent_pointer();
    }
    json[pointer] = values[random() % values.size()];
    auto parsed = Parse(json);
    if (parsed.ok()) (void)SerializeMetadata(*parsed);
  }
}

}  // namespace
}  // namespace millpond::table
