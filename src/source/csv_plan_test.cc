// CSV from bytes to table: types, headers, dialects, rejects, hostile input. Each test reads real
// files through OpenSource.
#include <gtest/gtest.h>

#include "base/stop_at_progress.h"
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

class CsvTest : public ::testing::Test {
 protected:
  Everything Read(std::string_view bytes, const SourceOptions& options = {}) {
    return ReadAll(folder_.Write("data.csv", bytes), options);
  }
  static SourceOptions With(std::map<std::string, std::string> format_options) {
    SourceOptions options;
    options.format_options = std::move(format_options);
    return options;
  }

  TempFolder folder_;
};

TEST_F(CsvTest, DetectsEveryType) {
  const auto all = Read(
      "b,i,d,day,t,z,s,n\n"
      "true,1,1.5,2024-02-29,2024-01-01 10:00:00,2024-01-01T10:00:00Z,x,\n"
      "FALSE,-2,2,2024-03-01,2024-01-02,2024-01-01T10:00:00.25+02:00,007,\n");
  ASSERT_THAT(all.status, IsOk());
  EXPECT_THAT(all.types(), ElementsAre("bool", "int64", "double", "date32[day]", "timestamp[us]",
                                       "timestamp[us, tz=UTC]", "string", "string"));
  EXPECT_THAT(all.Column("i"), ElementsAre("1", "-2"));
  EXPECT_THAT(all.Column("day"), ElementsAre("2024-02-29", "2024-03-01"));
  EXPECT_THAT(all.Column("z"),
              ElementsAre("2024-01-01 10:00:00.000000Z", "2024-01-01 08:00:00.250000Z"));
  EXPECT_THAT(all.Column("s"), ElementsAre("x", "007"));
  EXPECT_THAT(all.Column("n"), ElementsAre("null", "null"));
  EXPECT_THAT(all.rejects, IsEmpty());
}

TEST_F(CsvTest, KeepsLeadingZerosAndBigNumbersAsText) {
  const auto all = Read("zip,id\n01234,99999999999999999999\n90210,1\n");
  ASSERT_THAT(all.status, IsOk());
  EXPECT_THAT(all.types(), ElementsAre("string", "string"));
  EXPECT_THAT(all.info.report["columns"][1]["why"].get<std::string>(), HasSubstr("64 bits"));
}

TEST_F(CsvTest, ReadsQuotedNewlinesDelimitersAndQuotes) {
  const auto all = Read("a,b\n\"x\ny\",\"1,\"\"2\"\"\"\nplain,5\" disk\n");
  ASSERT_THAT(all.status, IsOk());
  EXPECT_THAT(all.Column("a"), ElementsAre("x\ny", "plain"));
  EXPECT_THAT(all.Column("b"), ElementsAre("1,\"2\"", "5\" disk"));
}

TEST_F(CsvTest, DistinguishesEmptyFromNull) {
  const auto all = Read("s,n\nx,1\n\"\",2\n,NA\n");
  ASSERT_THAT(all.status, IsOk());
  EXPECT_THAT(all.Column("s"), ElementsAre("x", "", "null"));
  EXPECT_THAT(all.Column("n"), ElementsAre("1", "2", "null"));
}

TEST_F(CsvTest, FindsDelimitersQuotesAndEscapes) {
  EXPECT_THAT(Read("a;b\n1,5;x\n2,5;y\n").names(), ElementsAre("a", "b"));
  EXPECT_THAT(Read("a\tb\tc\n1\t2\t3\n").names(), ElementsAre("a", "b", "c"));
  EXPECT_THAT(Read("a|b\n1|2\n3|4\n").Column("b"), ElementsAre("2", "4"));
  EXPECT_THAT(Read("a,b\n'x, y',1\n'z','2'\n").Column("a"), ElementsAre("x, y", "z"));
  EXPECT_THAT(Read("a,b\n\"say \\\"hi\\\" x\",1\n\"q\",2\n").Column("a"),
              ElementsAre("say \"hi\" x", "q"));
  EXPECT_THAT(Read("a,b\n1, \"x, y\"\n2, \"z\"\n").Column("b"), ElementsAre("x, y", "z"));
}

TEST_F(CsvTest, DecidesAboutTheHeader) {
  EXPECT_THAT(Read("1,2\n3,4\n").names(), ElementsAre("column_1", "column_2"));
  EXPECT_THAT(Read("x,y\n3,4\n").names(), ElementsAre("x", "y"));
  EXPECT_THAT(Read("red,small\nblue,large\nred,small\n").names(),
              ElementsAre("column_1", "column_2"));
  EXPECT_THAT(Read("name,city\nAda,London\nAlan,Leeds\n").names(), ElementsAre("name", "city"));
  EXPECT_THAT(Read("x,y\n3,4\n", With({{"header", "false"}})).table->num_rows(), 2);
  EXPECT_THAT(Read("3,4\n", With({{"names", "p,q"}})).names(), ElementsAre("p", "q"));
}

TEST_F(CsvTest, AHeaderAloneGivesNoRows) {
  const auto all = Read("name,city");
  ASSERT_THAT(all.status, IsOk());
  EXPECT_THAT(all.names(), ElementsAre("name", "city"));
  EXPECT_EQ(all.table->num_rows(), 0);
}

TEST_F(CsvTest, AnEmptyFileIsRefused) {
  EXPECT_THAT(Read("").status, IsError(ErrorKind::kInvalid, HasSubstr("data.csv is empty")));
  EXPECT_THAT(Read("\n\n").status, IsError(ErrorKind::kInvalid, HasSubstr("empty")));
}

TEST_F(CsvTest, RejectsRaggedRowsWithLineAndText) {
  const auto all = Read("a,b\n1,2\n\"x\ny\",4\n5\n6,7,8\n9,10,\n\n11,12\n");
  ASSERT_THAT(all.status, IsOk());
  EXPECT_THAT(all.Column("b"), ElementsAre("2", "4", "10", "12"));
  ASSERT_THAT(all.rejects, SizeIs(2));
  EXPECT_EQ(all.rejects[0].line, 5);
  EXPECT_EQ(all.rejects[0].reason, "expected 2 columns, found 1");
  EXPECT_EQ(all.rejects[0].raw, "5");
  EXPECT_EQ(all.rejects[1].line, 6);
  EXPECT_EQ(all.rejects[1].raw, "6,7,8");
}

TEST_F(CsvTest, FillsShortRowsOnDemand) {
  const auto all = Read("a,b\n1,2\n5\n7,8\n9,10\n", With({{"ragged", "fill"}}));
  EXPECT_THAT(all.Column("b"), ElementsAre("2", "null", "8", "10"));
  EXPECT_THAT(all.rejects, IsEmpty());
}

TEST_F(CsvTest, RejectsValuesThatDoNotFitAGivenType) {
  SourceOptions options;
  options.types = {{"a", "int64"}};
  const auto all = Read("a,b\n1,x\nabc,y\n3,z\n", options);
  ASSERT_THAT(all.status, IsOk());
  EXPECT_THAT(all.Column("b"), ElementsAre("x", "z"));
  ASSERT_THAT(all.rejects, SizeIs(1));
  EXPECT_EQ(all.rejects[0].line, 3);
  EXPECT_EQ(all.rejects[0].column, "a");
  EXPECT_EQ(all.rejects[0].reason, "expected int64, found 'abc'");
  EXPECT_EQ(all.rejects[0].raw, "abc,y");
  EXPECT_THAT(all.rejects[0].file, HasSubstr("data.csv"));

  options.strict = true;
  EXPECT_THAT(Read("a,b\n1,x\nabc,y\n3,z\n", options).status,
              IsError(ErrorKind::kInvalid,
                      HasSubstr("data.csv:3: column 'a': expected int64, found 'abc'")));
}

TEST_F(CsvTest, TypesFollowTheTable) {
  SourceOptions options;
  options.expected_schema =
      arrow::schema({arrow::field("a", arrow::float64()), arrow::field("gone", arrow::int32())});
  const auto all = Read("a,b\n1,2\n", options);
  EXPECT_THAT(all.types(), ElementsAre("double", "int64"));
}

TEST_F(CsvTest, TheTableTellsWhetherThereIsAHeader) {
  SourceOptions options;
  options.expected_schema = arrow::schema(
      {arrow::field("column_1", arrow::utf8()), arrow::field("column_2", arrow::utf8())});
  EXPECT_THAT(Read("ada,london\nalan,leeds\n", options).Column("column_1"),
              ElementsAre("ada", "alan"));
  options.expected_schema =
      arrow::schema({arrow::field("Name", arrow::utf8()), arrow::field("2024", arrow::int64())});
  const auto all = Read("name,2024\nada,1\n", options);
  EXPECT_THAT(all.names(), ElementsAre("Name", "2024"));
  EXPECT_EQ(all.table->num_rows(), 1);
}

TEST_F(CsvTest, AnUnknownColumnInTypesIsRefused) {
  SourceOptions options;
  options.types = {{"prise", "int64"}};
  EXPECT_THAT(Read("price,b\n1,2\n", options).status,
              IsError(ErrorKind::kInvalid, HasSubstr("Did you mean 'price'?")));
  options.types = {{"price", "list<int64>"}};
  EXPECT_THAT(Read("price,b\n1,2\n", options).status,
              IsError(ErrorKind::kInvalid, HasSubstr("price")));
}

TEST_F(CsvTest, ToleratesAShareOfMisfitsOnDemand) {
  std::string bytes = "n\n";
  for (int i = 0; i < 200; ++i) bytes += i == 150 ? "oops\n" : std::to_string(i) + "\n";
  EXPECT_THAT(Read(bytes).types(), ElementsAre("string"));
  const auto all = Read(bytes, With({{"type_tolerance", "0.01"}}));
  EXPECT_THAT(all.types(), ElementsAre("int64"));
  ASSERT_THAT(all.rejects, SizeIs(1));
  EXPECT_EQ(all.rejects[0].line, 152);
}

TEST_F(CsvTest, ReadsAQuestionMarkAmongNumbersAsNull) {
  const auto all = Read("n,s\n1,a\n?,?\n3,b\n");
  EXPECT_THAT(all.types(), ElementsAre("int64", "string"));
  EXPECT_THAT(all.Column("n"), ElementsAre("1", "null", "3"));
  EXPECT_THAT(all.Column("s"), ElementsAre("a", "?", "b"));
  EXPECT_THAT(all.info.report["columns"][0]["why"].get<std::string>(),
              HasSubstr("'?' read as null"));
}

TEST_F(CsvTest, NullValuesOfTheCallerHoldEverywhere) {
  const auto all = Read("n,s\n1,a\n-999,zip\n3,b\n", With({{"null_values", "-999,zip"}}));
  EXPECT_THAT(all.Column("n"), ElementsAre("1", "null", "3"));
  EXPECT_THAT(all.Column("s"), ElementsAre("a", "null", "b"));
}

TEST_F(CsvTest, MakesNamesUniqueAndTellsSo) {
  const auto all = Read("a,a,,sample_id,_millpond_x,b.c,A\n1,2,3,4,5,6,7\n");
  EXPECT_THAT(all.names(), ElementsAre("a", "a_2", "column_3", "source_sample_id",
                                       "source_millpond_x", "b_c", "A_3"));
  EXPECT_EQ(all.info.report["warnings"].size(), 6u);
  SourceOptions strict;
  strict.strict = true;
  EXPECT_THAT(Read("a,a\n1,2\n", strict).status,
              IsError(ErrorKind::kInvalid, HasSubstr("repeats the name")));
}

TEST_F(CsvTest, ReadsEncodings) {
  const std::string utf16 = [] {
    std::string bytes = "\xFF\xFE";
    for (char c : std::string("n,s\r\n1,")) bytes += {c, '\0'};
    bytes += {'\xFC', '\0', '\n', '\0'};
    return bytes;
  }();
  const auto wide = Read(utf16);
  EXPECT_EQ(wide.info.report["encoding"], "utf-16le");
  EXPECT_THAT(wide.Column("s"), ElementsAre("ü"));
  EXPECT_THAT(Read("\xEF\xBB\xBFname,s\n1,ü\n").names(), ElementsAre("name", "s"));
  const auto latin = Read("name,n\nM\xFCller,1\n");
  EXPECT_EQ(latin.info.report["encoding"], "iso-8859-1");
  EXPECT_THAT(latin.Column("name"), ElementsAre("Müller"));
  EXPECT_THAT(Read("name,n\n\x93quote\x94,1\n").Column("name"), ElementsAre("“quote”"));
  EXPECT_THAT(Read("a,b\n1,2\n", With({{"encoding", "klingon"}})).status,
              IsError(ErrorKind::kInvalid, HasSubstr("klingon")));
}

TEST_F(CsvTest, RejectsBytesThatAreNotInTheEncoding) {
  const auto all = Read("name,n\nM\xFCller,1\nAda,2\n", With({{"encoding", "utf-8"}}));
  ASSERT_THAT(all.status, IsOk());
  EXPECT_THAT(all.Column("name"), ElementsAre("Ada"));
  ASSERT_THAT(all.rejects, SizeIs(1));
  EXPECT_EQ(all.rejects[0].raw, "M\\xFCller,1");
}

TEST_F(CsvTest, AFewBadBytesDoNotChangeTheEncoding) {
  const auto all = Read("name,n\nMüller,1\nGrüße,2\nbad\xFF,3\n");
  ASSERT_THAT(all.status, IsOk());
  EXPECT_EQ(all.info.report["encoding"], "utf-8");
  EXPECT_THAT(all.Column("name"), ElementsAre("Müller", "Grüße"));
  EXPECT_THAT(all.rejects, SizeIs(1));
}

TEST_F(CsvTest, RejectsRowsWithNuls) {
  const auto all = Read(std::string("a,b\n1,x\n2,y\0y\n3,z\n", 18));
  ASSERT_THAT(all.status, IsOk());
  EXPECT_THAT(all.Column("b"), ElementsAre("x", "z"));
  ASSERT_THAT(all.rejects, SizeIs(1));
  EXPECT_EQ(all.rejects[0].reason, "holds a NUL byte");
  EXPECT_EQ(all.rejects[0].line, 3);
}

TEST_F(CsvTest, AQuoteThatIsNeverClosedCostsOneLine) {
  const auto all = Read("a,b\n1,x\n2,\"y\n3,z\n4,w\n");
  ASSERT_THAT(all.status, IsOk());
  EXPECT_THAT(all.Column("b"), ElementsAre("x", "z", "w"));
  ASSERT_THAT(all.rejects, SizeIs(1));
  EXPECT_EQ(all.rejects[0].line, 3);
  EXPECT_THAT(all.rejects[0].reason, HasSubstr("never closed"));
}

TEST_F(CsvTest, ALineBeyondTheLimitIsRejectedAndReadingGoesOn) {
  const auto all = Read("a,b\n1,x\n2," + std::string(3 << 20, 'y') + "\n3,z\n",
                        With({{"max_row_bytes", "1MiB"}}));
  ASSERT_THAT(all.status, IsOk());
  EXPECT_THAT(all.Column("b"), ElementsAre("x", "z"));
  ASSERT_THAT(all.rejects, SizeIs(1));
  EXPECT_EQ(all.rejects[0].line, 3);
  EXPECT_EQ(all.rejects[0].raw.size(), size_t{64 << 10});
}

TEST_F(CsvTest, ReadsTenThousandColumns) {
  std::string header, row;
  for (int i = 0; i < 10000; ++i) {
    header += (i ? ",c" : "c") + std::to_string(i);
    row += (i ? "," : "") + std::to_string(i);
  }
  const auto all = Read(header + "\n" + row + "\n" + row + "\n");
  ASSERT_THAT(all.status, IsOk());
  EXPECT_EQ(all.table->num_columns(), 10000);
  EXPECT_EQ(all.table->num_rows(), 2);
  EXPECT_THAT(all.Column("c9999"), ElementsAre("9999", "9999"));
}

TEST_F(CsvTest, SkipsLinesAboveTheTable) {
  const auto all = Read("Report of May\n\na,b,c\n1,2,3\n4,5,6\n7,8,9\n");
  EXPECT_THAT(all.names(), ElementsAre("a", "b", "c"));
  EXPECT_THAT(all.warnings(), HasSubstr("Report of May"));
  EXPECT_THAT(Read("x\ny\na,b\n1,2\n", With({{"skip_rows", "2"}})).names(), ElementsAre("a", "b"));
}

TEST_F(CsvTest, ReadsOldMacLineEnds) {
  const auto all = Read("a,b\r1,2\r3,4\r");
  EXPECT_THAT(all.Column("b"), ElementsAre("2", "4"));
}

TEST_F(CsvTest, DecimalCommasByOption) {
  const auto all = Read("a;b\n1,5;x\n-2,25;y\n", With({{"decimal_point", "comma"}}));
  EXPECT_THAT(all.types(), ElementsAre("double", "string"));
  EXPECT_THAT(all.Column("a"), ElementsAre("1.5", "-2.25"));
}

TEST_F(CsvTest, ALateFractionIsFoundByTheSamplesInTheMiddle) {
  std::string bytes = "n,pad\n";
  for (int i = 0; i < 300000; ++i)
    bytes += std::to_string(i) + (i > 250000 ? ".5" : "") + ",pppppp\n";
  const auto all = Read(bytes);
  ASSERT_THAT(all.status, IsOk());
  EXPECT_THAT(all.types(), ElementsAre("double", "string"));
  EXPECT_EQ(all.table->num_rows(), 300000);
  EXPECT_THAT(all.rejects, IsEmpty());
}

TEST_F(CsvTest, OrderAndLinesHoldOverManyPieces) {
  std::string bytes = "n,s\n";
  for (int i = 0; i < 400000; ++i)
    bytes += std::to_string(i) + (i == 200001 ? ",a,b,c\n" : ",text\n");
  const auto all = Read(bytes);
  ASSERT_THAT(all.status, IsOk());
  ASSERT_EQ(all.table->num_rows(), 399999);
  ASSERT_THAT(all.rejects, SizeIs(1));
  EXPECT_EQ(all.rejects[0].line, 200003);
  int64_t expected = 0;
  for (const auto& chunk : all.table->column(0)->chunks()) {
    const auto& values = static_cast<const arrow::Int64Array&>(*chunk);
    for (int64_t i = 0; i < values.length(); ++i) {
      if (expected == 200001) ++expected;
      ASSERT_EQ(values.Value(i), expected++);
    }
  }
}

TEST_F(CsvTest, StopsWhenAsked) {
  std::string bytes = "n,s\n";
  for (int i = 0; i < 300000; ++i) bytes += "1,text\n";
  base::StopAtProgress stopping;
  EXPECT_THAT(ReadAll(folder_.Write("big.csv", bytes), {}, 0, stopping.context()).status,
              IsError(ErrorKind::kCancelled));
}

TEST_F(CsvTest, UnionOfColumnsOverFiles) {
  folder_.Write("many/1.csv", "a,b\n1,2\n");
  folder_.Write("many/2.csv", "b;c\n2.5;x\n");
  folder_.Write("many/3.csv", "");
  const auto all = ReadAll(folder_.path() + "/many");
  ASSERT_THAT(all.status, IsOk());
  EXPECT_EQ(all.info.name, "many");
  EXPECT_THAT(all.names(), ElementsAre("a", "b", "c"));
  EXPECT_THAT(all.Column("a"), ElementsAre("1", "null"));
  EXPECT_THAT(all.Column("b"), ElementsAre("2", "2.5"));
  EXPECT_THAT(all.Column("c"), ElementsAre("null", "x"));
  EXPECT_THAT(all.warnings(), HasSubstr("3.csv: empty"));
}

}  // namespace
}  // namespace millpond::source
