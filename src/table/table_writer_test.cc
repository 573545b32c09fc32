// Data files as TableWriter makes them: where they roll, how their columns are encoded, what their
// statistics say, and that unfinished ones go.
#include "table/table_writer.h"

#include <parquet/file_reader.h>
#include <parquet/metadata.h>

#include <cmath>
#include <numeric>

#include "base/error_matchers.h"
#include "table/pond_testing.h"

namespace millpond::table {
namespace {

using base::ErrorKind;
using base::IsError;
using base::IsOk;
using ::testing::HasSubstr;

const base::Context kContext;
const TableName kTable{"shop", "items"};

class TableWriterTest : public ::testing::Test {
 protected:
  static std::shared_ptr<arrow::Schema> Columns(const arrow::FieldVector& more) {
    arrow::FieldVector fields = {arrow::field("sample_id", arrow::int64(), false)};
    fields.insert(fields.end(), more.begin(), more.end());
    return arrow::schema(fields);
  }
  /// All rows of a table of these columns, written batch by batch.
  std::vector<DataFile> Write(const arrow::RecordBatchVector& batches) {
    PendingCommit commit(pond_.catalog(), PondForTest::Info("create"));
    EXPECT_THAT(commit.Create(kTable, Columns(batches[0]->schema()->fields())), IsOk());
    auto writer = TableWriter::Open(pond_.catalog(), kTable, commit.SchemaOf(kTable).ValueOrDie())
                      .ValueOrDie();
    for (const auto& batch : batches) EXPECT_THAT(writer->Write(*batch, kContext), IsOk());
    auto files = writer->Finish().ValueOrDie();
    EXPECT_THAT(commit.Append(kTable, files), IsOk());
    EXPECT_THAT(commit.Land(kContext), IsOk());
    return files;
  }
  std::shared_ptr<parquet::FileMetaData> Footer(const DataFile& file) {
    const std::string path = file.uri.substr(std::string("file://").size());
    return parquet::ParquetFileReader::OpenFile(path)->metadata();
  }
  bool HasDictionary(const DataFile& file, int column) {
    return Footer(file)->RowGroup(0)->ColumnChunk(column)->has_dictionary_page();
  }

  PondForTest pond_;
};

std::vector<int64_t> Numbers(int64_t count) {
  std::vector<int64_t> numbers(static_cast<size_t>(count));
  std::iota(numbers.begin(), numbers.end(), 0);
  return numbers;
}

// Bytes that no codec makes smaller, so that encoded sizes are what they look like.
std::shared_ptr<arrow::RecordBatch> Noise(int64_t rows, int32_t width) {
  std::string bytes(static_cast<size_t>(width), '\0');
  uint64_t state = 88172645463325252ULL;
  arrow::StringBuilder builder;
  for (int64_t row = 0; row < rows; ++row) {
    for (char& byte : bytes) {
      state ^= state << 13;
      state ^= state >> 7;
      state ^= state << 17;
      byte = static_cast<char>(' ' + state % 64);
    }
    EXPECT_TRUE(builder.Append(bytes).ok());
  }
  return arrow::RecordBatch::Make(arrow::schema({arrow::field("text", arrow::utf8())}), rows,
                                  {builder.Finish().ValueOrDie()});
}

TEST_F(TableWriterTest, OneBatchFarLargerThanTheTargetRolls) {
  WriteSettings settings;
  settings.target_file_size = 256 << 10;
  pond_.Use(settings);
  const auto files = Write({Noise(20000, 100)});  // 2 MB, in one chunk.
  EXPECT_GE(files.size(), 5U);
  int64_t rows = 0;
  for (const DataFile& file : files) {
    rows += file.record_count;
    EXPECT_LE(file.size, settings.target_file_size * 5 / 4);
  }
  EXPECT_EQ(rows, 20000);
  EXPECT_EQ(pond_.Values(kTable, "", "sample_id"), Numbers(20000)) << "in order, none twice";
}

TEST_F(TableWriterTest, SmallRowGroupsRollWithinAChunk) {
  WriteSettings settings;
  settings.target_file_size = 16 << 10;
  settings.row_group_rows = 100;
  pond_.Use(settings);
  const auto files = Write({Noise(2000, 40)});
  EXPECT_GE(files.size(), 4U);
  for (const DataFile& file : files) {
    EXPECT_LE(file.size, settings.target_file_size * 3 / 2);
    const auto footer = Footer(file);
    for (int i = 0; i < footer->num_row_groups(); ++i) {
      EXPECT_LE(footer->RowGroup(i)->num_rows(), 100);
    }
  }
}

TEST_F(TableWriterTest, ManySmallBatchesMakeOneFile) {
  arrow::RecordBatchVector batches;
  for (int64_t i = 0; i < 200; ++i) batches.push_back(PondForTest::Batch({i}));
  const auto files = Write(batches);
  ASSERT_EQ(files.size(), 1U);
  EXPECT_EQ(Footer(files[0])->num_row_groups(), 1);
  EXPECT_EQ(pond_.Values(kTable), Numbers(200));
}

TEST_F(TableWriterTest, NoRowsMakeNoFile) {
  EXPECT_TRUE(Write({PondForTest::Batch({})}).empty());
  EXPECT_EQ(pond_.Values(kTable), std::vector<int64_t>{});
}

TEST_F(TableWriterTest, RowsLargerThanTheTargetGetFilesOfTheirOwn) {
  WriteSettings settings;
  settings.target_file_size = 64 << 10;
  pond_.Use(settings);
  const auto files = Write({Noise(3, 200 << 10)});
  EXPECT_EQ(files.size(), 3U);
}

TEST_F(TableWriterTest, DictionariesOnlyWhereValuesRepeat) {
  constexpr int64_t kRows = 5000;
  arrow::Int64Builder unique, repeated, nulls;
  arrow::StringBuilder words, sentences;
  arrow::DoubleBuilder reals;
  for (int64_t i = 0; i < kRows; ++i) {
    ASSERT_TRUE(unique.Append(i * 7919).ok());
    ASSERT_TRUE(repeated.Append(i % 50).ok());
    ASSERT_TRUE((i % 2 == 0 ? nulls.AppendNull() : nulls.Append(i)).ok());
    ASSERT_TRUE(words.Append(i % 3 == 0 ? "großartig" : "schlecht").ok());
    ASSERT_TRUE(sentences.Append("row " + std::to_string(i)).ok());
    ASSERT_TRUE(reals.Append(static_cast<double>(i) / 7).ok());
  }
  const auto batch = arrow::RecordBatch::Make(
      arrow::schema(
          {arrow::field("unique", arrow::int64()), arrow::field("repeated", arrow::int64()),
           arrow::field("nulls", arrow::int64()), arrow::field("words", arrow::utf8()),
           arrow::field("sentences", arrow::utf8()), arrow::field("reals", arrow::float64())}),
      kRows,
      {unique.Finish().ValueOrDie(), repeated.Finish().ValueOrDie(), nulls.Finish().ValueOrDie(),
       words.Finish().ValueOrDie(), sentences.Finish().ValueOrDie(), reals.Finish().ValueOrDie()});
  const auto files = Write({batch});
  ASSERT_EQ(files.size(), 1U);
  const std::vector<bool> expected = {false, false, true, false, true, false, false};
  for (int i = 0; i < 7; ++i) {
    EXPECT_EQ(HasDictionary(files[0], i), expected[static_cast<size_t>(i)]) << "column " << i;
  }
}

TEST_F(TableWriterTest, TextThatIsNotUtf8IsRefusedByRow) {
  PendingCommit commit(pond_.catalog(), PondForTest::Info("create"));
  const auto item = arrow::struct_({arrow::field("name", arrow::utf8())});
  ASSERT_THAT(commit.Create(kTable, Columns({arrow::field("note", arrow::utf8()),
                                             arrow::field("items", arrow::list(item))})),
              IsOk());
  auto refusal = [&](const arrow::RecordBatch& batch) {
    auto writer = TableWriter::Open(pond_.catalog(), kTable, commit.SchemaOf(kTable).ValueOrDie())
                      .ValueOrDie();
    return writer->Write(batch, kContext);
  };
  auto notes = [](const std::vector<std::string>& values) {
    arrow::StringBuilder builder;
    EXPECT_THAT(builder.AppendValues(values), IsOk());
    const auto array = builder.Finish().ValueOrDie();
    return arrow::RecordBatch::Make(arrow::schema({arrow::field("note", arrow::utf8())}),
                                    array->length(), {array});
  };
  EXPECT_THAT(refusal(*notes({"\u00e4", "", "plain"})), IsOk());
  EXPECT_THAT(refusal(*notes({"ok", "\xff\xfe"})),
              IsError(ErrorKind::kInvalid, HasSubstr("note of shop.items: row 1 ")));
  // Two halves of one character are valid only together.
  EXPECT_THAT(refusal(*notes({"\xc3", "\xa4"})), IsError(ErrorKind::kInvalid, HasSubstr("row 0 ")));
  EXPECT_THAT(refusal(*notes({"\u00e4", "", "\xff"})->Slice(0, 2)), IsOk());

  auto names = std::make_shared<arrow::StringBuilder>();
  arrow::ListBuilder lists(arrow::default_memory_pool(),
                           std::make_shared<arrow::StructBuilder>(
                               item, arrow::default_memory_pool(),
                               std::vector<std::shared_ptr<arrow::ArrayBuilder>>{names}));
  auto& items = static_cast<arrow::StructBuilder&>(*lists.value_builder());
  for (const auto& row : std::vector<std::vector<std::string>>{{"a", "b"}, {}, {"c", "\xf0"}}) {
    ASSERT_THAT(lists.Append(), IsOk());
    for (const auto& name : row) {
      ASSERT_THAT(items.Append(), IsOk());
      ASSERT_THAT(names->Append(name), IsOk());
    }
  }
  const auto array = lists.Finish().ValueOrDie();
  EXPECT_THAT(refusal(*arrow::RecordBatch::Make(
                  arrow::schema({arrow::field("items", array->type())}), 3, {array})),
              IsError(ErrorKind::kInvalid, HasSubstr("items of shop.items: row 2 ")));
}

TEST_F(TableWriterTest, NansAreCountedFileByFile) {
  WriteSettings settings;
  settings.target_file_size = 1;  // As small as files get: 64 KiB of rows.
  pond_.Use(settings);
  constexpr int64_t kRows = 20000;
  arrow::DoubleBuilder builder;
  for (int64_t i = 0; i < kRows; ++i) {
    ASSERT_TRUE(builder.Append(i < 10 ? std::nan("") : static_cast<double>(i)).ok());
  }
  const auto files =
      Write({arrow::RecordBatch::Make(arrow::schema({arrow::field("x", arrow::float64())}), kRows,
                                      {builder.Finish().ValueOrDie()})});
  ASSERT_GE(files.size(), 2U);
  EXPECT_EQ(files[0].nan_counts.at(2), 10);
  for (size_t i = 1; i < files.size(); ++i) EXPECT_EQ(files[i].nan_counts.at(2), 0);
}

TEST_F(TableWriterTest, CancelledInTheMiddleLeavesNoFile) {
  WriteSettings settings;
  settings.target_file_size = 64 << 10;
  pond_.Use(settings);
  ASSERT_THAT(pond_.Create(kTable, {1}), IsOk());
  const auto before = pond_.Blobs();
  {
    PendingCommit commit(pond_.catalog(), PondForTest::Info("append"));
    auto writer = TableWriter::Open(pond_.catalog(), kTable, commit.SchemaOf(kTable).ValueOrDie())
                      .ValueOrDie();
    std::stop_source stop;
    base::Context context;
    context.stop = stop.get_token();
    ASSERT_THAT(writer->Write(*PondForTest::Batch(Numbers(70000)), context), IsOk());
    stop.request_stop();
    EXPECT_THAT(writer->Write(*PondForTest::Batch(Numbers(70000)), context),
                IsError(ErrorKind::kCancelled));
  }
  EXPECT_EQ(pond_.Blobs(), before);
}

TEST_F(TableWriterTest, AWriterIsFinishedOnce) {
  PendingCommit commit(pond_.catalog(), PondForTest::Info("create"));
  ASSERT_THAT(commit.Create(kTable, PondForTest::Columns()), IsOk());
  auto writer =
      TableWriter::Open(pond_.catalog(), kTable, commit.SchemaOf(kTable).ValueOrDie()).ValueOrDie();
  ASSERT_THAT(writer->Finish(), IsOk());
  EXPECT_THAT(writer->Finish(), IsError(ErrorKind::kInvalid));
  EXPECT_THAT(writer->Write(*PondForTest::Batch({1}), kContext), IsError(ErrorKind::kInvalid));
}

TEST_F(TableWriterTest, NeedsFieldIds) {
  EXPECT_THAT(TableWriter::Open(pond_.catalog(), kTable, PondForTest::Columns()),
              IsError(ErrorKind::kInvalid, ::testing::HasSubstr("sample_id")));
}

}  // namespace
}  // namespace millpond::table
