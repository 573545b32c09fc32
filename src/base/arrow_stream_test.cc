// Units of base/arrow_stream.h.
#include "base/arrow_stream.h"

#include <arrow/api.h>

#include "base/error_matchers.h"

namespace millpond::base {
namespace {

using BatchResult = Result<std::shared_ptr<arrow::RecordBatch>>;

std::shared_ptr<arrow::Schema> OneColumn() {
  return arrow::schema({arrow::field("a", arrow::int64())});
}

std::shared_ptr<arrow::RecordBatch> BatchOf(int64_t value) {
  arrow::Int64Builder builder;
  EXPECT_TRUE(builder.Append(value).ok());
  return arrow::RecordBatch::Make(OneColumn(), 1, {builder.Finish().ValueOrDie()});
}

TEST(MakeReaderTest, ReadsToTheEndAndStaysThere) {
  int calls = 0;
  auto reader = MakeReader(
      OneColumn(), [&calls]() -> BatchResult { return ++calls <= 2 ? BatchOf(calls) : nullptr; });
  EXPECT_TRUE(reader->schema()->Equals(*OneColumn()));
  auto table = reader->ToTable().ValueOrDie();
  EXPECT_EQ(table->num_rows(), 2);
  EXPECT_EQ(reader->Next().ValueOrDie(), nullptr);
  EXPECT_EQ(calls, 3);
}

TEST(MakeReaderTest, AFailureEndsTheStreamForGood) {
  int calls = 0;
  auto reader = MakeReader(OneColumn(), [&calls]() -> BatchResult {
    if (++calls == 1) return BatchOf(1);
    return Corrupt("file x");
  });
  EXPECT_THAT(reader->Next(), IsOk());
  EXPECT_THAT(reader->Next(), IsError(ErrorKind::kCorrupt));
  EXPECT_THAT(reader->Next(), IsError(ErrorKind::kCorrupt));
  EXPECT_EQ(calls, 2);
}

TEST(MakeReaderTest, CloseFreesTheFunction) {
  auto held = std::make_shared<int>(1);
  auto reader = MakeReader(OneColumn(), [held]() -> BatchResult { return BatchOf(*held); });
  EXPECT_EQ(held.use_count(), 2);
  EXPECT_THAT(reader->Close(), IsOk());
  EXPECT_EQ(held.use_count(), 1);
  EXPECT_EQ(reader->Next().ValueOrDie(), nullptr);
}

}  // namespace
}  // namespace millpond::base
