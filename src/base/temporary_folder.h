// A folder that lives as long as its object; for tests and for scratch space of one operation.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>

#include "base/random_id.h"

namespace millpond::base {

class TemporaryFolder {
 public:
  /// Makes `<system's folder for temporary files>/<prefix>-<uuid>`.
  explicit TemporaryFolder(std::string_view prefix = "millpond")
      : path_(std::filesystem::temp_directory_path() / (std::string(prefix) + "-" + NewUuid())) {
    std::filesystem::create_directory(path_);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  std::string path() const { return path_.string(); }
  std::string operator/(std::string_view name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

}  // namespace millpond::base
