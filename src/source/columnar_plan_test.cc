// Parquet and Arrow IPC: types brought to what a table may hold, files merged, damage refused by
// kind.
#include <arrow/io/file.h>
#include <arrow/ipc/writer.h>
#include <arrow/json/from_string.h>
#include <gtest/gtest.h>
#include <parquet/arrow/writer.h>

#include "source/source_testing.h"

namespace millpond::source {
namespace {

using base::ErrorKind;
using base::IsError;
using base::IsOk;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::shared_ptr<arrow::Array> FromJson(const std::shared_ptr<arrow::DataType>& type,
                                       std::string_view json) {
  return arrow::json::ArrayFromJSONString(type, json).ValueOrDie();
}

class ColumnarTest : public ::testing::Test {
 protected:
  using Columns = std::vector<std::pair<std::string, std::shared_ptr<arrow::Array>>>;

  static std::shared_ptr<arrow::Table> MakeTable(const Columns& columns) {
    arrow::FieldVector fields;
    arrow::ArrayVector arrays;
    for (const auto& [name, array] : columns) {
      fields.push_back(arrow::field(name, array->type()));
      arrays.push_back(array);
    }
    return arrow::Table::Make(arrow::schema(fields), arrays);
  }
  std::string Parquet(const std::string& name, const Columns& columns) {
    const std::string path = folder_.Write(name, "");
    auto out = arrow::io::FileOutputStream::Open(path).ValueOrDie();
    EXPECT_THAT(
        parquet::arrow::WriteTable(*MakeTable(columns), arrow::default_memory_pool(), out, 1000),
        IsOk());
    EXPECT_THAT(out->Close(), IsOk());
    return path;
  }
  std::string Ipc(const std::string& name, const Columns& columns, bool stream) {
    const std::string path = folder_.Write(name, "");
    auto out = arrow::io::FileOutputStream::Open(path).ValueOrDie();
    const auto table = MakeTable(columns);
    auto writer = stream ? arrow::ipc::MakeStreamWriter(out, table->schema()).ValueOrDie()
                         : arrow::ipc::MakeFileWriter(out, table->schema()).ValueOrDie();
    EXPECT_THAT(writer->WriteTable(*table), IsOk());
    EXPECT_THAT(writer->Close(), IsOk());
    EXPECT_THAT(out->Close(), IsOk());
    return path;
  }
  static std::string Bytes(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  TempFolder folder_;
};

TEST_F(ColumnarTest, NormalisesEveryType) {
  const auto dictionary =
      arrow::DictionaryArray::FromArrays(FromJson(arrow::int8(), "[1, 0]"),
                                         FromJson(arrow::utf8(), R"(["a", "b"])"))
          .ValueOrDie();
  const auto all = ReadAll(Ipc(
      "t.arrow",
      {{"i8", FromJson(arrow::int8(), "[-1, null]")},
       {"u16", FromJson(arrow::uint16(), "[65535, 1]")},
       {"u32", FromJson(arrow::uint32(), "[4294967295, 1]")},
       {"u64", FromJson(arrow::uint64(), "[18446744073709551615, 1]")},
       {"half", FromJson(arrow::float16(), "[1.5, null]")},
       {"ms", FromJson(arrow::timestamp(arrow::TimeUnit::MILLI), R"(["2024-01-01", null])")},
       {"ns", FromJson(arrow::timestamp(arrow::TimeUnit::NANO, "Europe/Berlin"),
                       R"(["2024-01-01", null])")},
       {"d64", FromJson(arrow::date64(), "[86400000, null]")},
       {"large", FromJson(arrow::large_utf8(), R"(["x", null])")},
       {"view", FromJson(arrow::utf8_view(), R"(["a long enough text", null])")},
       {"ll", FromJson(arrow::large_list(arrow::int8()), "[[1, 2], null]")},
       {"fsl", FromJson(arrow::fixed_size_list(arrow::float32(), 2), "[[1, 2], null]")},
       {"dict", dictionary},
       {"none", FromJson(arrow::null(), "[null, null]")},
       {"st", FromJson(arrow::struct_({arrow::field("x", arrow::int16())}), R"([{"x": 1}, null])")},
       {"mp", FromJson(arrow::map(arrow::large_utf8(), arrow::uint8()), R"([[["k", 1]], null])")},
       {"d256", FromJson(arrow::decimal256(10, 2), R"(["1.25", null])")}},
      false));
  ASSERT_THAT(all.status, IsOk());
  EXPECT_THAT(all.types(),
              ElementsAre("int32", "int32", "int64", "decimal128(20, 0)", "float", "timestamp[us]",
                          "timestamp[us, tz=UTC]", "date32[day]", "string", "string",
                          "list<item: int32>", "list<item: float>", "string", "string",
                          "struct<x: int32>", "map<string, int32>", "decimal128(10, 2)"));
  EXPECT_THAT(all.Column("u64"), ElementsAre("18446744073709551615", "1"));
  EXPECT_THAT(all.Column("dict"), ElementsAre("b", "a"));
  EXPECT_THAT(all.Column("ll")[0], HasSubstr("1"));
  EXPECT_THAT(all.warnings(), HasSubstr("Europe/Berlin"));
}

TEST_F(ColumnarTest, RefusesNanosecondsThatWouldBeLost) {
  const std::string path = Ipc("t.arrow",
                               {{"t", FromJson(arrow::timestamp(arrow::TimeUnit::NANO),
                                               R"(["2024-01-01 00:00:00.000000001"])")}},
                               true);
  EXPECT_THAT(ReadAll(path).status, IsError(ErrorKind::kInvalid, HasSubstr("truncate_ns=true")));
  SourceOptions options;
  options.format_options = {{"truncate_ns", "true"}};
  EXPECT_THAT(ReadAll(path, options).Column("t"), ElementsAre("2024-01-01 00:00:00.000000"));
}

TEST_F(ColumnarTest, RefusesTypesWithoutAHomeByName) {
  const std::string time = Ipc(
      "t.arrow", {{"noon", FromJson(arrow::time32(arrow::TimeUnit::SECOND), "[43200]")}}, false);
  EXPECT_THAT(ReadAll(time).status,
              IsError(ErrorKind::kInvalid, HasSubstr("'noon' has type time32")));
  SourceOptions options;
  options.format_options = {{"time_as", "string"}};
  EXPECT_THAT(ReadAll(time, options).Column("noon"), ElementsAre("12:00:00"));
  const std::string duration =
      Ipc("d.arrow", {{"d", FromJson(arrow::duration(arrow::TimeUnit::SECOND), "[1]")}}, false);
  EXPECT_THAT(ReadAll(duration).status,
              IsError(ErrorKind::kInvalid, HasSubstr("number of seconds")));
}

TEST_F(ColumnarTest, ReadsIpcFilesAndStreamsAndParquetAlike) {
  const Columns columns = {{"a", FromJson(arrow::int64(), "[1, 2]")},
                           {"b", FromJson(arrow::utf8(), R"(["x", "y"])")}};
  for (const std::string& path : {Ipc("f.arrow", columns, false), Ipc("s.arrows", columns, true),
                                  Parquet("p.parquet", columns)}) {
    const auto all = ReadAll(path);
    ASSERT_THAT(all.status, IsOk()) << path;
    EXPECT_THAT(all.Column("b"), ElementsAre("x", "y"));
  }
  EXPECT_THAT(ReadAll(Parquet("no_ending", columns)).Column("a"), ElementsAre("1", "2"));
}

TEST_F(ColumnarTest, MergesColumnsOfFilesAndWidens) {
  Parquet("many/1.parquet", {{"a", FromJson(arrow::int32(), "[1]")}});
  Parquet("many/2.parquet",
          {{"b", FromJson(arrow::utf8(), R"(["x"])")}, {"a", FromJson(arrow::float64(), "[2.5]")}});
  const auto all = ReadAll(folder_.path() + "/many");
  ASSERT_THAT(all.status, IsOk());
  EXPECT_THAT(all.types(), ElementsAre("double", "string"));
  EXPECT_THAT(all.Column("a"), ElementsAre("1", "2.5"));
  EXPECT_THAT(all.Column("b"), ElementsAre("null", "x"));
  Parquet("many/3.parquet", {{"a", FromJson(arrow::utf8(), R"(["x"])")}});
  EXPECT_THAT(ReadAll(folder_.path() + "/many").status,
              IsError(ErrorKind::kInvalid, HasSubstr("'a' is double in")));
}

TEST_F(ColumnarTest, TypesFollowTheTableAndValuesThatDoNotFitAreRefused) {
  const std::string path =
      Parquet("t.parquet", {{"a", FromJson(arrow::int64(), "[1, 3000000000]")}});
  SourceOptions options;
  options.types = {{"a", "double"}};
  EXPECT_THAT(ReadAll(path, options).types(), ElementsAre("double"));
  options.types = {{"a", "int32"}};
  EXPECT_THAT(ReadAll(path, options).status,
              IsError(ErrorKind::kInvalid, HasSubstr("t.parquet: column 'a'")));
  options.types = {{"a", "list<int64>"}};
  EXPECT_THAT(ReadAll(path, options).status,
              IsError(ErrorKind::kInvalid, HasSubstr("cannot become")));
}

// A file that is cut anywhere must be refused as corrupt and named, or give what it has: never
// crash.
TEST_F(ColumnarTest, TruncatedFilesAreCorrupt) {
  std::string json = "[0";
  for (int i = 1; i < 5000; ++i) json += "," + std::to_string(i);
  const Columns columns = {{"a", FromJson(arrow::int64(), json + "]")}};
  const std::string parquet = Bytes(Parquet("p.parquet", columns));
  const std::string ipc = Bytes(Ipc("f.arrow", columns, false));
  for (size_t keep : {0, 3, 11, 100, 5000}) {
    EXPECT_THAT(ReadAll(folder_.Write("cut.parquet", parquet.substr(0, keep))).status,
                IsError(ErrorKind::kCorrupt, HasSubstr("cut.parquet")));
    EXPECT_THAT(ReadAll(folder_.Write("cut.arrow", ipc.substr(0, keep))).status,
                IsError(ErrorKind::kCorrupt, HasSubstr("cut.arrow")));
  }
  EXPECT_THAT(ReadAll(folder_.Write("cut.parquet", parquet.substr(0, parquet.size() - 1))).status,
              IsError(ErrorKind::kCorrupt, HasSubstr("cut.parquet")));
}

TEST_F(ColumnarTest, DamagedBytesNeverCrash) {
  const Columns columns = {{"a", FromJson(arrow::utf8(), R"(["one", "two", null, "three"])")},
                           {"l", FromJson(arrow::list(arrow::int32()), "[[1], [], null, [2, 3]]")}};
  const std::string good[] = {Bytes(Parquet("p.parquet", columns)),
                              Bytes(Ipc("f.arrow", columns, false)),
                              Bytes(Ipc("s.arrows", columns, true))};
  const char* names[] = {"bad.parquet", "bad.arrow", "bad.arrows"};
  for (int format = 0; format < 3; ++format) {
    uint32_t random = 12345;
    for (int round = 0; round < 150; ++round) {
      std::string bytes = good[format];
      for (int i = 0; i < 3; ++i) {
        random = random * 1664525 + 1013904223;
        bytes[random % bytes.size()] = static_cast<char>(random >> 24);
      }
      const auto all = ReadAll(folder_.Write(names[format], bytes));
      EXPECT_TRUE(all.status.ok() || all.status.message().find("bad.") != std::string::npos)
          << all.status.ToString();
    }
  }
}

}  // namespace
}  // namespace millpond::source
