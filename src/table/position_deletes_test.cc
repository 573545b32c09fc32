// Position-delete files: what we write comes back, only for the files that are asked for; what is
// none is refused.
#include "table/position_deletes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <parquet/arrow/writer.h>

#include "table/pond_testing.h"

namespace millpond::table {
namespace {

using base::ErrorKind;
using base::KindOf;

const std::string kA = "file:///t/data/a.parquet";
const std::string kB = "file:///t/data/b.parquet";

TEST(PositionDeletes, ComeBackForTheFilesThatAreWanted) {
  const PondForTest pond;
  const std::string uri = pond.store()->UriOf("t/data/d.parquet");
  RowPositions many;
  many.AddRange(1'000'000, 1'200'000);
  many.Add(5);
  const DataFile file =
      WritePositionDeletes(*pond.store(), uri, {{kA, RowPositions({0, 7})}, {kB, many}})
          .ValueOrDie();
  EXPECT_EQ(file.record_count, 200'003);
  EXPECT_EQ(file.size, pond.store()->Stat("t/data/d.parquet")->size);
  EXPECT_EQ(file.lower_bounds.at(kDeletePathId), kA);
  EXPECT_EQ(file.upper_bounds.at(kDeletePathId), kB);
  EXPECT_FALSE(file.referenced_data_file.has_value());
  auto all = ReadPositionDeletes(*pond.store(), file, {kA, kB, "file:///c"}).ValueOrDie();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[kA], RowPositions({0, 7}));
  EXPECT_EQ(all[kB], many);
  auto one = ReadPositionDeletes(*pond.store(), file, {kA}).ValueOrDie();
  ASSERT_EQ(one.size(), 1u);
  EXPECT_TRUE(ReadPositionDeletes(*pond.store(), file, {"file:///z"}).ValueOrDie().empty());
}

TEST(PositionDeletes, OfOneFileNameIt) {
  const PondForTest pond;
  const DataFile file = WritePositionDeletes(*pond.store(), pond.store()->UriOf("t/d.parquet"),
                                             {{kA, RowPositions({3})}})
                            .ValueOrDie();
  EXPECT_EQ(file.referenced_data_file, kA);
  EXPECT_EQ(file.lower_bounds, file.upper_bounds);
  EXPECT_EQ(file.lower_bounds.at(kDeletePositionId), std::string("\3\0\0\0\0\0\0\0", 8));
}

DataFile Put(const PondForTest& pond, const std::string& bytes) {
  DataFile file;
  file.uri = pond.store()->UriOf("t/bad.parquet");
  EXPECT_TRUE(store::WriteBlob(*pond.store(), "t/bad.parquet", bytes).ok());
  return file;
}

TEST(PositionDeletes, WhatIsNoneIsRefused) {
  const PondForTest pond;
  DataFile file = Put(pond, "this is no Parquet file at all");
  EXPECT_FALSE(ReadPositionDeletes(*pond.store(), file, {kA}).ok());
  file.format = "ORC";
  EXPECT_EQ(KindOf(ReadPositionDeletes(*pond.store(), file, {kA}).status()), ErrorKind::kInvalid);
  ASSERT_TRUE(pond.Create({"main", "rows"}, {1, 2}).ok());
  const auto version = pond.history().At({"main", "rows"}, "").ValueOrDie();
  ManifestCache manifests(pond.store().get(), 0);
  const auto plan = PlanScan(manifests, version, {}).ValueOrDie();
  const auto rows = ReadPositionDeletes(*pond.store(), plan.files[0].file, {kA});
  EXPECT_EQ(KindOf(rows.status()), ErrorKind::kCorrupt);
  EXPECT_THAT(rows.status().message(), ::testing::HasSubstr("file_path"));
}

}  // namespace
}  // namespace millpond::table
