// Which way a file can be read, by its columns alone.
#include "query/file_layout.h"

#include <arrow/api.h>
#include <arrow/util/key_value_metadata.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error_matchers.h"
#include "table/schema.h"

namespace millpond::query {
namespace {

using base::ErrorKind;
using base::IsError;
using base::IsOk;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::shared_ptr<arrow::Field> Column(const std::string& name, int32_t id,
                                     const std::shared_ptr<arrow::DataType>& type = arrow::int64(),
                                     const std::string& iceberg_type = "") {
  std::vector<std::string> keys{table::kFieldIdKey};
  std::vector<std::string> values{std::to_string(id)};
  if (!iceberg_type.empty()) {
    keys.emplace_back(table::kIcebergTypeKey);
    values.push_back(iceberg_type);
  }
  return arrow::field(name, type, true, arrow::key_value_metadata(keys, values));
}

FileLayout Compare(const arrow::FieldVector& stored, const arrow::FieldVector& wanted,
                   bool has_ids = true) {
  table::FileColumns columns;
  columns.schema = arrow::schema(stored);
  columns.has_ids = has_ids;
  return CompareColumns(columns, wanted);
}

bool ByName(const arrow::FieldVector& stored, const arrow::FieldVector& wanted) {
  return Compare(stored, wanted).by_name;
}
bool ByName(const std::shared_ptr<arrow::DataType>& then,
            const std::shared_ptr<arrow::DataType>& now) {
  return ByName({Column("a", 1, then)}, {Column("a", 1, now)});
}

TEST(FileLayout, ColumnsAreFoundByIdWhateverTheirNames) {
  const auto renamed = Compare({Column("old", 1), Column("a", 2)}, {Column("a", 1)});
  EXPECT_TRUE(renamed.by_name);
  EXPECT_TRUE(renamed.by_id);
  EXPECT_THAT(renamed.missing, IsEmpty());
  const auto added_anew = Compare({Column("a", 1)}, {Column("a", 2), Column("b", 3)});
  EXPECT_THAT(added_anew.missing, ElementsAre(2, 3));
}

TEST(FileLayout, OnlyIdsThatTheFileStatesAreReadById) {
  const auto mapped = Compare({Column("a", 1)}, {Column("a", 1)}, /*has_ids=*/false);
  EXPECT_FALSE(mapped.by_id);
}

TEST(FileLayout, NamesThatDuckDbConfusesAreNoNames) {
  EXPECT_FALSE(ByName({Column("A", 1), Column("a", 2)}, {Column("a", 2)}));
  EXPECT_FALSE(ByName({Column("a", 1), Column("File_Row_Number", 2)}, {Column("a", 1)}));
  EXPECT_FALSE(ByName({Column("a", 1), Column("file_index", 2)}, {Column("a", 1)}));
  EXPECT_TRUE(ByName({Column("filename", 1), Column("b", 2)}, {Column("filename", 1)}));

  EXPECT_THAT(CheckNamesAreClear({Column("a", 1), Column("b", 2)}, "f"), IsOk());
  const auto clash = CheckNamesAreClear({Column("Size", 1), Column("b", 2), Column("size", 3)},
                                        "file:///pond/part.parquet");
  EXPECT_THAT(clash, IsError(ErrorKind::kInvalid));
  EXPECT_THAT(clash.message(), HasSubstr("part.parquet"));
  EXPECT_THAT(clash.message(), HasSubstr("Size and size"));
  EXPECT_THAT(CheckNamesAreClear({Column("FILE_INDEX", 1)}, "f").message(),
              HasSubstr("FILE_INDEX"));
}

TEST(FileLayout, WidenedNumbersAreCast) {
  EXPECT_TRUE(ByName(arrow::int32(), arrow::int64()));
  EXPECT_TRUE(ByName(arrow::float32(), arrow::float64()));
  EXPECT_TRUE(ByName(arrow::decimal128(9, 2), arrow::decimal128(12, 2)));
  EXPECT_FALSE(ByName(arrow::decimal128(9, 3), arrow::decimal128(12, 2)));
  EXPECT_FALSE(ByName(arrow::decimal128(12, 2), arrow::decimal128(9, 2)));
  EXPECT_FALSE(ByName(arrow::int64(), arrow::int32()));
  EXPECT_FALSE(ByName(arrow::uint32(), arrow::int64()));
  EXPECT_FALSE(ByName(arrow::int32(), arrow::float64()));
}

TEST(FileLayout, OtherTypesMustBeTheSame) {
  const auto micros = arrow::timestamp(arrow::TimeUnit::MICRO);
  EXPECT_TRUE(ByName(micros, micros));
  EXPECT_FALSE(ByName(arrow::timestamp(arrow::TimeUnit::NANO), micros));
  EXPECT_FALSE(ByName(arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"), micros));
  EXPECT_FALSE(ByName(arrow::date32(), micros));
  EXPECT_FALSE(ByName({Column("a", 1, arrow::fixed_size_binary(16))},
                      {Column("a", 1, arrow::utf8(), "uuid")}));
  // Text that a file has as bytes is decoded column by column, never by id.
  const auto bytes = Compare({Column("a", 1, arrow::binary())}, {Column("a", 1, arrow::utf8())});
  EXPECT_FALSE(bytes.by_name);
  EXPECT_FALSE(bytes.by_id);
}

TEST(FileLayout, InsideOfColumnsIdsAndNamesMustBeTheSame) {
  const auto nested = [](const std::string& name, int32_t id) {
    return arrow::struct_({Column(name, id), Column("other", 9)});
  };
  EXPECT_TRUE(ByName(nested("x", 2), nested("x", 2)));
  EXPECT_FALSE(ByName(nested("x", 2), nested("x", 3)));
  const auto renamed = Compare({Column("s", 1, nested("x", 2))}, {Column("s", 1, nested("y", 2))});
  EXPECT_FALSE(renamed.by_name);
  EXPECT_FALSE(renamed.by_id);
}

}  // namespace
}  // namespace millpond::query
