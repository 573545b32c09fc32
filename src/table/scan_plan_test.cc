// Pruning by bounds, where types of column and literal differ; and metadata files' names.
#include "table/scan_plan.h"

#include "base/error_matchers.h"
#include "table/pond_testing.h"

namespace millpond::table {
namespace {

using base::IsOk;

const TableName kTable{"shop", "items"};
constexpr int64_t kTwo53 = int64_t{1} << 53;

class ScanPlanTest : public ::testing::Test {
 protected:
  /// One file per list of values.
  void Fill(const std::vector<std::vector<int64_t>>& files) {
    ASSERT_THAT(pond_.Create(kTable, {}), IsOk());
    for (const auto& values : files) ASSERT_THAT(pond_.Append(kTable, values), IsOk());
  }
  /// Which files are read for `value op literal`, by the order they were written in.
  template <class T>
  std::vector<int64_t> Kept(Comparison op, T literal) {
    const auto version = pond_.history().At(kTable, "").ValueOrDie();
    ManifestCache manifests(pond_.store().get(), 0);
    const auto plan =
        PlanScan(manifests, version, {{"value", op, arrow::MakeScalar(literal)}}).ValueOrDie();
    std::vector<int64_t> rows;
    for (const ScanFile& file : plan.files) rows.push_back(file.file.record_count);
    return rows;
  }

  PondForTest pond_;
};

using Rows = std::vector<int64_t>;

TEST_F(ScanPlanTest, IntegersPast2To53AgainstDoubles) {
  // The number of rows names a file: 1 holds 2^53 - 1, 2 2^53, 3 2^53 + 1, 4 2^53 + 2.
  Fill({{kTwo53 - 1},
        {kTwo53, kTwo53},
        {kTwo53 + 1, kTwo53 + 1, kTwo53 + 1},
        {kTwo53 + 2, kTwo53 + 2, kTwo53 + 2, kTwo53 + 2}});
  const double literal = 9007199254740992.0;
  // 2^53 + 1 equals the literal once it is rounded and exceeds it where it is not: no comparison
  // may leave its file out.
  EXPECT_EQ(Kept(Comparison::kEqual, literal), (Rows{2, 3}));
  EXPECT_EQ(Kept(Comparison::kNotEqual, literal), (Rows{1, 3, 4}));
  EXPECT_EQ(Kept(Comparison::kGreater, literal), (Rows{3, 4}));
  EXPECT_EQ(Kept(Comparison::kGreaterEqual, literal), (Rows{2, 3, 4}));
  EXPECT_EQ(Kept(Comparison::kLess, literal), (Rows{1, 3}));
  EXPECT_EQ(Kept(Comparison::kLessEqual, literal), (Rows{1, 2, 3}));
}

TEST_F(ScanPlanTest, IntegersAgainstFractions) {
  Fill({{1}, {2, 2}, {3, 3, 3}});
  EXPECT_EQ(Kept(Comparison::kEqual, 2.5), Rows{});
  EXPECT_EQ(Kept(Comparison::kEqual, 2.0), Rows{2});
  EXPECT_EQ(Kept(Comparison::kGreater, 1.5), (Rows{2, 3}));
  EXPECT_EQ(Kept(Comparison::kLess, 2.0F), Rows{1});
}

TEST_F(ScanPlanTest, LargeIdsAreStillPruned) {
  // Snapshot-like ids: near in relation to their size, far apart in number.
  constexpr int64_t kBase = int64_t{1} << 62;
  Fill({{kBase}, {kBase + 5000, kBase + 5000}});
  EXPECT_EQ(Kept(Comparison::kEqual, static_cast<double>(kBase)), Rows{1});
  EXPECT_EQ(Kept(Comparison::kEqual, kBase + 5000), Rows{2});
  EXPECT_EQ(Kept(Comparison::kGreater, static_cast<double>(kBase) + 1024), Rows{2});
}

TEST_F(ScanPlanTest, MetadataIsCompressedUnlessTheTableSaysOtherwise) {
  const auto suffixes = [&](const TableName& name) {
    const std::string location = pond_.catalog()->Load(name).ValueOrDie().metadata_location;
    return location.substr(location.find('.', location.rfind('/')));
  };
  ASSERT_THAT(pond_.Create(kTable, {1}), IsOk());
  EXPECT_EQ(suffixes(kTable), ".gz.metadata.json");
  ASSERT_THAT(pond_.Append(kTable, {2}), IsOk());
  EXPECT_EQ(suffixes(kTable), ".gz.metadata.json");
  EXPECT_EQ(pond_.Reopen({})->Load(kTable).ValueOrDie().metadata->properties.at(
                "write.metadata.compression-codec"),
            "gzip");
  // The property of the table counts, whoever set it.
  PendingCommit commit(pond_.catalog(), PondForTest::Info("create"));
  const TableName plain{"shop", "plain"};
  ASSERT_THAT(commit.Create(plain, PondForTest::Columns(), {},
                            {{"write.metadata.compression-codec", "none"}}),
              IsOk());
  ASSERT_THAT(commit.Land({}), IsOk());
  EXPECT_EQ(suffixes(plain), ".metadata.json");
  ASSERT_THAT(pond_.Append(plain, {3}), IsOk());
  EXPECT_EQ(suffixes(plain), ".metadata.json");
}

}  // namespace
}  // namespace millpond::table
