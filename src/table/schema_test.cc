// Schemas: field ids, accepted types, JSON both ways, hostile JSON.
#include "table/schema.h"

#include <arrow/api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millpond::table {
namespace {

using base::ErrorKind;
using base::Json;
using base::KindOf;
using ::testing::HasSubstr;

std::shared_ptr<arrow::Schema> Wide() {
  return arrow::schema({
      arrow::field("sample_id", arrow::int64(), false),
      arrow::field("ok", arrow::boolean()),
      arrow::field("i", arrow::int32()),
      arrow::field("f", arrow::float32()),
      arrow::field("d", arrow::float64()),
      arrow::field("price", arrow::decimal128(9, 2)),
      arrow::field("day", arrow::date32()),
      arrow::field("at", arrow::timestamp(arrow::TimeUnit::MICRO)),
      arrow::field("at_utc", arrow::timestamp(arrow::TimeUnit::MICRO, "UTC")),
      arrow::field("text", arrow::utf8()),
      arrow::field("bytes", arrow::binary()),
      arrow::field("key16", arrow::fixed_size_binary(16)),
      arrow::field("tags", arrow::list(arrow::field("element", arrow::utf8(), false))),
      arrow::field("place", arrow::struct_({arrow::field("x", arrow::float64(), false),
                                            arrow::field("y", arrow::list(arrow::field(
                                                                  "element", arrow::int32())))})),
      arrow::field("counts", arrow::map(arrow::utf8(), arrow::field("value", arrow::int64()))),
  });
}

TEST(FieldIds, AreNumberedDepthFirst) {
  int32_t next = 1;
  auto schema = AssignFieldIds(*Wide(), &next).ValueOrDie();
  EXPECT_EQ(FieldIdOf(*schema->field(0)), 1);
  EXPECT_EQ(FieldIdOf(*schema->GetFieldByName("tags")), 13);
  EXPECT_EQ(FieldIdOf(*schema->GetFieldByName("tags")->type()->field(0)), 14);
  const auto place = schema->GetFieldByName("place");
  EXPECT_EQ(FieldIdOf(*place), 15);
  EXPECT_EQ(FieldIdOf(*place->type()->field(1)->type()->field(0)), 18);
  const auto& map = static_cast<const arrow::MapType&>(*schema->GetFieldByName("counts")->type());
  EXPECT_EQ(FieldIdOf(*map.key_field()), 20);
  EXPECT_EQ(FieldIdOf(*map.item_field()), 21);
  EXPECT_EQ(next, 22);
  EXPECT_EQ(HighestFieldId(*schema), 21);
  EXPECT_TRUE(SameColumns(*schema, *Wide()));
}

TEST(FieldIds, AreKeptAndNeverReused) {
  int32_t next = 1;
  auto schema = AssignFieldIds(*Wide(), &next).ValueOrDie();
  auto wider =
      schema->AddField(schema->num_fields(), arrow::field("new", arrow::utf8())).ValueOrDie();
  // A caller that forgot where the ids had got to still gets a free one.
  int32_t stale = 3;
  auto numbered = AssignFieldIds(*wider, &stale).ValueOrDie();
  EXPECT_EQ(FieldIdOf(*numbered->GetFieldByName("new")), 22);
  EXPECT_EQ(FieldIdOf(*numbered->GetFieldByName("text")), 10);
  EXPECT_EQ(stale, 23);
}

TEST(FieldIds, TwoFieldsWithOneIdAreRefused) {
  int32_t next = 1;
  auto schema = AssignFieldIds(*Wide(), &next).ValueOrDie();
  auto twice = schema->AddField(0, schema->field(3)->WithName("copy")).ValueOrDie();
  EXPECT_EQ(KindOf(AssignFieldIds(*twice, &next).status()), ErrorKind::kInvalid);
}

TEST(FieldIds, CanBeTakenAway) {
  int32_t next = 7;
  auto schema = AssignFieldIds(*Wide(), &next).ValueOrDie();
  auto bare = WithoutFieldIds(*schema);
  EXPECT_EQ(HighestFieldId(*bare), 0);
  EXPECT_TRUE(bare->Equals(*Wide(), /*check_metadata=*/true));
}

TEST(FieldIds, ParquetsMinusOneIsNone) {
  auto field = arrow::field("a", arrow::utf8())
                   ->WithMetadata(arrow::key_value_metadata({kFieldIdKey}, {"-1"}));
  EXPECT_EQ(FieldIdOf(*field), std::nullopt);
  EXPECT_EQ(FieldIdOf(*arrow::field("a", arrow::utf8())), std::nullopt);
}

TEST(AcceptedTypes, TakesWhatIcebergHolds) { EXPECT_TRUE(CheckAcceptedTypes(*Wide()).ok()); }

TEST(AcceptedTypes, RefusesWithTheReplacement) {
  const std::vector<std::pair<std::shared_ptr<arrow::DataType>, std::string>> cases = {
      {arrow::int8(), "int32"},
      {arrow::uint64(), "decimal128(20, 0)"},
      {arrow::timestamp(arrow::TimeUnit::NANO), "microseconds"},
      {arrow::timestamp(arrow::TimeUnit::MICRO, "Europe/Berlin"), "UTC"},
      {arrow::time64(arrow::TimeUnit::MICRO), "string"},
      {arrow::null(), "nulls"},
      {arrow::dictionary(arrow::int32(), arrow::utf8()), "values"},
      {arrow::fixed_size_list(arrow::float32(), 8), "list"},
      {arrow::large_utf8(), "string"},
      {arrow::list(arrow::uint8()), "int32"},
      {arrow::struct_({arrow::field("inner", arrow::duration(arrow::TimeUnit::SECOND))}), "int64"},
      {arrow::map(arrow::utf8(), arrow::float16()), "float"},
      {arrow::fixed_size_binary(0), "binary"},
  };
  for (const auto& [type, replacement] : cases) {
    const Status status = CheckAcceptedTypes(*arrow::schema({arrow::field("col", type)}));
    EXPECT_EQ(KindOf(status), ErrorKind::kInvalid) << type->ToString();
    EXPECT_THAT(status.message(), HasSubstr("col")) << type->ToString();
    EXPECT_THAT(status.message(), HasSubstr(replacement)) << type->ToString();
  }
}

TEST(AcceptedTypes, ChecksNames) {
  auto fails = [](const std::vector<std::string>& names) {
    arrow::FieldVector fields;
    for (const auto& name : names) fields.push_back(arrow::field(name, arrow::int32()));
    return !CheckAcceptedTypes(*arrow::schema(fields)).ok() &&
           !CheckAcceptedTypes(*arrow::schema({arrow::field("s", arrow::struct_(fields))})).ok();
  };
  EXPECT_TRUE(fails({"a", "a"}));
  EXPECT_TRUE(fails({"a", "A"}));
  EXPECT_TRUE(fails({""}));
  EXPECT_TRUE(fails({"\xc3"}));
  EXPECT_FALSE(fails({"a", "ä", "a.b"}));
}

TEST(StorableSchema, WidensAndRefuses) {
  auto foreign = arrow::schema({
      arrow::field("a", arrow::uint8(), false),
      arrow::field("b", arrow::large_utf8()),
      arrow::field("c", arrow::dictionary(arrow::int8(), arrow::utf8())),
      arrow::field("d", arrow::fixed_size_list(arrow::field("item", arrow::float16()), 4)),
      arrow::field("e", arrow::timestamp(arrow::TimeUnit::NANO, "Asia/Tokyo")),
      arrow::field("f", arrow::uint64()),
      arrow::field("g", arrow::struct_({arrow::field("x", arrow::int8())})),
      arrow::field("h", arrow::map(arrow::large_utf8(), arrow::int16())),
  });
  auto storable = StorableSchema(*foreign).ValueOrDie();
  EXPECT_EQ(storable->ToString(),
            "a: int32 not null\nb: string\nc: string\nd: list<element: float>\n"
            "e: timestamp[us, tz=UTC]\nf: decimal128(20, 0)\ng: struct<x: int32>\n"
            "h: map<string, int32>");
  EXPECT_FALSE(
      StorableSchema(*arrow::schema({arrow::field("t", arrow::time32(arrow::TimeUnit::SECOND))}))
          .ok());
  EXPECT_FALSE(StorableSchema(*arrow::schema({arrow::field("n", arrow::decimal256(40, 0))})).ok());
}

TEST(SchemaJson, ComesBackEqual) {
  int32_t next = 1;
  Schema schema{3, AssignFieldIds(*Wide(), &next).ValueOrDie(), {1}};
  const Json json = SchemaToJson(schema).ValueOrDie();
  EXPECT_EQ(json["fields"][5]["type"], "decimal(9, 2)");
  EXPECT_EQ(json["fields"][8]["type"], "timestamptz");
  EXPECT_EQ(json["fields"][0]["required"], true);
  const Schema back = SchemaFromJson(json, "test").ValueOrDie();
  EXPECT_EQ(back.id, 3);
  EXPECT_EQ(back.identifier_field_ids, std::vector<int32_t>{1});
  EXPECT_TRUE(back.arrow->Equals(*schema.arrow, /*check_metadata=*/true))
      << back.arrow->ToString(true);
}

TEST(SchemaJson, KeepsDocAndReadsLooseSpacing) {
  const Json json = Json::parse(R"j({"type":"struct","schema-id":1,"fields":[
    {"id":1,"name":"p","required":false,"type":"decimal(9,2)","doc":"euros"},
    {"id":2,"name":"n","required":false,"type":"timestamptz_ns","initial-default":null}]})j");
  const Schema schema = SchemaFromJson(json, "test").ValueOrDie();
  EXPECT_TRUE(schema.arrow->field(0)->type()->Equals(arrow::decimal128(9, 2)));
  EXPECT_EQ(SchemaToJson(schema).ValueOrDie()["fields"][0]["doc"], "euros");
  EXPECT_EQ(SchemaToJson(schema).ValueOrDie()["fields"][1]["type"], "timestamptz_ns");
}

Status ReadField(const std::string& field) {
  auto json = Json::parse(R"({"type":"struct","fields":[)" + field + "]}");
  return SchemaFromJson(json, "meta.json").status();
}

TEST(SchemaJson, RefusesTypesByName) {
  for (std::string_view type : {"geometry(srid)", "geography", "unknown", "int8"}) {
    const Status status =
        ReadField(fmt::format(R"({{"id":1,"name":"col","required":true,"type":"{}"}})", type));
    EXPECT_EQ(KindOf(status), ErrorKind::kInvalid) << type;
    EXPECT_THAT(status.message(), HasSubstr(std::string(type)));
    EXPECT_THAT(status.message(), HasSubstr("meta.json"));
    EXPECT_THAT(status.message(), HasSubstr("col"));
  }
}

TEST(SchemaJson, BrokenDocumentsAreCorrupt) {
  const std::vector<std::string> broken = {
      R"j(1)j",
      R"j({})j",
      R"j({"id":1})j",
      R"j({"id":"1","name":"a","required":true,"type":"int"})j",
      R"j({"id":-1,"name":"a","required":true,"type":"int"})j",
      R"j({"id":99999999999,"name":"a","required":true,"type":"int"})j",
      R"j({"id":1,"name":"a","required":1,"type":"int"})j",
      R"j({"id":1,"name":"a","required":true})j",
      R"j({"id":1,"name":"a","required":true,"type":7})j",
      R"j({"id":1,"name":"a","required":true,"type":"decimal(99,2)"})j",
      R"j({"id":1,"name":"a","required":true,"type":"decimal(9,-2)"})j",
      R"j({"id":1,"name":"a","required":true,"type":"decimal(,)"})j",
      R"j({"id":1,"name":"a","required":true,"type":"fixed[0]"})j",
      R"j({"id":1,"name":"a","required":true,"type":"fixed[x]"})j",
      R"j({"id":1,"name":"a","required":true,"type":{"type":"list"}})j",
      R"j({"id":1,"name":"a","required":true,
           "type":{"type":"list","element-id":1,"element-required":true,"element":"int"}})j",
      R"j({"id":1,"name":"a","required":true,"type":{"type":"struct","fields":{}}})j",
      R"j({"id":1,"name":"a","required":true,"type":"int"},
          {"id":2,"name":"a","required":true,"type":"int"})j",
  };
  for (const std::string& field : broken) {
    EXPECT_EQ(KindOf(ReadField(field)), ErrorKind::kCorrupt) << field;
  }
}

TEST(SchemaJson, DeepNestingIsRefusedNotFollowed) {
  Json type = "int";
  for (int depth = 0; depth < 400; ++depth) {
    type = Json{
        {"type", "list"}, {"element-id", depth}, {"element-required", true}, {"element", type}};
  }
  const Json json = {
      {"type", "struct"},
      {"fields", {{{"id", 500}, {"name", "a"}, {"required", true}, {"type", type}}}}};
  EXPECT_EQ(KindOf(SchemaFromJson(json, "test").status()), ErrorKind::kCorrupt);
}

TEST(Schema, WhatIsOnlyReadComesBackAndIsNotWritten) {
  const Json json = Json::parse(R"j({"type":"struct","schema-id":1,"fields":[
    {"id":1,"name":"u","required":true,"type":"uuid"},
    {"id":2,"name":"v","required":false,"type":{"type":"list","element-id":3,"element":"variant",
     "element-required":false}},
    {"id":4,"name":"t","required":false,"type":"time"},
    {"id":5,"name":"d","required":false,"type":"int","initial-default":5,"write-default":6}]})j");
  const Schema schema = SchemaFromJson(json, "s").ValueOrDie();
  EXPECT_EQ(SchemaToJson(schema).ValueOrDie(), json);
  EXPECT_TRUE(schema.arrow->field(0)->type()->Equals(arrow::utf8()));
  EXPECT_EQ(InitialDefaultOf(*schema.arrow->field(3)), "5");
  for (int i = 0; i < schema.arrow->num_fields(); ++i) {
    const Status status = CheckWritableColumns(*arrow::schema({schema.arrow->field(i)}), "t");
    EXPECT_EQ(KindOf(status), ErrorKind::kInvalid) << i;
  }
}

}  // namespace
}  // namespace millpond::table
