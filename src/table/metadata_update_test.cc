#include "table/metadata_update.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "table/metadata.h"

namespace millpond::table {
namespace {

using base::Json;
using testing::HasSubstr;

Json Request() {
  return {
      {"name", "t"},
      {"schema",
       {{"type", "struct"},
        {"schema-id", 0},
        {"identifier-field-ids", {7}},
        {"fields",
         {{{"id", 7}, {"name", "id"}, {"required", true}, {"type", "long"}},
          {{"id", 3},
           {"name", "tags"},
           {"required", false},
           {"type",
            {{"type", "list"},
             {"element-id", 9},
             {"element-required", true},
             {"element", "string"}}}},
          {{"id", 5}, {"name", "at"}, {"required", false}, {"type", "timestamp"}}}}}},
      {"partition-spec",
       {{"spec-id", 0}, {"fields", {{{"source-id", 5}, {"name", "day"}, {"transform", "day"}}}}}},
      {"properties", {{"owner", "ana"}}}};
}

Json NewTable() {
  auto updates = CreationUpdates(Request(), "u-1", "file:///pond/truth/t");
  EXPECT_TRUE(updates.ok()) << updates.status();
  auto document = ApplyUpdates(Json::object(), *updates, 1000, "t");
  EXPECT_TRUE(document.ok()) << document.status();
  return *document;
}

Json Snapshot(int64_t id, int64_t sequence) {
  return {{"action", "add-snapshot"},
          {"snapshot",
           {{"snapshot-id", id},
            {"sequence-number", sequence},
            {"timestamp-ms", 1000 + sequence},
            {"manifest-list", "file:///pond/truth/t/metadata/l.avro"},
            {"summary", {{"operation", "append"}}},
            {"schema-id", 0}}}};
}

Json SetMain(int64_t id) {
  return {{"action", "set-snapshot-ref"},
          {"ref-name", "main"},
          {"type", "branch"},
          {"snapshot-id", id}};
}

Json Apply(Json document, const std::vector<Json>& updates) {
  auto next = ApplyUpdates(std::move(document), Json(updates), 5000, "t");
  EXPECT_TRUE(next.ok()) << next.status();
  return next.ok() ? *next : Json();
}

std::string Refusal(const std::vector<Json>& updates) {
  auto next = ApplyUpdates(NewTable(), Json(updates), 5000, "t");
  EXPECT_FALSE(next.ok());
  EXPECT_EQ(base::KindOf(next.status()), base::ErrorKind::kInvalid);
  return next.status().message();
}

TEST(MetadataUpdate, ANewTableHasFreshIdsLevelByLevel) {
  const Json document = NewTable();
  auto metadata = ParseMetadata(document.dump(), "t");
  ASSERT_TRUE(metadata.ok()) << metadata.status();
  EXPECT_EQ(metadata->last_column_id, 4);
  EXPECT_EQ(metadata->schema().identifier_field_ids, std::vector<int32_t>{1});
  const Json& fields = document["schemas"][0]["fields"];
  EXPECT_EQ(fields[0]["id"], 1);
  EXPECT_EQ(fields[1]["id"], 2);
  EXPECT_EQ(fields[2]["id"], 3);
  EXPECT_EQ(fields[1]["type"]["element-id"], 4);
  EXPECT_EQ(document["partition-specs"][0]["fields"][0]["source-id"], 3);
  EXPECT_EQ(document["partition-specs"][0]["fields"][0]["field-id"], 1000);
  EXPECT_EQ(document["last-partition-id"], 1000);
  EXPECT_EQ(document["properties"]["owner"], "ana");
  EXPECT_EQ(document["sort-orders"][0]["order-id"], 0);
}

TEST(MetadataUpdate, CreationRefusesSourcesThatAreNoColumns) {
  Json request = Request();
  request["partition-spec"]["fields"][0]["source-id"] = 77;
  auto updates = CreationUpdates(request, "u", "file:///x");
  ASSERT_FALSE(updates.ok());
  EXPECT_THAT(updates.status().message(), HasSubstr("77"));
  EXPECT_EQ(base::KindOf(CreationUpdates(Json::object(), "u", "file:///x").status()),
            base::ErrorKind::kInvalid);
}

TEST(MetadataUpdate, SnapshotsBecomeCurrentAndAreLogged) {
  const Json one = Apply(NewTable(), {Snapshot(11, 1), SetMain(11)});
  EXPECT_EQ(one["current-snapshot-id"], 11);
  EXPECT_EQ(one["last-sequence-number"], 1);
  EXPECT_EQ(one["snapshot-log"], Json::array({{{"snapshot-id", 11}, {"timestamp-ms", 1001}}}));
  // Two in one request: the first never was current for anybody else.
  const Json two = Apply(one, {Snapshot(12, 2), SetMain(12), Snapshot(13, 3), SetMain(13)});
  EXPECT_EQ(two["snapshots"].size(), 3u);
  EXPECT_EQ(two["snapshot-log"].size(), 2u);
  EXPECT_EQ(two["snapshot-log"][1]["snapshot-id"], 13);
  // Back to an older one: logged with the time of the request.
  const Json back = Apply(two, {SetMain(11)});
  EXPECT_EQ(back["snapshot-log"][2], (Json{{"snapshot-id", 11}, {"timestamp-ms", 5000}}));
}

TEST(MetadataUpdate, RemovedSnapshotsTakeTheirRefsAndLogWithThem) {
  Json document = Apply(NewTable(), {Snapshot(11, 1), SetMain(11)});
  document = Apply(document, {Snapshot(12, 2), SetMain(12)});
  document = Apply(document, {{{"action", "set-snapshot-ref"},
                               {"ref-name", "old"},
                               {"type", "tag"},
                               {"snapshot-id", 11}}});
  document = Apply(document, {{{"action", "remove-snapshots"}, {"snapshot-ids", {11}}}});
  EXPECT_EQ(document["snapshots"].size(), 1u);
  EXPECT_FALSE(document["refs"].contains("old"));
  EXPECT_EQ(document["snapshot-log"].size(), 1u);
  EXPECT_TRUE(ParseMetadata(document.dump(), "t").ok());
}

TEST(MetadataUpdate, EqualSchemasAndSpecsAreKeptOnce) {
  Json schema = NewTable()["schemas"][0];
  schema["schema-id"] = 9;
  const Json same = Apply(NewTable(), {{{"action", "add-schema"}, {"schema", schema}},
                                       {{"action", "set-current-schema"}, {"schema-id", -1}}});
  EXPECT_EQ(same["schemas"].size(), 1u);
  EXPECT_EQ(same["current-schema-id"], 0);
  schema["fields"].push_back(
      {{"id", 5}, {"name", "more"}, {"required", false}, {"type", "string"}});
  const Json grown = Apply(same, {{{"action", "add-schema"}, {"schema", schema}},
                                  {{"action", "set-current-schema"}, {"schema-id", -1}}});
  EXPECT_EQ(grown["schemas"].size(), 2u);
  EXPECT_EQ(grown["current-schema-id"], 1);
  EXPECT_EQ(grown["last-column-id"], 5);
}

TEST(MetadataUpdate, WhatCannotBeIsRefusedByName) {
  EXPECT_THAT(Refusal({{{"action", "fly"}}}), HasSubstr("'fly'"));
  EXPECT_THAT(Refusal({SetMain(5)}), HasSubstr("unknown snapshot"));
  EXPECT_THAT(Refusal({Snapshot(11, 1), Snapshot(11, 2)}), HasSubstr("already exists"));
  EXPECT_THAT(Refusal({{{"action", "upgrade-format-version"}, {"format-version", 1}}}),
              HasSubstr("downgrade"));
  EXPECT_THAT(Refusal({{{"action", "assign-uuid"}, {"uuid", "u-2"}}}), HasSubstr("uuid"));
  EXPECT_THAT(Refusal({{{"action", "set-current-schema"}, {"schema-id", -1}}}), HasSubstr("-1"));
  EXPECT_THAT(Refusal({{{"action", "remove-schemas"}, {"schema-ids", {0}}}}), HasSubstr("in use"));
  EXPECT_THAT(Refusal({{{"action", "add-snapshot"}, {"snapshot", {{"snapshot-id", "x"}}}}}),
              HasSubstr("snapshot"));
  EXPECT_THAT(Refusal({{{"action", 7}}}), HasSubstr("malformed"));
  EXPECT_THAT(Refusal({"text"}), HasSubstr("object"));
}

TEST(MetadataUpdate, RequirementsAreCheckedAgainstTheDocument) {
  const Json document = Apply(NewTable(), {Snapshot(11, 1), SetMain(11)});
  auto check = [&](const Json* table, const Json& requirement) {
    return CheckRequirements(table, Json::array({requirement}), "t");
  };
  const auto holds = [&](const Json& requirement) { return check(&document, requirement).ok(); };
  EXPECT_TRUE(holds({{"type", "assert-table-uuid"}, {"uuid", "u-1"}}));
  EXPECT_FALSE(holds({{"type", "assert-table-uuid"}, {"uuid", "u-2"}}));
  EXPECT_TRUE(holds({{"type", "assert-ref-snapshot-id"}, {"ref", "main"}, {"snapshot-id", 11}}));
  EXPECT_FALSE(
      holds({{"type", "assert-ref-snapshot-id"}, {"ref", "main"}, {"snapshot-id", nullptr}}));
  EXPECT_TRUE(holds({{"type", "assert-ref-snapshot-id"}, {"ref", "x"}, {"snapshot-id", nullptr}}));
  EXPECT_TRUE(holds({{"type", "assert-last-assigned-field-id"}, {"last-assigned-field-id", 4}}));
  EXPECT_FALSE(holds({{"type", "assert-current-schema-id"}, {"current-schema-id", 1}}));
  EXPECT_TRUE(check(nullptr, {{"type", "assert-create"}}).ok());
  EXPECT_EQ(base::KindOf(check(&document, {{"type", "assert-create"}})),
            base::ErrorKind::kConflict);
  EXPECT_EQ(base::KindOf(check(nullptr, {{"type", "assert-table-uuid"}, {"uuid", "u"}})),
            base::ErrorKind::kConflict);
  EXPECT_EQ(base::KindOf(check(&document, {{"type", "assert-fun"}})), base::ErrorKind::kInvalid);
  EXPECT_EQ(base::KindOf(check(&document, {{"type", 3}})), base::ErrorKind::kInvalid);
}

}  // namespace
}  // namespace millpond::table
