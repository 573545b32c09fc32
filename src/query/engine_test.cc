// What every connection of an engine has, whichever connection set it.
#include "query/engine.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <iterator>

#include "base/temporary_folder.h"

namespace millpond::query {
namespace {

std::string SettingOf(Connection& connection, const std::string& name) {
  return connection.QueryText("SELECT current_setting('" + name + "')::VARCHAR", {}).ValueOrDie();
}

TEST(Engine, SettingsHoldForEveryConnection) {
  const auto engine = Engine::Open({}).ValueOrDie();
  for (int i = 0; i < 2; ++i) {
    const auto connection = engine->Connect().ValueOrDie();
    EXPECT_EQ(SettingOf(*connection, "TimeZone"), "UTC");
    EXPECT_EQ(SettingOf(*connection, "parquet_metadata_cache"), "true");
    EXPECT_EQ(SettingOf(*connection, "enable_external_access"), "false");
    EXPECT_EQ(SettingOf(*connection, "lock_configuration"), "true");
  }
}

base::ErrorKind KindOfReport(const std::string& message) {
  const base::Json report = {{"exception_type", "IO"}, {"exception_message", message}};
  return ReadEngineError(report.dump().c_str()).kind;
}

TEST(Engine, OnlyFilesOfTablesAreReportedAsDamaged) {
  EXPECT_EQ(
      KindOfReport("Cannot open file \"/p/truth/t/data/a.parquet\": No such file or directory"),
      base::ErrorKind::kCorrupt);
  EXPECT_EQ(
      KindOfReport("Cannot open file \"/p/derived/tmp/query-1/duckdb_temp_storage_DEFAULT-0.tmp\": "
                   "No such file or directory"),
      base::ErrorKind::kUnavailable);
}

TEST(Engine, KeepsItsTemporaryFolderToItself) {
  const base::TemporaryFolder folder("millpond-engine");
  const auto count = [&] {
    return std::distance(std::filesystem::directory_iterator(folder / "tmp"), {});
  };
  auto engine = Engine::Open({folder.path() + "/", folder / "tmp"}).ValueOrDie();
  auto other = Engine::Open({folder.path() + "/", folder / "tmp"}).ValueOrDie();
  EXPECT_EQ(count(), 2);
  engine.reset();
  other.reset();
  EXPECT_EQ(count(), 0);
}

}  // namespace
}  // namespace millpond::query
