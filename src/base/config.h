// Settings from, in rising strength: defaults, the pond's millpond.toml, environment (MILLPOND_*),
// flags. Each value remembers where it came from, so that `millpond config` can show it. Unknown
// keys are refused with the nearest known name.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace millpond::base {

enum class SettingType { kString, kInteger, kBytes, kBoolean };

/// A setting that exists: its dotted name ("memory_limit", "log.level"), type, default and one line
/// of help.
struct SettingInfo {
  std::string_view name;
  SettingType type;
  std::string_view default_value;
  std::string_view help;
};

/// Every setting of the engine, sorted by name.
std::span<const SettingInfo> Settings();

/// One resolved setting.
struct SettingValue {
  const SettingInfo* info;
  std::string value;
  std::string origin;  ///< "default", "/pond/millpond.toml:3", "MILLPOND_THREADS", "--threads"
};

class Config {
 public:
  /// Reads defaults, then `toml_path` where it is not empty (its absence is an error; its table
  /// [pond] is the pond's identity and skipped), then `environment` ("MILLPOND_LOG_LEVEL" ->
  /// "log.level"; empty means unset; other MILLPOND_ names belong to tools and are skipped unless
  /// they look like a misspelt setting), then `flags` (setting name -> value).
  static Result<Config> Load(const std::string& toml_path,
                             const std::map<std::string, std::string>& environment,
                             const std::map<std::string, std::string>& flags);

  // A name that is not in Settings() is a defect of the caller and ends the process.
  const std::string& GetString(std::string_view name) const;
  int64_t GetInteger(
      std::string_view name) const;  ///< Also kBytes: "512MB" -> 512000000, "1GiB" -> 1073741824.
  bool GetBoolean(std::string_view name) const;
  std::vector<SettingValue> All() const;  ///< For people: passwords in URLs are masked.

 private:
  std::map<std::string, SettingValue, std::less<>> values_;
};

/// The text of a millpond.toml with one setting set to `value`, or without it where `value` is
/// empty; the rest, comments included, as it was. `name` has at most one dot.
std::string WithSetting(std::string_view toml, std::string_view name, std::string_view value);

/// This process's variables that start with MILLPOND_.
std::map<std::string, std::string> MillpondEnvironment();

/// "512MB", "1.5 GiB", "4096" -> bytes.
Result<int64_t> ParseBytes(std::string_view text);

/// 1536 -> "1.5 KiB"
std::string FormatBytes(int64_t bytes);

}  // namespace millpond::base
