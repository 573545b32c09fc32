// What every connection of an engine has, whichever connection set it.
#include "query/engine.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace millpond::query
