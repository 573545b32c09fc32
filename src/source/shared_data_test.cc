// Real data: public tables, dirty tables, photographs and the Parquet project's test files. Skipped
// where the data is absent.
#include <gtest/gtest.h>

#include "source/source_testing.h"

namespace millpond::source {
namespace {

using base::ErrorKind;
using base::IsOk;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// "" where there is none.
std::string SharedData() {
  if (const char* given = std::getenv("MILLPOND_SHARED_DATA")) return given;
  for (std::filesystem::path at = std::filesystem::path(__FILE__).parent_path();
       at.has_relative_path(); at = at.parent_path())
    if (std::filesystem::exists(at / "shared" / "data" / "dirty"))
      return (at / "shared" / "data").string();
  return "";
}

class SharedDataTest : public ::testing::Test {
 protected:
  void SetUp() override {
    root_ = SharedData();
    if (root_.empty()) GTEST_SKIP() << "no shared data: set MILLPOND_SHARED_DATA";
  }
  Everything Read(const std::string& path, const SourceOptions& options = {}) {
    return ReadAll(root_ + "/" + path, options);
  }
  std::string root_;
};

TEST_F(SharedDataTest, DirtyTablesKeepTheirCells) {
  for (const char* name : {"hospital", "flights", "beers"}) {
    const auto dirty = Read(std::string("dirty/") + name + "/dirty.csv");
    const auto clean = Read(std::string("dirty/") + name + "/clean.csv");
    ASSERT_THAT(dirty.status, IsOk()) << name;
    ASSERT_THAT(clean.status, IsOk()) << name;
    EXPECT_EQ(dirty.table->num_rows(), clean.table->num_rows()) << name;
    EXPECT_EQ(dirty.names(), clean.names()) << name;
    EXPECT_THAT(dirty.rejects, IsEmpty()) << name;
  }
}

TEST_F(SharedDataTest, TablesWithoutAHeader) {
  const auto adult = Read("tabular/adult-train.csv");
  ASSERT_THAT(adult.status, IsOk());
  EXPECT_EQ(adult.table->num_columns(), 15);
  EXPECT_EQ(adult.table->num_rows(), 32561);
  EXPECT_EQ(adult.types()[0], "int64");
  EXPECT_EQ(adult.Column("column_2")[0], " State-gov");
  const auto pima = Read("tabular/pima-indians-diabetes.csv");
  EXPECT_EQ(pima.table->num_rows(), 768);
  EXPECT_EQ(pima.types()[5], "double");
  const auto horses = Read("tabular/horse-colic.csv");
  ASSERT_THAT(horses.status, IsOk());
  EXPECT_EQ(horses.types()[3], "double");
  EXPECT_THAT(horses.info.report["columns"][3]["why"].get<std::string>(),
              HasSubstr("'?' read as null"));
  SourceOptions tab;
  tab.format = "csv";
  const auto ratings = Read("movielens-100k/u.data", tab);
  ASSERT_THAT(ratings.status, IsOk());
  EXPECT_EQ(ratings.table->num_columns(), 4);
  EXPECT_EQ(ratings.table->num_rows(), 100003);
  const auto films = Read("movielens-100k/u.item", tab);
  ASSERT_THAT(films.status, IsOk()) << films.status.ToString();
  EXPECT_EQ(films.info.report["encoding"], "iso-8859-1");
  EXPECT_EQ(films.table->num_columns(), 24);
  EXPECT_EQ(films.table->num_rows(), 1682);
}

TEST_F(SharedDataTest, TimeSeries) {
  const auto taxi = Read("sensors/nyc_taxi.csv");
  ASSERT_THAT(taxi.status, IsOk());
  EXPECT_THAT(taxi.types(), ElementsAre("timestamp[us]", "int64"));
  EXPECT_EQ(taxi.table->num_rows(), 10320);
  const auto windows = Read("sensors/combined_windows.json");
  ASSERT_THAT(windows.status, IsOk());
  EXPECT_EQ(windows.table->num_rows(), 1);
}

TEST_F(SharedDataTest, Photographs) {
  const auto images = Read("images");
  ASSERT_THAT(images.status, IsOk());
  EXPECT_THAT(images.rejects, IsEmpty());
  EXPECT_EQ(images.table->num_rows(), 250);
  for (const std::string& format : images.Column("format")) EXPECT_EQ(format, "jpeg");
}

TEST_F(SharedDataTest, ParquetFilesAreReadOrRefusedByKind) {
  int read = 0, refused = 0;
  SourceOptions options;
  options.format = "parquet";
  options.format_options = {{"truncate_ns", "true"}, {"time_as", "string"}};
  for (const char* folder : {"parquet/data", "parquet/bad_data"}) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root_ + "/" + folder)) {
      const std::string name = entry.path().filename().string();
      if (!entry.is_regular_file() || name.find(".parquet") == std::string::npos ||
          name.ends_with(".json"))
        continue;
      const auto all = ReadAll(entry.path().string(), options);
      if (all.status.ok()) {
        ++read;
        continue;
      }
      ++refused;
      const ErrorKind kind = base::KindOf(all.status);
      EXPECT_TRUE(kind == ErrorKind::kInvalid || kind == ErrorKind::kCorrupt ||
                  kind == ErrorKind::kExhausted)
          << name << ": " << all.status.ToString();
      EXPECT_THAT(all.status.message(), HasSubstr(name));
    }
  }
  EXPECT_GT(read, 50);
  EXPECT_GT(refused, 5);
}

}  // namespace
}  // namespace millpond::source
