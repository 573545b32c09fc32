// Units of base/config.h: the order of strength, origins, and refusals.
#include "base/config.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "base/error_matchers.h"
#include "base/random_id.h"

namespace millpond::base {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class ConfigTest : public ::testing::Test {
 protected:
  ConfigTest() : path_(std::filesystem::temp_directory_path() / ("config-" + NewUuid())) {}
  ~ConfigTest() override { std::filesystem::remove(path_); }
  std::string Write(std::string_view text) {
    std::ofstream(path_, std::ios::binary) << text;
    return path_.string();
  }
  std::filesystem::path path_;
};

TEST_F(ConfigTest, SettingsAreSortedAndTheirDefaultsAreValid) {
  EXPECT_TRUE(std::is_sorted(Settings().begin(), Settings().end(),
                             [](auto& a, auto& b) { return a.name < b.name; }));
  Config config = Config::Load("", {}, {}).ValueOrDie();
  EXPECT_EQ(config.GetInteger("memory_limit"), 512LL << 20);
  EXPECT_EQ(config.GetInteger("threads"), 0);
  EXPECT_EQ(config.GetString("log.level"), "warning");
  EXPECT_EQ(config.All().size(), Settings().size());
  EXPECT_EQ(config.All()[0].origin, "default");
}

TEST_F(ConfigTest, FlagsBeatEnvironmentBeatsFileBeatsDefault) {
  std::string path = Write("threads = 1\nmemory_limit = '1GB'\n[log]\nlevel = 'info'\n");
  auto origin = [](const Config& config, std::string_view name) {
    for (const SettingValue& value : config.All()) {
      if (value.info->name == name) return value.origin;
    }
    return std::string();
  };
  Config config = Config::Load(path, {{"MILLPOND_THREADS", "2"}, {"MILLPOND_LOG_LEVEL", "error"}},
                               {{"threads", "3"}})
                      .ValueOrDie();
  EXPECT_EQ(config.GetInteger("threads"), 3);
  EXPECT_EQ(origin(config, "threads"), "--threads");
  EXPECT_EQ(config.GetString("log.level"), "error");
  EXPECT_EQ(origin(config, "log.level"), "MILLPOND_LOG_LEVEL");
  EXPECT_EQ(config.GetInteger("memory_limit"), 1'000'000'000);
  EXPECT_EQ(origin(config, "memory_limit"), path + ":2");
  EXPECT_EQ(origin(config, "log.format"), "default");
}

TEST_F(ConfigTest, DottedKeysAndThePondTableAreUnderstood) {
  std::string path =
      Write("log.format = 'json'\nmemory_limit = 4096\n[pond]\nid = 'x'\nformat = 1\n");
  Config config = Config::Load(path, {}, {}).ValueOrDie();
  EXPECT_EQ(config.GetString("log.format"), "json");
  EXPECT_EQ(config.GetInteger("memory_limit"), 4096);
}

TEST_F(ConfigTest, RefusesUnknownNamesWithTheNearest) {
  std::string path = Write("\nmemory_limt = 1\n");
  EXPECT_THAT(
      Config::Load(path, {}, {}).status(),
      IsError(ErrorKind::kInvalid, AllOf(HasSubstr(path + ":2"), HasSubstr("'memory_limit'"))));
  EXPECT_THAT(Config::Load("", {}, {{"treads", "1"}}).status(),
              IsError(ErrorKind::kInvalid, HasSubstr("--treads")));
  EXPECT_THAT(Config::Load("", {{"MILLPOND_LOG_LEVL", "info"}}, {}).status(),
              IsError(ErrorKind::kInvalid, HasSubstr("MILLPOND_LOG_LEVEL")));
  EXPECT_THAT(
      Config::Load("", {{"MILLPOND_SHARED_DATA", "/x"}, {"MILLPOND_THREADS", ""}}, {}).status(),
      IsOk());
}

TEST_F(ConfigTest, RefusesBadValuesNamingTheirOrigin) {
  EXPECT_THAT(
      Config::Load("", {{"MILLPOND_THREADS", "many"}}, {}).status(),
      IsError(ErrorKind::kInvalid, AllOf(HasSubstr("MILLPOND_THREADS"), HasSubstr("'many'"))));
  for (auto [name, value] :
       std::vector<std::pair<std::string, std::string>>{{"threads", "-1"},
                                                        {"memory_limit", "lots"},
                                                        {"log.level", "loud"},
                                                        {"log.format", "xml"},
                                                        {"table.compression", "rar"},
                                                        {"ledger.busy_ms", "1.5"},
                                                        {"author", "\xff"},
                                                        {"table.row_group_rows", "0"}}) {
    EXPECT_THAT(Config::Load("", {}, {{name, value}}).status(), IsError(ErrorKind::kInvalid))
        << name;
  }
}

TEST_F(ConfigTest, RefusesBrokenFiles) {
  EXPECT_THAT(Config::Load("/nowhere/millpond.toml", {}, {}).status(),
              IsError(ErrorKind::kNotFound, HasSubstr("/nowhere/millpond.toml")));
  std::string path = Write("a = [\n");
  EXPECT_THAT(Config::Load(path, {}, {}).status(), IsError(ErrorKind::kInvalid, HasSubstr(path)));
  Write("threads = 1.5\n");
  EXPECT_THAT(Config::Load(path, {}, {}).status(),
              IsError(ErrorKind::kInvalid, HasSubstr("threads")));
  EXPECT_FALSE(Config::Load(std::filesystem::temp_directory_path().string(), {}, {}).ok());
}

TEST(BytesTest, ParsesDecimalAndBinaryUnits) {
  EXPECT_EQ(ParseBytes("4096").ValueOrDie(), 4096);
  EXPECT_EQ(ParseBytes("512MB").ValueOrDie(), 512'000'000);
  EXPECT_EQ(ParseBytes("1GiB").ValueOrDie(), 1LL << 30);
  EXPECT_EQ(ParseBytes(" 1.5 GiB ").ValueOrDie(), 3LL << 29);
  EXPECT_EQ(ParseBytes("0").ValueOrDie(), 0);
  EXPECT_EQ(ParseBytes("10b").ValueOrDie(), 10);
  EXPECT_EQ(ParseBytes("9223372036854775807").ValueOrDie(), INT64_MAX);
  for (const char* text : {"", "GiB", "-1", "1.5", "1 XB", "1..5GB", "9223372036854775808",
                           "99999999PiB", "1e3", "0x10", "1M", "nan", "inf GB"}) {
    EXPECT_THAT(ParseBytes(text), IsError(ErrorKind::kInvalid)) << text;
  }
}

TEST(BytesTest, FormatsForPeople) {
  EXPECT_EQ(FormatBytes(0), "0 B");
  EXPECT_EQ(FormatBytes(1023), "1023 B");
  EXPECT_EQ(FormatBytes(1536), "1.5 KiB");
  EXPECT_EQ(FormatBytes((1 << 20) - 1), "1.0 MiB");
  EXPECT_EQ(FormatBytes(20LL << 30), "20.0 GiB");
  EXPECT_EQ(FormatBytes(INT64_MAX), "8.0 EiB");
}

TEST_F(ConfigTest, PasswordsAreRefusedWhereOthersSeeThemAndNeverShown) {
  const std::string url = "postgresql://me:hunter2@host/db";
  EXPECT_THAT(
      Config::Load("", {}, {{"ledger.url", url}}),
      IsError(ErrorKind::kInvalid, AllOf(HasSubstr("PGPASSWORD"), Not(HasSubstr("hunter2")))));
  auto config = Config::Load("", {{"MILLPOND_LEDGER_URL", url}}, {}).ValueOrDie();
  EXPECT_EQ(config.GetString("ledger.url"), url);
  for (const auto& value : config.All()) EXPECT_THAT(value.value, Not(HasSubstr("hunter2")));
  EXPECT_THAT(
      Config::Load("", {{"MILLPOND_LEDGER_URL", "mysql://me:hunter2@h/db"}}, {}),
      IsError(ErrorKind::kInvalid, AllOf(HasSubstr("postgresql://"), Not(HasSubstr("hunter2")))));
}

TEST_F(ConfigTest, ChangesOneSettingOfAFile) {
  EXPECT_EQ(WithSetting("", "ledger.url", "a"), "[ledger]\nurl = \"a\"\n");
  EXPECT_EQ(WithSetting("# c\n", "threads", "2"), "threads = \"2\"\n# c\n");
  EXPECT_EQ(WithSetting("# c\n[log]\nlevel = \"x\"\n", "ledger.url", "a\"b"),
            "# c\n[log]\nlevel = \"x\"\n[ledger]\nurl = \"a\\\"b\"\n");
  const std::string file = "author = \"url\"\n[ledger]  # why\nbusy_ms = 1\n[log]\nurl = 1\n";
  const std::string set = WithSetting(file, "ledger.url", "a");
  EXPECT_EQ(set, "author = \"url\"\n[ledger]  # why\nurl = \"a\"\nbusy_ms = 1\n[log]\nurl = 1\n");
  EXPECT_THAT(WithSetting(set, "ledger.url", "b"), HasSubstr("\nurl = \"b\"\nbusy_ms"));
  EXPECT_EQ(WithSetting(set, "ledger.url", ""), file);
  EXPECT_EQ(WithSetting("ledger.url = 'a'\n", "ledger.url", "b"), "ledger.url = \"b\"\n");
}

}  // namespace
}  // namespace millpond::base
