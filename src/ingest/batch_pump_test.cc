// The queue between a source and the writer: order, bounds, ends and failures.
#include "ingest/batch_pump.h"

#include <arrow/api.h>

#include <atomic>
#include <chrono>

#include "base/error_matchers.h"

namespace millpond::ingest {
namespace {

using base::ErrorKind;
using base::IsError;
using base::IsOk;

/// Gives batches of 1, 2, … rows and a reject with each; ends or fails after `last`.
class Counting final : public source::StreamReader {
 public:
  Counting(int64_t last, bool fails) : last_(last), fails_(fails) {}

  const std::shared_ptr<arrow::Schema>& schema() const override { return schema_; }
  Result<std::shared_ptr<arrow::RecordBatch>> Next() override {
    if (given == last_) {
      if (fails_) return base::Corrupt("broken at {}", given.load());
      return std::shared_ptr<arrow::RecordBatch>();
    }
    ++given;
    return arrow::RecordBatch::Make(schema_, given, arrow::ArrayVector{});
  }
  std::vector<source::Reject> TakeRejects() override {
    std::vector<source::Reject> rejects(1);
    rejects[0].line = given;
    return rejects;
  }
  base::Json Cursor() const override { return {}; }

  std::atomic<int64_t> given = 0;

 private:
  std::shared_ptr<arrow::Schema> schema_ = arrow::schema({});
  int64_t last_;
  bool fails_;
};

TEST(BatchPumpTest, KeepsOrderAndRejects) {
  Counting reader(100, false);
  BatchPump pump(&reader, 3);
  for (int64_t i = 1; i <= 100; ++i) {
    auto item = pump.Next();
    ASSERT_THAT(item, IsOk());
    ASSERT_EQ(item->batch->num_rows(), i);
    ASSERT_EQ(item->rejects[0].line, i);
  }
  const auto end = pump.Next().ValueOrDie();
  EXPECT_EQ(end.batch, nullptr);
  EXPECT_EQ(end.rejects.size(), 1U) << "those of the end";
}

TEST(BatchPumpTest, ReadsNoFurtherAheadThanItsLimit) {
  Counting reader(1000, false);
  BatchPump pump(&reader, 2);
  for (int64_t taken = 0; taken < 20; ++taken) {
    ASSERT_THAT(pump.Next(), IsOk());
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    // Two in the queue and one that waits for room.
    EXPECT_LE(reader.given, taken + 1 + 3);
  }
}

TEST(BatchPumpTest, AFailureComesAfterWhatWasRead) {
  Counting reader(2, true);
  BatchPump pump(&reader, 1);
  ASSERT_THAT(pump.Next(), IsOk());
  ASSERT_THAT(pump.Next(), IsOk());
  EXPECT_THAT(pump.Next(), IsError(ErrorKind::kCorrupt, ::testing::HasSubstr("broken at 2")));
}

TEST(BatchPumpTest, LetGoInTheMiddleItStops) {
  Counting reader(1000000, false);
  {
    BatchPump pump(&reader, 2);
    ASSERT_THAT(pump.Next(), IsOk());
  }
  EXPECT_LE(reader.given, 5);
}

}  // namespace
}  // namespace millpond::ingest
