// JSON from bytes to table: layouts, nested types, merging, rejects, hostile input; and the fast
// parser against the careful one.
#include <gtest/gtest.h>

#include "source/source_testing.h"

namespace millpond::source {
namespace {

using base::ErrorKind;
using base::IsError;
using base::IsOk;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class JsonTest : public ::testing::Test {
 protected:
  Everything Read(std::string_view bytes, const SourceOptions& options = {}) {
    return ReadAll(folder_.Write("data.json", bytes), options);
  }
  TempFolder folder_;
};

TEST_F(JsonTest, ReadsLinesInTheOrderOfTheirKeys) {
  const auto all = Read(
      "{\"z\": 1, \"a\": \"x\", \"ok\": true, \"f\": 1.5}\n\n{\"z\": 2, \"a\": null, \"f\": 2, "
      "\"late\": \"y\"}\n");
  ASSERT_THAT(all.status, IsOk());
  EXPECT_THAT(all.names(), ElementsAre("z", "a", "ok", "f", "late"));
  EXPECT_THAT(all.types(), ElementsAre("int64", "string", "bool", "double", "string"));
  EXPECT_THAT(all.Column("f"), ElementsAre("1.5", "2"));
  EXPECT_THAT(all.Column("late"), ElementsAre("null", "y"));
  EXPECT_EQ(all.info.report["layout"], "lines");
}

TEST_F(JsonTest, ReadsNestedValues) {
  const auto all = Read(
      R"({"id": 1, "tags": ["a", "b"], "at": {"x": 1, "y": 2.5}, "points": [{"t": 1}, {"t": 2, "u": "v"}]})"
      "\n"
      R"({"id": 2, "tags": [], "at": null, "points": null})");
  ASSERT_THAT(all.status, IsOk());
  EXPECT_THAT(all.types(), ElementsAre("int64", "list<item: string>", "struct<x: int64, y: double>",
                                       "list<item: struct<t: int64, u: string>>"));
  EXPECT_EQ(all.table->num_rows(), 2);
  EXPECT_THAT(all.Column("at"), ElementsAre("{x:int64 = 1, y:double = 2.5}", "null"));
}

TEST_F(JsonTest, ReadsArraysAndPrettyPrintedObjects) {
  const auto array =
      Read("[\n  {\"a\": 1,\n   \"b\": \"}],[{\"},\n  {\"a\": 2, \"b\": \"\\\"\"}\n]\n");
  ASSERT_THAT(array.status, IsOk());
  EXPECT_EQ(array.info.report["layout"], "values");
  EXPECT_THAT(array.Column("a"), ElementsAre("1", "2"));
  EXPECT_THAT(array.Column("b"), ElementsAre("}],[{", "\""));
  EXPECT_THAT(array.rejects, IsEmpty());
  EXPECT_THAT(Read("{\n \"a\": 1\n}\n{\n \"a\": 2\n}").Column("a"), ElementsAre("1", "2"));
  EXPECT_THAT(Read("{\"a\": 1}").Column("a"), ElementsAre("1"));
}

TEST_F(JsonTest, ReadsDatesAndTimes) {
  const auto all = Read(
      "{\"d\": \"2024-02-29\", \"t\": \"2024-01-01T00:00:00\", \"z\": "
      "[\"2024-01-01T00:00:00+01:00\"]}\n"
      "{\"d\": \"2024-03-01\", \"t\": \"2024-01-01 12:00:00.5\", \"z\": null}\n");
  ASSERT_THAT(all.status, IsOk());
  EXPECT_THAT(all.types(),
              ElementsAre("date32[day]", "timestamp[us]", "list<item: timestamp[us, tz=UTC]>"));
  EXPECT_THAT(all.Column("d"), ElementsAre("2024-02-29", "2024-03-01"));
  EXPECT_THAT(all.Column("t"),
              ElementsAre("2024-01-01 00:00:00.000000", "2024-01-01 12:00:00.500000"));
}

TEST_F(JsonTest, KeepsConflictingKindsAsTextAndTellsSo) {
  const auto all = Read(
      "{\"v\": 1, \"o\": {\"p\": 1}}\n{\"v\": \"one\", \"o\": {\"p\": [2, null]}}\n{\"v\": {\"k\": "
      "[1]}, \"o\": null}\n");
  ASSERT_THAT(all.status, IsOk());
  EXPECT_THAT(all.types(), ElementsAre("string", "struct<p: string>"));
  EXPECT_THAT(all.Column("v"), ElementsAre("1", "one", "{\"k\":[1]}"));
  EXPECT_THAT(all.Column("o"), ElementsAre("{p:string = 1}", "{p:string = [2,null]}", "null"));
  EXPECT_THAT(all.warnings(), HasSubstr("o.p: values of several kinds"));
  EXPECT_THAT(all.rejects, IsEmpty());
}

TEST_F(JsonTest, RejectsWhatDoesNotParse) {
  const auto all = Read("{\"a\": 1}\n{\"a\": }\n[1]\n{\"a\": 2, \"a\": 3}\n{\"a\": 4}\n{\"a\": 5");
  ASSERT_THAT(all.status, IsOk());
  EXPECT_THAT(all.Column("a"), ElementsAre("1", "4"));
  ASSERT_THAT(all.rejects, SizeIs(4));
  EXPECT_EQ(all.rejects[0].line, 2);
  EXPECT_THAT(all.rejects[0].reason, HasSubstr("not valid JSON"));
  EXPECT_EQ(all.rejects[0].raw, "{\"a\": }");
  EXPECT_THAT(all.rejects[1].reason, HasSubstr("must be an object"));
  EXPECT_EQ(all.rejects[2].line, 4);
  EXPECT_EQ(all.rejects[3].line, 6);
}

TEST_F(JsonTest, RejectsWhatDoesNotFitAndNamesThePlace) {
  SourceOptions options;
  options.types = {{"a", "struct<b:list<int64>>"}, {"d", "date"}};
  const std::string bytes =
      "{\"a\": {\"b\": [1]}, \"d\": \"2024-01-01\"}\n{\"a\": {\"b\": [1, \"x\"]}, \"d\": "
      "null}\n{\"a\": {\"c\": 1}, \"d\": null}\n"
      "{\"a\": null, \"d\": \"\"}\n{\"a\": null, \"d\": \"2024-01-02\"}\n";
  const auto all = Read(bytes, options);
  ASSERT_THAT(all.status, IsOk());
  EXPECT_THAT(all.Column("d"), ElementsAre("2024-01-01", "2024-01-02"));
  ASSERT_THAT(all.rejects, SizeIs(3));
  EXPECT_EQ(all.rejects[0].column, "a");
  EXPECT_EQ(all.rejects[0].reason, "b[1]: expected int64, found 'x'");
  EXPECT_THAT(all.rejects[1].reason, HasSubstr("c: a key that the sample did not have"));
  EXPECT_EQ(all.rejects[2].column, "d");
  options.strict = true;
  EXPECT_THAT(Read(bytes, options).status, IsError(ErrorKind::kInvalid, HasSubstr("data.json:2")));
}

TEST_F(JsonTest, KeysOfTheTableAndTheCallerAreKnown) {
  SourceOptions options;
  options.types = {{"given", "double"}};
  options.expected_schema = arrow::schema(
      {arrow::field("sample_id", arrow::int64()), arrow::field("rare", arrow::int64())});
  const auto all = Read("{\"a\": 1}\n{\"a\": 2}\n", options);
  ASSERT_THAT(all.status, IsOk());
  EXPECT_THAT(all.names(), ElementsAre("a", "given", "rare"));
  EXPECT_THAT(all.Column("rare"), ElementsAre("null", "null"));
}

TEST_F(JsonTest, UnknownKeysByOption) {
  SourceOptions options;
  options.format_options = {{"sample_bytes", "64KiB"}};
  std::string bytes;
  for (int i = 0; i < 30000; ++i)
    bytes += i == 4000 ? "{\"a\": 7, \"rare\": 1}\n" : "{\"a\": 1234567890123}\n";
  const auto kept = Read(bytes, options);
  ASSERT_THAT(kept.rejects, SizeIs(1));
  EXPECT_EQ(kept.rejects[0].column, "rare");
  EXPECT_EQ(kept.rejects[0].line, 4001);
  EXPECT_EQ(kept.table->num_rows(), 29999);
  options.format_options["unknown_keys"] = "ignore";
  const auto ignored = Read(bytes, options);
  EXPECT_THAT(ignored.rejects, IsEmpty());
  EXPECT_EQ(ignored.table->num_rows(), 30000);
}

TEST_F(JsonTest, AFileCutInsideAnArrayLosesOnlyTheLastValue) {
  const auto inside = Read("[{\"a\": 1}, {\"a\": 2}, {\"a\": 3");
  ASSERT_THAT(inside.status, IsOk());
  EXPECT_THAT(inside.Column("a"), ElementsAre("1", "2"));
  ASSERT_FALSE(inside.rejects.empty());
  EXPECT_THAT(inside.rejects[0].reason, HasSubstr("ends inside this value"));
  const auto between = Read("[{\"a\": 1}, {\"a\": 2}");
  ASSERT_THAT(between.rejects, SizeIs(1));
  EXPECT_THAT(between.rejects[0].reason, HasSubstr("not closed"));
}

TEST_F(JsonTest, DeepNestingDoesNotOverflowTheStack) {
  const std::string deep(200000, '[');
  const auto all = Read("{\"a\": 1}\n{\"a\": " + deep + "}\n{\"a\": " + deep +
                        std::string(200000, ']') + "}\n{\"a\": 2}\n");
  ASSERT_THAT(all.status, IsOk());
  EXPECT_EQ(all.table->num_rows(), 2);
  EXPECT_THAT(all.rejects, SizeIs(2));
  const std::string braces = [] {
    std::string text = "{\"a\": \"]]]]\", \"b\": ";
    for (int i = 0; i < 100000; ++i) text += "{\"]\":";
    return text;
  }();
  EXPECT_THAT(Read("{\"a\": \"1\"}\n" + braces + "\n").rejects, SizeIs(1));
}

TEST_F(JsonTest, RefusesFilesWithoutRows) {
  EXPECT_THAT(Read("").status, IsError(ErrorKind::kInvalid, HasSubstr("empty")));
  EXPECT_THAT(Read("[]").status, IsError(ErrorKind::kInvalid, HasSubstr("no JSON object")));
  EXPECT_THAT(Read("[1, 2]").status, IsError(ErrorKind::kInvalid, HasSubstr("no JSON object")));
  EXPECT_THAT(Read("{}\n{}\n").status, IsError(ErrorKind::kInvalid, HasSubstr("no keys")));
}

TEST_F(JsonTest, RejectsInvalidUtf8AndReadsUtf16) {
  const auto all = Read("{\"a\": \"x\xFF\"}\n{\"a\": \"y\"}\n", [] {
    SourceOptions options;
    options.format_options = {{"encoding", "utf-8"}};
    return options;
  }());
  EXPECT_THAT(all.Column("a"), ElementsAre("y"));
  EXPECT_THAT(all.rejects, SizeIs(1));
  std::string wide = "\xFF\xFE";
  for (char c : std::string("{\"a\": \"z\"}\n")) wide += {c, '\0'};
  EXPECT_THAT(Read(wide).Column("a"), ElementsAre("z"));
}

TEST_F(JsonTest, CleansKeysThatAreNoColumnNames) {
  const auto all = Read("{\"a.b\": 1, \"sample_id\": 2, \"A.B\": 3}\n");
  ASSERT_THAT(all.status, IsOk());
  EXPECT_THAT(all.names(), ElementsAre("a_b", "source_sample_id", "A_B_2"));
  EXPECT_THAT(all.Column("A_B_2"), ElementsAre("3"));
}

// One bad row forces the careful way on its piece; all other rows must come out the same as by the
// fast way.
TEST_F(JsonTest, TheFastAndTheCarefulWayAgree) {
  std::string rows;
  for (int i = 0; i < 500; ++i) {
    rows += fmt::format(
        R"({{"i": {}, "f": {}, "s": "t\u00e9\n{}", "d": "20{:02}-01-01", "l": [{}, null], "o": {{"x": "{}", "n": {}}}, "b": {}}})"
        "\n",
        i - 250, i % 7 == 0 ? "null" : fmt::format("{}e-3", i * 17), i, i % 100, i, i,
        i % 3 ? "null" : "[]", i % 2 ? "true" : "null");
  }
  const auto fast = Read(rows);
  const auto careful = Read(rows + "{\"i\": 1.5e400}\n");
  ASSERT_THAT(fast.status, IsOk());
  ASSERT_THAT(careful.status, IsOk());
  EXPECT_THAT(fast.rejects, IsEmpty());
  EXPECT_THAT(careful.rejects, SizeIs(1));
  EXPECT_TRUE(fast.table->Equals(*careful.table))
      << fast.table->ToString() << careful.table->ToString();
}

TEST_F(JsonTest, NumbersKeepTheirDigits) {
  SourceOptions options;
  options.types = {{"amount", "decimal(20,2)"}, {"t", "string"}, {"o", "string"}};
  const auto all = Read(
      R"({"t": 123456789012345678901234567890, "amount": 12345678901234567.89, "o": {"b": 1, "a": 2.50}})"
      "\n"
      R"({"t": "x", "amount": 1.5e1, "o": [1.10, {"\u0061 b": "c  d"}]})"
      "\n"
      R"({"t": 2.50, "amount": 0.125, "o": null})",
      options);
  ASSERT_THAT(all.status, IsOk());
  EXPECT_THAT(all.Column("t"), ElementsAre("123456789012345678901234567890", "x"));
  EXPECT_THAT(all.Column("amount"), ElementsAre("12345678901234567.89", "15.00"));
  EXPECT_THAT(all.Column("o"), ElementsAre(R"({"b":1,"a":2.50})", R"([1.10,{"\u0061 b":"c  d"}])"));
  ASSERT_THAT(all.rejects, SizeIs(1));
  EXPECT_EQ(all.rejects[0].line, 3);
}

TEST_F(JsonTest, WholeNumbersBeyond64BitsAreText) {
  const auto all = Read(
      "{\"a\": 123456789012345678901234567890, \"b\": 9223372036854775808}\n"
      "{\"a\": 7, \"b\": 1.50}\n");
  ASSERT_THAT(all.status, IsOk());
  EXPECT_THAT(all.types(), ElementsAre("string", "string"));
  EXPECT_THAT(all.Column("a"), ElementsAre("123456789012345678901234567890", "7"));
  EXPECT_THAT(all.Column("b"), ElementsAre("9223372036854775808", "1.50"));
}

TEST_F(JsonTest, WholeNumbersThatADoubleCannotHoldAreRejected) {
  SourceOptions options;
  options.types = {{"d", "double"}, {"l", "list<float>"}};
  const auto all = Read(
      "{\"d\": 9007199254740993, \"l\": []}\n{\"d\": 9007199254740992, \"l\": [16777216]}\n"
      "{\"d\": -0, \"l\": [16777217]}\n{\"d\": 1e300, \"l\": [0.1]}\n"
      "{\"d\": 10000000000000000000000, \"l\": []}\n",
      options);
  ASSERT_THAT(all.status, IsOk());
  EXPECT_EQ(all.table->num_rows(), 3);
  ASSERT_THAT(all.rejects, SizeIs(2));
  EXPECT_EQ(all.rejects[0].line, 1);
  EXPECT_THAT(all.rejects[0].reason, HasSubstr("9007199254740993"));
  EXPECT_EQ(all.rejects[1].line, 3);
}

TEST_F(JsonTest, OrderHoldsOverManyPieces) {
  std::string bytes = "[";
  for (int i = 0; i < 200000; ++i)
    bytes += fmt::format("{}{{\"i\": {}, \"s\": \"text\"}}", i ? ",\n" : "", i);
  const auto all = Read(bytes + "]");
  ASSERT_THAT(all.status, IsOk());
  ASSERT_EQ(all.table->num_rows(), 200000);
  int64_t expected = 0;
  for (const auto& chunk : all.table->column(0)->chunks())
    for (int64_t i = 0; i < chunk->length(); ++i)
      ASSERT_EQ(static_cast<const arrow::Int64Array&>(*chunk).Value(i), expected++);
}

}  // namespace
}  // namespace millpond::source
