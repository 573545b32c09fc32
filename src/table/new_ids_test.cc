// sample_id stays unique, whatever rows bring along.
#include "table/new_ids.h"

#include "base/error_matchers.h"
#include "table/pond_testing.h"

namespace millpond::table {
namespace {

using base::ErrorKind;
using base::IsError;
using base::IsOk;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;
using Ids = std::vector<int64_t>;

const TableName kOrders{"shop", "orders"};

class NewIdsTest : public ::testing::Test {
 protected:
  static std::shared_ptr<arrow::RecordBatch> Rows(const Ids& ids) {
    arrow::Int64Builder builder;
    EXPECT_TRUE(builder.AppendValues(ids).ok());
    return arrow::RecordBatch::Make(arrow::schema({arrow::field("sample_id", arrow::int64())}),
                                    static_cast<int64_t>(ids.size()),
                                    {builder.Finish().ValueOrDie()});
  }

  Status Append(const Ids& ids, const std::string& branch = kMainBranch) {
    CommitInfo info = PondForTest::Info("append");
    info.branch = branch;
    PendingCommit commit(pond_.catalog(), std::move(info));
    ARROW_RETURN_NOT_OK(commit.Append(kOrders, pond_.Write(commit, kOrders, *Rows(ids))));
    return commit.Land({}).status();
  }

  Ids There() { return pond_.Values(kOrders, "", "sample_id").ValueOrDie(); }

  PondForTest pond_;
};

TEST_F(NewIdsTest, NumbersThatNoRowHasAreTaken) {
  ASSERT_THAT(pond_.Create(kOrders, {}), IsOk());
  EXPECT_THAT(Append({10, 20, 30}), IsOk());
  // In a gap, out of order, and before all others.
  EXPECT_THAT(Append({25, 15}), IsOk());
  EXPECT_THAT(Append({1, 2}), IsOk());
  ASSERT_THAT(pond_.Append(kOrders, {7}), IsOk());
  EXPECT_THAT(There(), UnorderedElementsAre(10, 20, 30, 25, 15, 1, 2, 31));
}

TEST_F(NewIdsTest, ANumberThatARowHasIsRefused) {
  ASSERT_THAT(pond_.Create(kOrders, {7, 8, 9}), IsOk());
  const auto before = pond_.Blobs();
  EXPECT_THAT(Append({2}), IsError(ErrorKind::kInvalid, HasSubstr("sample_id 2 is in the table")));
  EXPECT_THAT(Append({90, 80, 1}), IsError(ErrorKind::kInvalid, HasSubstr("sample_id 1")));
  EXPECT_EQ(pond_.Blobs(), before);
}

TEST_F(NewIdsTest, ANumberGivenTwiceIsRefused) {
  ASSERT_THAT(pond_.Create(kOrders, {}), IsOk());
  EXPECT_THAT(Append({5, 6, 5}), IsError(ErrorKind::kInvalid, HasSubstr("sample_id 5 is given")));
  EXPECT_THAT(Append({5, 5}), IsError(ErrorKind::kInvalid, HasSubstr("sample_id 5 is given")));
  // Between a numbered row and one that brings that number.
  PendingCommit commit(pond_.catalog(), PondForTest::Info("append"));
  auto writer = TableWriter::Open(pond_.catalog(), kOrders, commit.SchemaOf(kOrders).ValueOrDie())
                    .ValueOrDie();
  for (int i = 0; i < 2; ++i) {
    ASSERT_THAT(writer->Write(i == 0 ? *PondForTest::Batch({1}) : *Rows({0}), {}), IsOk());
  }
  ASSERT_THAT(commit.Append(kOrders, writer->Finish().ValueOrDie()), IsOk());
  // The numbered row took the first number that was free then.
  EXPECT_THAT(commit.Land({}), IsOk());
  EXPECT_EQ(There().size(), 2U);
  EXPECT_NE(There()[0], There()[1]);
}

TEST_F(NewIdsTest, OfTwoAtOnceOneIsRefused) {
  ASSERT_THAT(pond_.Create(kOrders, {}), IsOk());
  PendingCommit first(pond_.catalog(), PondForTest::Info("append"));
  PendingCommit second(pond_.catalog(), PondForTest::Info("append"));
  ASSERT_THAT(first.Append(kOrders, pond_.Write(first, kOrders, *Rows({3, 4}))), IsOk());
  ASSERT_THAT(second.Append(kOrders, pond_.Write(second, kOrders, *Rows({4, 5}))), IsOk());
  ASSERT_THAT(first.Land({}), IsOk());
  EXPECT_THAT(second.Land({}), IsError(ErrorKind::kInvalid, HasSubstr("sample_id 4")));
}

TEST_F(NewIdsTest, AnOverwriteMayKeepNumbersButNotRepeatThem) {
  ASSERT_THAT(pond_.Create(kOrders, {7, 8, 9}), IsOk());
  auto overwrite = [&](const Ids& ids) {
    PendingCommit commit(pond_.catalog(), PondForTest::Info("overwrite"));
    auto files = pond_.Write(commit, kOrders, *Rows(ids));
    const auto base = commit.Existing(kOrders).ValueOrDie().metadata->current_snapshot_id;
    EXPECT_THAT(commit.Overwrite(kOrders, std::move(files), base), IsOk());
    return commit.Land({});
  };
  EXPECT_THAT(overwrite({2, 0, 2}), IsError(ErrorKind::kInvalid, HasSubstr("sample_id 2")));
  EXPECT_THAT(overwrite({2, 0}), IsOk());
  EXPECT_THAT(There(), UnorderedElementsAre(2, 0));
}

TEST_F(NewIdsTest, WhereOtherColumnsNameTheRowsTheNumberMayRepeat) {
  const auto columns = arrow::schema({arrow::field("sample_id", arrow::int64(), false),
                                      arrow::field("who", arrow::utf8(), false)});
  PendingCommit commit(pond_.catalog(), PondForTest::Info("create"));
  ASSERT_THAT(commit.Create(kOrders, columns, {"sample_id", "who"}), IsOk());
  arrow::Int64Builder ids;
  arrow::StringBuilder who;
  ASSERT_TRUE(ids.AppendValues({1, 1}).ok() && who.AppendValues({"ana", "ben"}).ok());
  const auto rows =
      arrow::RecordBatch::Make(columns, 2, {ids.Finish().ValueOrDie(), who.Finish().ValueOrDie()});
  ASSERT_THAT(commit.Append(kOrders, pond_.Write(commit, kOrders, *rows)), IsOk());
  EXPECT_THAT(commit.Land({}), IsOk());
}

}  // namespace
}  // namespace millpond::table
