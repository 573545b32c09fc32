// Streams of results: what a reader sees after the end and after an error.
#include "query/result_stream.h"

#include <arrow/record_batch.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error_matchers.h"
#include "query/scratch_pond_testing.h"

namespace millpond::query {
namespace {

using base::ErrorKind;
using base::IsError;
using base::IsOk;

TEST(ResultStream, SaysAgainWhatFailedToThoseWhoReadOn) {
  ScratchPond pond;
  auto result = pond.session().Sql(
      "SELECT CAST(CASE WHEN range < 1000000 THEN '1' ELSE 'late' END AS INTEGER) AS n "
      "FROM range(1000001)",
      {}, {});
  ASSERT_THAT(result, IsOk());
  std::shared_ptr<arrow::RecordBatch> batch;
  Status failed;
  int64_t rows = 0;
  while ((failed = result->reader->ReadNext(&batch)).ok() && batch != nullptr) {
    rows += batch->num_rows();
  }
  EXPECT_GT(rows, 0);
  EXPECT_THAT(failed, IsError(ErrorKind::kInvalid, testing::HasSubstr("late")));
  const Status again = result->reader->ReadNext(&batch);
  EXPECT_EQ(again.ToString(), failed.ToString());
  EXPECT_EQ(batch, nullptr);
}

TEST(ResultStream, AnEngineThatGaveUpIsReplaced) {
  ScratchPond pond;
  auto run = [&](const std::string& sql, std::vector<base::Json> parameters) -> Status {
    SqlOptions options;
    options.parameters = std::move(parameters);
    ARROW_ASSIGN_OR_RAISE(auto result, pond.session().Sql(sql, options, {}));
    std::shared_ptr<arrow::RecordBatch> batch;
    return result.reader->ReadNext(&batch);
  };
  ASSERT_THAT(run("SELECT 1", {}), IsOk());
  // DuckDB 1.5 fails an assertion of its own here, and would then refuse everything.
  EXPECT_THAT(run("SELECT typeof($1) AS a, CAST($1 AS VARCHAR) AS b", {"x"}),
              IsError(ErrorKind::kInternal));
  EXPECT_THAT(run("SELECT 1", {}), IsOk());
}

TEST(ResultStream, StaysAtItsEnd) {
  ScratchPond pond;
  auto result = pond.session().Sql("SELECT 1 AS n", {}, {});
  ASSERT_THAT(result, IsOk());
  std::shared_ptr<arrow::RecordBatch> batch;
  ASSERT_THAT(result->reader->ReadNext(&batch), IsOk());
  ASSERT_NE(batch, nullptr);
  for (int i = 0; i < 2; ++i) {
    ASSERT_THAT(result->reader->ReadNext(&batch), IsOk());
    EXPECT_EQ(batch, nullptr);
  }
}

}  // namespace
}  // namespace millpond::query
