// The list of settings, and how their values are gathered from file, environment and flags. This
// file alone knows toml++.
#include "base/config.h"

#include <arrow/util/logging.h>
#include <toml++/toml.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <memory>

#include "base/log.h"
#include "base/text.h"
#include "base/url.h"

namespace millpond::base {
namespace {

constexpr std::string_view kPrefix = "MILLPOND_";

constexpr std::array<SettingInfo, 14> kSettings = {{
    {"author", SettingType::kString, "",
     "Who commits are by; empty: $USER@hostname at the time of the commit"},
    {"derived.budget", SettingType::kBytes, "20GiB", "Disk space that derived state may take"},
    {"ledger.busy_ms", SettingType::kInteger, "30000",
     "How long to wait for another writer of the ledger, in milliseconds"},
    {"ledger.connections", SettingType::kInteger, "8",
     "Connections to a PostgreSQL ledger that one process may hold"},
    {"ledger.url", SettingType::kString, "",
     "PostgreSQL that holds the ledger (postgresql://user@host/database?schema=pond); empty: "
     "ledger.db in the pond"},
    {"log.format", SettingType::kString, "text", "Log lines as text or json"},
    {"log.level", SettingType::kString, "warning", "debug, info, warning, error or off"},
    {"memory_limit", SettingType::kBytes, "512MiB", "Memory that one operation may hold"},
    {"query.memory_limit", SettingType::kBytes, "0",
     "Memory that SQL may hold before it spills to disk; 0: 60% of the machine's"},
    {"table.compression", SettingType::kString, "zstd",
     "Of new data files: zstd, snappy, gzip, lz4 or none"},
    {"table.metadata_versions_max", SettingType::kInteger, "20",
     "Old metadata files that a table keeps"},
    {"table.row_group_rows", SettingType::kInteger, "122880",
     "Rows per row group of new data files"},
    {"table.target_file_size", SettingType::kBytes, "128MiB", "Size that new data files aim at"},
    {"threads", SettingType::kInteger, "0", "Worker threads; 0: as many as the machine has"},
}};

const SettingInfo* FindSetting(std::string_view name) {
  auto found = std::find_if(kSettings.begin(), kSettings.end(),
                            [&](const SettingInfo& setting) { return setting.name == name; });
  return found == kSettings.end() ? nullptr : &*found;
}

// "log.level" -> "LOG_LEVEL"
std::string EnvironmentSuffix(std::string_view name) {
  std::string suffix(name);
  for (char& c : suffix) c = c == '.' ? '_' : static_cast<char>(std::toupper(c));
  return suffix;
}

Result<int64_t> ParseInteger(std::string_view text) {
  int64_t number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) {
    return Invalid("'{}' is not an integer", text);
  }
  return number;
}

Result<bool> ParseBoolean(std::string_view text) {
  const std::string lowered = ToLower(text);
  if (lowered == "true" || lowered == "1" || lowered == "yes" || lowered == "on") return true;
  if (lowered == "false" || lowered == "0" || lowered == "no" || lowered == "off") return false;
  return Invalid("'{}' is not true or false", text);
}

Status CheckRange(std::string_view text, int64_t low, int64_t high) {
  ARROW_ASSIGN_OR_RAISE(int64_t number, ParseInteger(text));
  if (number >= low && number <= high) return Status::OK();
  return Invalid("{} is out of range; use {} to {}", number, low, high);
}

Status CheckLedgerUrl(std::string_view value) {
  if (value.empty() || value.starts_with("postgresql://") || value.starts_with("postgres://")) {
    return Status::OK();
  }
  return Invalid(
      "'{}' is no PostgreSQL URL; write postgresql://user@host:5432/database, or leave it empty "
      "for "
      "the SQLite file in the pond",
      MaskUrlPassword(value));
}

// Files are copied and command lines are seen by every user of the machine.
Status CheckSecret(const SettingInfo& setting, const std::string& value, std::string_view origin) {
  if (setting.type != SettingType::kString || !HasUrlPassword(value) ||
      origin.starts_with(kPrefix)) {
    return Status::OK();
  }
  return Invalid(
      "the URL holds a password; leave it out and put it into PGPASSWORD, a passfile (~/.pgpass), "
      "or a variable that the URL names with ?password_env=NAME");
}

Status CheckValue(const SettingInfo& setting, const std::string& value) {
  if (!IsValidUtf8(value)) return Invalid("the value is not valid UTF-8");
  if (setting.name == "log.level") return ParseLogLevel(value).status();
  if (setting.name == "log.format") return ParseLogFormat(value).status();
  if (setting.name == "threads") return CheckRange(value, 0, 1024);
  if (setting.name == "ledger.busy_ms") return CheckRange(value, 0, 3'600'000);
  if (setting.name == "ledger.connections") return CheckRange(value, 1, 1000);
  if (setting.name == "ledger.url") return CheckLedgerUrl(value);
  if (setting.name == "table.metadata_versions_max") return CheckRange(value, 1, 100'000);
  if (setting.name == "table.row_group_rows") return CheckRange(value, 1, 1'000'000'000);
  if (setting.name == "table.compression") {
    for (std::string_view known : {"zstd", "snappy", "gzip", "lz4", "none"}) {
      if (value == known) return Status::OK();
    }
    return Invalid("'{}' is not a compression; use zstd, snappy, gzip, lz4 or none", value);
  }
  switch (setting.type) {
    case SettingType::kString:
      return Status::OK();
    case SettingType::kInteger:
      return ParseInteger(value).status();
    case SettingType::kBytes:
      return ParseBytes(value).status();
    case SettingType::kBoolean:
      return ParseBoolean(value).status();
  }
  return Status::OK();
}

std::vector<std::string> SettingNames() {
  std::vector<std::string> names;
  names.reserve(kSettings.size());
  for (const SettingInfo& setting : kSettings) names.emplace_back(setting.name);
  return names;
}

using Values = std::map<std::string, SettingValue, std::less<>>;

Status Set(Values* values, std::string_view name, std::string value, std::string origin) {
  const SettingInfo* setting = FindSetting(name);
  if (setting == nullptr) {
    return Invalid("{}: there is no setting '{}'.{} `millpond config` lists them all", origin, name,
                   DidYouMean(name, SettingNames()));
  }
  ARROW_RETURN_NOT_OK(
      WithContext(fmt::format("{}: setting '{}'", origin, name), CheckValue(*setting, value)));
  ARROW_RETURN_NOT_OK(WithContext(fmt::format("{}: setting '{}'", origin, name),
                                  CheckSecret(*setting, value, origin)));
  values->insert_or_assign(std::string(name),
                           SettingValue{setting, std::move(value), std::move(origin)});
  return Status::OK();
}

Status AddTable(Values* values, const toml::table& table, const std::string& prefix,
                const std::string& path) {
  for (const auto& [key, node] : table) {
    const std::string name =
        prefix.empty() ? std::string(key.str()) : prefix + "." + std::string(key.str());
    const std::string origin = fmt::format("{}:{}", path, key.source().begin.line);
    if (name == "pond") continue;  // The pond's identity, see docs/formats/pond.md.
    if (const toml::table* inner = node.as_table()) {
      ARROW_RETURN_NOT_OK(AddTable(values, *inner, name, path));
    } else if (const auto* text = node.as_string()) {
      ARROW_RETURN_NOT_OK(Set(values, name, text->get(), origin));
    } else if (const auto* number = node.as_integer()) {
      ARROW_RETURN_NOT_OK(Set(values, name, std::to_string(number->get()), origin));
    } else if (const auto* boolean = node.as_boolean()) {
      ARROW_RETURN_NOT_OK(Set(values, name, boolean->get() ? "true" : "false", origin));
    } else {
      return Invalid("{}: '{}' must be text, an integer or true/false", origin, name);
    }
  }
  return Status::OK();
}

Result<std::string> ReadFile(const std::string& path) {
  std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen(path.c_str(), "rb"), &std::fclose);
  if (file == nullptr) return FromErrno(errno, "open the settings file " + path);
  std::string text;
  std::array<char, 4096> chunk;
  while (size_t count = std::fread(chunk.data(), 1, chunk.size(), file.get())) {
    text.append(chunk.data(), count);
  }
  if (std::ferror(file.get()) != 0) return FromErrno(errno, "read the settings file " + path);
  return text;
}

Status AddFile(Values* values, const std::string& path) {
  ARROW_ASSIGN_OR_RAISE(std::string text, ReadFile(path));
  try {
    return AddTable(values, toml::parse(text, path), "", path);
  } catch (const toml::parse_error& error) {
    return Invalid("{}:{}:{}: {}", path, error.source().begin.line, error.source().begin.column,
                   error.description());
  }
}

Status AddEnvironment(Values* values, const std::map<std::string, std::string>& environment) {
  std::vector<std::string> suffixes;
  suffixes.reserve(kSettings.size());
  for (const SettingInfo& setting : kSettings) suffixes.push_back(EnvironmentSuffix(setting.name));
  for (const auto& [variable, value] : environment) {
    if (!variable.starts_with(kPrefix) || value.empty()) continue;
    const std::string suffix = variable.substr(kPrefix.size());
    auto known = std::find(suffixes.begin(), suffixes.end(), suffix);
    if (known != suffixes.end()) {
      const SettingInfo& setting = kSettings[static_cast<size_t>(known - suffixes.begin())];
      ARROW_RETURN_NOT_OK(Set(values, setting.name, value, variable));
    } else if (std::string near = Nearest(suffix, suffixes); !near.empty()) {
      return Invalid("{}: there is no such setting. Did you mean 'MILLPOND_{}'?", variable, near);
    }
  }
  return Status::OK();
}

}  // namespace

std::span<const SettingInfo> Settings() { return kSettings; }

Result<Config> Config::Load(const std::string& toml_path,
                            const std::map<std::string, std::string>& environment,
                            const std::map<std::string, std::string>& flags) {
  Config config;
  for (const SettingInfo& setting : kSettings) {
    ARROW_RETURN_NOT_OK(
        Set(&config.values_, setting.name, std::string(setting.default_value), "default"));
  }
  if (!toml_path.empty()) ARROW_RETURN_NOT_OK(AddFile(&config.values_, toml_path));
  ARROW_RETURN_NOT_OK(AddEnvironment(&config.values_, environment));
  for (const auto& [name, value] : flags) {
    ARROW_RETURN_NOT_OK(Set(&config.values_, name, value, "--" + name));
  }
  return config;
}

const std::string& Config::GetString(std::string_view name) const {
  auto found = values_.find(name);
  ARROW_CHECK(found != values_.end()) << "no setting is called " << name;
  return found->second.value;
}

int64_t Config::GetInteger(std::string_view name) const {
  const std::string& text = GetString(name);
  // Load has checked every value.
  return (FindSetting(name)->type == SettingType::kBytes ? ParseBytes(text) : ParseInteger(text))
      .ValueOr(0);
}

bool Config::GetBoolean(std::string_view name) const {
  return ParseBoolean(GetString(name)).ValueOr(false);
}

std::vector<SettingValue> Config::All() const {
  std::vector<SettingValue> all;
  all.reserve(values_.size());
  for (const auto& [name, value] : values_) {
    all.push_back(value);
    all.back().value = MaskUrlPassword(value.value);
  }
  return all;
}

std::map<std::string, std::string> MillpondEnvironment() {
  std::map<std::string, std::string> found;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    std::string_view text = *entry;
    size_t equals = text.find('=');
    if (!text.starts_with(kPrefix) || equals == text.npos) continue;
    found.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return found;
}

}  // namespace millpond::base
