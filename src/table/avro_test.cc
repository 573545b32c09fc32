// The Avro container: golden bytes, every kind of value skipped, hostile files refused without a
// crash.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "table/avro_reader.h"
#include "table/avro_writer.h"
#include "table/compression.h"

namespace millpond::table {
namespace {

using base::ErrorKind;
using base::Json;
using base::KindOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr const char* kPairSchema =
    R"({"type":"record","name":"pair","fields":[{"name":"n","type":"long","field-id":1},)"
    R"({"name":"s","type":["null","string"],"field-id":2}]})";

std::string Bytes(std::initializer_list<int> values) {
  std::string bytes;
  for (const int value : values) bytes.push_back(static_cast<char>(value));
  return bytes;
}

std::string Encoded(int64_t value) {
  AvroEncoder encoder;
  encoder.Long(value);
  return encoder.bytes();
}

/// A container file put together by hand.
std::string Container(const std::string& schema, int64_t count, const std::string& data,
                      const std::string& codec = "null") {
  AvroEncoder file;
  file.Raw(std::string_view("Obj\x01", 4));
  file.Long(2);
  file.Bytes("avro.schema");
  file.Bytes(schema);
  file.Bytes("avro.codec");
  file.Bytes(codec);
  file.Long(0);
  file.Raw("0123456789abcdef");
  file.Long(count);
  file.Bytes(data);
  file.Raw("0123456789abcdef");
  return file.bytes();
}

Status SkipAll(std::string_view bytes) {
  ARROW_ASSIGN_OR_RAISE(AvroReader reader, AvroReader::Open(bytes, "x.avro"));
  return reader.ForEach([&](AvroCursor& cursor) {
    cursor.Skip(reader.schema());
    return cursor.status();
  });
}

TEST(AvroNumbers, AreZigzag) {
  EXPECT_EQ(Encoded(0), Bytes({0}));
  EXPECT_EQ(Encoded(-1), Bytes({1}));
  EXPECT_EQ(Encoded(1), Bytes({2}));
  EXPECT_EQ(Encoded(-64), Bytes({0x7f}));
  EXPECT_EQ(Encoded(64), Bytes({0x80, 0x01}));
  EXPECT_EQ(Encoded(INT64_MAX).size(), 10u);
  for (const int64_t value : {int64_t{0}, int64_t{-1}, int64_t{INT32_MAX}, INT64_MAX, INT64_MIN}) {
    const std::string bytes = Encoded(value);
    AvroCursor cursor(bytes, "x");
    EXPECT_EQ(cursor.Long(), value);
    EXPECT_TRUE(cursor.ok() && cursor.at_end());
  }
}

TEST(AvroNumbers, TooLongOrCutAreCorrupt) {
  for (const std::string& bytes : {std::string(11, '\xff'), std::string(9, '\xff') + "\x02",
                                   std::string("\x80"), std::string()}) {
    AvroCursor cursor(bytes, "x.avro");
    EXPECT_EQ(cursor.Long(), 0);
    EXPECT_EQ(KindOf(cursor.status()), ErrorKind::kCorrupt);
    EXPECT_THAT(cursor.status().message(), HasSubstr("x.avro, offset "));
  }
  const std::string big = Encoded(int64_t{1} << 40);
  AvroCursor cursor(big, "x");
  EXPECT_EQ(cursor.Int(), 0);
  EXPECT_FALSE(cursor.ok());
}

TEST(AvroContainer, WritesWhatItReadsAndTheSameBytesTwice) {
  const auto write = [] {
    AvroWriter writer({{"avro.schema", kPairSchema}, {"note", "hello"}});
    for (int64_t n = 0; n < 100'000; ++n) {
      writer.record().Long(n);
      if (n % 2 == 0) {
        writer.record().Null();
      } else {
        writer.record().Present();
        writer.record().Bytes(fmt::format("text {}", n));
      }
      EXPECT_TRUE(writer.EndRecord().ok());
    }
    return writer.Finish().ValueOrDie();
  };
  const std::string bytes = write();
  EXPECT_EQ(bytes, write());
  const AvroReader reader = AvroReader::Open(bytes, "pairs").ValueOrDie();
  EXPECT_EQ(reader.header().at("note"), "hello");
  int64_t expected = 0;
  const Status status = reader.ForEach([&](AvroCursor& cursor) {
    cursor.Record(reader.schema(), [&](int32_t id, const AvroType& type) {
      if (id == 1) {
        EXPECT_EQ(cursor.Integer(type, "n"), expected);
      } else {
        const auto text = cursor.Text(type, "s");
        EXPECT_EQ(text.has_value(), expected % 2 == 1);
      }
      return true;
    });
    ++expected;
    return cursor.status();
  });
  EXPECT_TRUE(status.ok()) << status.ToString();
  EXPECT_EQ(expected, 100'000);
}

TEST(AvroContainer, NoRecordsIsAFileToo) {
  const std::map<std::string, std::string> header = {{"avro.schema", kPairSchema}};
  AvroWriter writer(header);
  EXPECT_TRUE(SkipAll(writer.Finish().ValueOrDie()).ok());
}

TEST(AvroContainer, SkipsEveryKindOfValue) {
  const std::string schema = R"j({"type":"record","name":"all","fields":[
    {"name":"a","type":"null"},{"name":"b","type":"boolean"},{"name":"c","type":"int"},
    {"name":"d","type":"float"},{"name":"e","type":"double"},{"name":"f","type":"bytes"},
    {"name":"g","type":{"type":"fixed","name":"f3","size":3}},{"name":"h","type":"f3"},
    {"name":"i","type":{"type":"enum","name":"e1","symbols":["x"]}},
    {"name":"j","type":{"type":"array","items":{"type":"int","logicalType":"date"}}},
    {"name":"k","type":{"type":"map","values":["null","f3"]}},
    {"name":"l","type":{"type":"record","name":"r","namespace":"n","fields":[{"name":"x","type":"long"}]}},
    {"name":"m","type":["null","n.r"]}]})j";
  AvroEncoder data;
  data.Boolean(true);
  data.Long(5);
  data.Raw("1234");
  data.Raw("12345678");
  data.Bytes("bytes");
  data.Raw("abc");
  data.Raw("def");
  data.Long(0);
  // An array block with its size in bytes ahead, then a plain one.
  data.Long(-2);
  data.Long(2);
  data.Long(1);
  data.Long(2);
  data.Long(1);
  data.Long(3);
  data.Long(0);
  data.Long(1);
  data.Bytes("key");
  data.Long(1);
  data.Raw("ghi");
  data.Long(0);
  data.Long(77);
  data.Long(1);
  data.Long(78);
  const Status status = SkipAll(Container(schema, 1, data.bytes()));
  EXPECT_TRUE(status.ok()) << status.ToString();
}

TEST(AvroContainer, UnknownCodecIsRefusedByName) {
  const Status status = SkipAll(Container(kPairSchema, 0, "", "zstandard"));
  EXPECT_EQ(KindOf(status), ErrorKind::kInvalid);
  EXPECT_THAT(status.message(), HasSubstr("zstandard"));
}

TEST(AvroContainer, BrokenBlocksAreCorrupt) {
  const std::string good = Container(kPairSchema, 2, Bytes({2, 0, 4, 0}));
  ASSERT_TRUE(SkipAll(good).ok());
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "not an Avro file"},
      {"Obj\x02xxxx", "not an Avro file"},
      {Container(kPairSchema, -1, Bytes({2, 0})), "-1 records"},
      {Container(kPairSchema, INT64_MAX, Bytes({2, 0})), "cannot be in"},
      {Container(kPairSchema, 3, Bytes({2, 0, 4, 0})), "cannot be in"},
      {Container(kPairSchema, 1, Bytes({2, 0, 4, 0})), "bytes follow"},
      {Container(kPairSchema, 1, Bytes({2, 8})), "union branch 4"},
      {Container(kPairSchema, 1, Bytes({2, 1})), "union branch -1"},
      {Container(kPairSchema, 1, Bytes({2, 2, 20, 'x'})), "10 bytes where 1"},
      {Container(kPairSchema, 1, Bytes({2, 2, 1, 'x'})), "-1 bytes"},
      {Container(kPairSchema, 1, "garbage", "deflate"), "compressed data"},
      {good.substr(0, good.size() - 1) + "x", "sync marker"},
      {good + "x", "x.avro"},
      {Container("{", 0, ""), "avro.schema"},
      {Container("\"long\"", 1, Bytes({2})), "no record"},
      {Container(R"({"type":"record","name":"e","fields":[]})", 1, ""), "no record"},
  };
  for (const auto& [bytes, message] : cases) {
    const Status status = SkipAll(bytes);
    EXPECT_EQ(KindOf(status), ErrorKind::kCorrupt) << message << status.ToString();
    EXPECT_THAT(status.message(), HasSubstr(message));
  }
  for (size_t length = 0; length + 1 < good.size(); ++length) {
    // A file cut right after its header is a file without records.
    if (length == good.size() - 16 - 4 - 2) continue;
    EXPECT_FALSE(SkipAll(std::string_view(good).substr(0, length)).ok()) << length;
  }
}

TEST(AvroContainer, HostileArraysStopAtTheBytesThatAreThere) {
  const std::string schema =
      R"j({"type":"record","name":"r","fields":[{"name":"a","type":{"type":"array","items":"long"}}]})j";
  for (const std::string& data :
       {Encoded(INT64_MAX), Encoded(INT64_MIN), Encoded(-5) + Encoded(INT64_MAX),
        Encoded(-5) + Encoded(-1), Encoded(3) + Encoded(1), Encoded(1) + Encoded(1)}) {
    EXPECT_EQ(KindOf(SkipAll(Container(schema, 1, data))), ErrorKind::kCorrupt);
  }
}

TEST(AvroContainer, ABombIsNotInflatedWhole) {
  const std::string zeros =
      Deflate(std::string(size_t{8} << 20, '\0'), ZlibForm::kRawDeflate).ValueOrDie();
  const auto result = Inflate(zeros, ZlibForm::kRawDeflate, "bomb", 1 << 20);
  EXPECT_EQ(KindOf(result.status()), ErrorKind::kExhausted);
}

Status ParseType(const std::string& text) {
  return ParseAvroSchema(base::ParseJson(text, "schema").ValueOrDie(), "s.avro").status();
}

TEST(AvroSchema, BrokenSchemasAreCorrupt) {
  const std::vector<std::string> broken = {
      R"(5)",
      R"({})",
      R"([])",
      R"("what")",
      R"("record")",
      R"(["null",["null","int"]])",
      R"({"type":"array"})",
      R"({"type":"map"})",
      R"({"type":"fixed","name":"f"})",
      R"({"type":"fixed","name":"f","size":-1})",
      R"({"type":"array","items":"null"})",
      R"({"type":"record","name":"r"})",
      R"({"type":"record","name":"r","fields":[{"name":"a"}]})",
      R"({"type":"record","name":"r","fields":[{"type":"int"}]})",
      R"({"type":"record","name":"r","fields":[{"name":"a","type":"int","field-id":"x"}]})",
      R"({"type":"record","name":"r","fields":[{"name":"a","type":["null","r"]}]})",
  };
  for (const std::string& text : broken) {
    EXPECT_EQ(KindOf(ParseType(text)), ErrorKind::kCorrupt) << text;
  }
}

TEST(AvroSchema, DepthAndExpansionAreBounded) {
  std::string deep = "\"int\"";
  for (int i = 0; i < 200; ++i) deep = R"({"type":"array","items":)" + deep + "}";
  EXPECT_EQ(KindOf(ParseType(deep)), ErrorKind::kCorrupt);
  // Each record holds the one before twice: 2^40 types in a kilobyte.
  std::string fields =
      R"({"name":"f0","type":{"type":"record","name":"r0","fields":[{"name":"x","type":"int"}]}})";
  for (int i = 1; i <= 40; ++i) {
    fields += fmt::format(R"(,{{"name":"f{0}","type":{{"type":"record","name":"r{0}","fields":[)"
                          R"({{"name":"a","type":"r{1}"}},{{"name":"b","type":"r{1}"}}]}}}})",
                          i, i - 1);
  }
  EXPECT_EQ(KindOf(ParseType(R"({"type":"record","name":"top","fields":[)" + fields + "]}")),
            ErrorKind::kCorrupt);
}

TEST(AvroSchema, RepeatedNamesAndNestedTypesAreRead) {
  EXPECT_TRUE(ParseType(R"({"type":{"type":"int"}})").ok());
  EXPECT_TRUE(ParseType(R"(["null",{"type":"fixed","name":"f","size":0}])").ok());
}

}  // namespace
}  // namespace millpond::table
