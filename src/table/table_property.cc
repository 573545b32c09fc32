// Table properties; see the header.
#include "table/table_property.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <string_view>
#include <vector>

#include "base/text.h"

namespace millpond::table {
namespace {

// Iceberg reserves these: they are fields of the metadata.
constexpr std::string_view kReserved[] = {
    "format-version",           "uuid",
    "snapshot-count",           "current-snapshot-id",
    "current-snapshot-summary", "current-snapshot-timestamp-ms",
    "current-schema",           "default-partition-spec",
    "default-sort-order"};

const std::map<std::string, std::vector<std::string>>& Choices() {
  static const std::vector<std::string> modes = {"copy-on-write", "merge-on-read"};
  static const std::vector<std::string> levels = {"serializable", "snapshot"};
  static const std::vector<std::string> truth = {"true", "false"};
  static const std::map<std::string, std::vector<std::string>> choices = {
      {"write.delete.mode", modes},
      {"write.update.mode", modes},
      {"write.merge.mode", modes},
      {"write.delete.isolation-level", levels},
      {"write.update.isolation-level", levels},
      {"write.merge.isolation-level", levels},
      {"write.metadata.delete-after-commit.enabled", truth},
      {"commit.manifest-merge.enabled", truth}};
  return choices;
}

constexpr std::string_view kPositiveNumbers[] = {
    "write.metadata.previous-versions-max", "write.target-file-size-bytes",
    "commit.manifest.min-count-to-merge",   "commit.manifest.target-size-bytes",
    "history.expire.max-snapshot-age-ms",   "history.expire.min-snapshots-to-keep",
    "history.expire.max-ref-age-ms"};

}  // namespace

Result<int> ParseFormatVersion(const std::string& text) {
  if (text == "2") return 2;
  if (text == "3") return 3;
  return base::Invalid("tables have Iceberg format version 2 or 3, not '{}'", text);
}

Status CheckProperty(const std::string& key, const std::optional<std::string>& value) {
  if (key.empty()) return base::Invalid("a table property needs a name");
  if (!base::IsValidUtf8(key) || (value && !base::IsValidUtf8(*value))) {
    return base::Invalid("the table property '{}' is not valid UTF-8", key);
  }
  if (std::find(std::begin(kReserved), std::end(kReserved), key) != std::end(kReserved)) {
    return base::Invalid("'{}' is not a property but a part of the table itself", key);
  }
  if (key.starts_with("millpond.")) {
    return base::Invalid("the table property '{}' is kept by Millpond itself", key);
  }
  if (!value) return Status::OK();
  const auto choices = Choices().find(key);
  if (choices != Choices().end() &&
      std::find(choices->second.begin(), choices->second.end(), *value) == choices->second.end()) {
    return base::Invalid("the table property {} is {}, not '{}'", key,
                         base::Join(choices->second, " or "), *value);
  }
  if (std::find(std::begin(kPositiveNumbers), std::end(kPositiveNumbers), key) ==
      std::end(kPositiveNumbers)) {
    return Status::OK();
  }
  int64_t number = 0;
  const auto read = std::from_chars(value->data(), value->data() + value->size(), number);
  const bool whole = read.ec == std::errc() && read.ptr == value->data() + value->size();
  if (whole && number > 0) return Status::OK();
  return base::Invalid("the table property {} is a positive number, not '{}'", key, *value);
}

}  // namespace millpond::table
