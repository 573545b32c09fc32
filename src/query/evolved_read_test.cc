// Tables whose columns changed after files were written: what is read, and in which way. Each case
// is one where reading by the wrong name would give wrong values.
#include <arrow/api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error_matchers.h"
#include "query/file_relation.h"
#include "query/result_rows.h"
#include "query/scratch_pond_testing.h"

namespace millpond::query {
namespace {

using base::IsOk;
using base::Json;
using table::SchemaStep;
using table::TableMetadata;
using ::testing::HasSubstr;
using ::testing::Not;
using Kind = SchemaStep::Kind;

const table::TableName kTable{"shop", "items"};
constexpr const char* kById = "schema = MAP";

class EvolvedRead : public testing::Test {
 protected:
  void Create(const std::string& sql) { ASSERT_THAT(pond_.Create("shop.items", sql), IsOk()); }
  void Append(const std::string& sql) { ASSERT_THAT(pond_.Append("shop.items", sql), IsOk()); }
  void Alter(const std::vector<SchemaStep>& steps) {
    table::PendingCommit commit(
        pond_.catalog(),
        {.author = "ana", .message = "alter", .operation = "test", .idempotency_key = {}});
    ASSERT_THAT(commit.AlterSchema(kTable, steps), IsOk());
    ASSERT_THAT(commit.Land({}), IsOk());
  }
  Json Rows(const std::string& sql) const { return pond_.Rows(sql); }

  table::TableVersion Version() const {
    return table::History(pond_.catalog()).At(kTable, "").ValueOrDie();
  }
  /// The version with other metadata than the pond has, as another engine may leave it.
  template <class Change>
  table::TableVersion VersionWith(const Change& change) const {
    table::TableVersion version = Version();
    auto metadata = std::make_shared<TableMetadata>(*version.table.metadata);
    change(metadata.get());
    version.table.metadata = std::move(metadata);
    return version;
  }
  table::ScanPlan Plan(const table::TableVersion& version) const {
    table::ManifestCache manifests(pond_.store().get(), 0);
    table::FileColumnsCache columns;
    auto plan = table::PlanScan(manifests, version, {}).ValueOrDie();
    EXPECT_THAT(table::ReadColumns(*pond_.catalog(), version, columns, &plan), IsOk());
    return plan;
  }
  /// The SELECT over the version's files.
  std::string Sql(const table::TableVersion& version,
                  const std::vector<std::string>& hidden = {}) const {
    const table::ScanPlan plan = Plan(version);
    return SelectScan({version, plan, hidden}).ValueOrDie();
  }
  std::string Sql() const { return Sql(Version()); }

  ScratchPond pond_;
};

TEST_F(EvolvedRead, FilesOfOneSchemaAreOneReadByName) {
  Create("SELECT 1 AS a, 'x' AS b");
  Append("SELECT 2 AS a, 'y' AS b");
  EXPECT_THAT(Sql(), Not(HasSubstr(kById)));
  EXPECT_THAT(Sql(), Not(HasSubstr("UNION")));
  EXPECT_EQ(Rows("SELECT a, b FROM shop.items"), Json::parse(R"([[1, "x"], [2, "y"]])"));
}

TEST_F(EvolvedRead, NamesThatPassToOtherColumns) {
  Create("SELECT 1 AS a, 10 AS b");
  Alter({{Kind::kRename, "a", "c", nullptr},
         {Kind::kRename, "b", "a", nullptr},
         {Kind::kRename, "c", "b", nullptr}});
  Append("SELECT 20 AS a, 2 AS b");
  EXPECT_EQ(Rows("SELECT a, b FROM shop.items"), Json::parse("[[10, 1], [20, 2]]"));
  EXPECT_EQ(Rows("SELECT a FROM shop.items WHERE b = 1"), Json::parse("[[10]]"));
  EXPECT_THAT(Sql(), Not(HasSubstr(kById)));  // By the names that each footer has.
}

TEST_F(EvolvedRead, AColumnThatIsAddedAnewHasNoOldValues) {
  Create("SELECT 1 AS a, 10 AS b");
  Alter({{Kind::kDrop, "b", "", nullptr}});
  Append("SELECT 2 AS a");
  EXPECT_EQ(Rows("FROM shop.items SELECT a"), Json::parse("[[1], [2]]"));
  Alter({{Kind::kAdd, "b", "", arrow::int32()}});
  Append("SELECT 3 AS a, 30 AS b");
  EXPECT_EQ(Rows("SELECT a, b FROM shop.items"), Json::parse("[[1, null], [2, null], [3, 30]]"));
  EXPECT_EQ(Rows("SELECT a FROM shop.items WHERE b = 10"), Json::array());
  EXPECT_EQ(Rows("SELECT a FROM shop.items WHERE b IS NULL"), Json::parse("[[1], [2]]"));
}

TEST_F(EvolvedRead, AColumnThatComesBackInOtherLetters) {
  Create("SELECT 1 AS a, 10 AS \"B\"");
  Alter({{Kind::kDrop, "B", "", nullptr}, {Kind::kAdd, "b", "", arrow::int32()}});
  Append("SELECT 2 AS a, 20 AS b");
  EXPECT_EQ(Rows("SELECT a, b FROM shop.items"), Json::parse("[[1, null], [2, 20]]"));
}

TEST_F(EvolvedRead, WidenedNumbers) {
  Create("SELECT 7::INTEGER AS n, 0.5::FLOAT AS f, 1.25::DECIMAL(5, 2) AS d");
  Alter({{Kind::kWiden, "n", "", arrow::int64()},
         {Kind::kWiden, "f", "", arrow::float64()},
         {Kind::kWiden, "d", "", arrow::decimal128(12, 2)}});
  Append("SELECT 5000000000 AS n, 0.25::DOUBLE AS f, 1234567890.25::DECIMAL(12, 2) AS d");
  EXPECT_EQ(Rows("SELECT n, f, d::VARCHAR FROM shop.items"),
            Json::parse(R"([[7, 0.5, "1.25"], [5000000000, 0.25, "1234567890.25"]])"));
  EXPECT_EQ(Rows("SELECT n FROM shop.items WHERE n > 7 OR d = 1.25"),
            Json::parse("[[7], [5000000000]]"));
  EXPECT_THAT(Sql(), Not(HasSubstr(kById)));
}

TEST_F(EvolvedRead, ADroppedColumnInTheWayOfDuckDbsOwnNames) {
  Create("SELECT 5 AS a, 77 AS file_row_number, 88 AS file_index");
  EXPECT_THAT(Sql(), HasSubstr(kById));
  EXPECT_EQ(Rows("SELECT a, file_row_number, file_index, _pos FROM shop.items"),
            Json::parse("[[5, 77, 88, 0]]"));
  Alter({{Kind::kDrop, "file_row_number", "", nullptr}, {Kind::kDrop, "file_index", "", nullptr}});
  Append("SELECT 6 AS a");
  EXPECT_EQ(Rows("SELECT a, _pos FROM shop.items"), Json::parse("[[5, 0], [6, 0]]"));
}

TEST_F(EvolvedRead, DroppedColumnsOfOtherTypesAreLeftAlone) {
  Create("SELECT 1 AS a, 'text' AS b");
  Alter({{Kind::kDrop, "b", "", nullptr}, {Kind::kAdd, "b", "", arrow::int32()}});
  Append("SELECT 2 AS a, 3 AS b");
  Alter({{Kind::kDrop, "b", "", nullptr}});
  Append("SELECT 4 AS a");
  EXPECT_THAT(Sql(), Not(HasSubstr(kById)));
  EXPECT_THAT(Sql(), Not(HasSubstr("UNION")));
  EXPECT_EQ(Rows("SELECT * EXCLUDE sample_id FROM shop.items"), Json::parse("[[1], [2], [4]]"));
}

TEST_F(EvolvedRead, ManyKindsOfFilesAreReadAtOnceById) {
  Create("SELECT 0 AS a");
  std::string columns = "0 AS a";
  for (int i = 1; i < 10; ++i) {
    const std::string name = "c" + std::to_string(i);
    Alter({{Kind::kAdd, name, "", arrow::int32()}});
    columns = std::to_string(i) + " AS a" + columns.substr(columns.find(" AS a") + 5) + ", " +
              std::to_string(i * 10) + " AS " + name;
    Append("SELECT " + columns);
  }
  EXPECT_THAT(Sql(), HasSubstr(kById));
  EXPECT_THAT(Sql(), Not(HasSubstr("UNION")));
  EXPECT_EQ(Rows("SELECT count(*), count(c9), sum(c1), sum(c5) FROM shop.items"),
            Json::parse("[[10, 1, 90, 250]]"));
}

TEST_F(EvolvedRead, NamesThatOneSchemaHadInOtherLetters) {
  // No table of ours has such columns; other engines tell them apart.
  Create("SELECT 1 AS a");
  const auto version = VersionWith([](TableMetadata* metadata) {
    const auto& first = *metadata->schemas[0].arrow;
    const auto clash = first.field(1)->WithName("A");
    metadata->schemas[0].arrow = arrow::schema({clash, first.field(0), first.field(1)});
  });
  EXPECT_THAT(Sql(version), HasSubstr(kById));
}

TEST_F(EvolvedRead, SchemasThatTheMetadataForgot) {
  Create("SELECT 1 AS a, 10 AS b");
  Alter({{Kind::kDrop, "b", "", nullptr}});
  Alter({{Kind::kRename, "a", "b", nullptr}});
  Append("SELECT 2 AS b");
  const auto version = VersionWith([](TableMetadata* metadata) {
    std::erase_if(metadata->schemas, [](const table::Schema& schema) { return schema.id != 2; });
  });
  // Only the footer says that the first file has the column under another name.
  EXPECT_THAT(Sql(version), HasSubstr("CAST(\"a\" AS INTEGER) AS \"b\""));
  EXPECT_EQ(Rows("SELECT b FROM shop.items"), Json::parse("[[1], [2]]"));
}

TEST_F(EvolvedRead, FilesOfOthersAreReadAsTheirFootersSay) {
  Create("SELECT 1 AS a");
  Alter({{Kind::kRename, "a", "b", nullptr}});
  const auto version = VersionWith([](TableMetadata* metadata) {
    for (table::Snapshot& snapshot : metadata->snapshots) snapshot.summary.clear();
    // As if it had always been called so.
    for (table::Schema& schema : metadata->schemas) schema.arrow = metadata->schemas.back().arrow;
  });
  EXPECT_TRUE(Plan(version).files[0].is_foreign);
  EXPECT_THAT(Sql(version), HasSubstr("CAST(\"a\" AS INTEGER) AS \"b\""));
}

TEST_F(EvolvedRead, WhatFilesHaveBesidesTheirColumnsIsReadById) {
  Create("SELECT 1 AS a");
  EXPECT_THAT(Sql(Version(), {"_file", "_pos"}), Not(HasSubstr(kById)));
  EXPECT_THAT(Sql(Version(), {"_row_id"}), HasSubstr(kById));
  EXPECT_THAT(Sql(Version(), {"_last_updated_sequence_number"}), HasSubstr(kById));
  const auto version = Version();
  table::ScanPlan plan = Plan(version);
  plan.deletes.resize(1);
  plan.deletes[0].is_equality = true;
  plan.deletes[0].file.equality_ids = {2};
  plan.files[0].equality_deletes = {0};
  const auto sql = SelectScan({version, plan, {}}).ValueOrDie();
  EXPECT_THAT(sql, HasSubstr("{1: {name: 'sample_id'"));
}

}  // namespace
}  // namespace millpond::query
