// Files that other engines wrote, kept in tests/fixtures/iceberg. For tests of this room.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace millpond::table {

/// tests/fixtures/iceberg of the checkout that the test runs in.
inline std::filesystem::path FixtureFolder() {
  std::filesystem::path folder = std::filesystem::current_path();
  while (!std::filesystem::exists(folder / "tests/fixtures/iceberg") &&
         folder.has_relative_path()) {
    folder = folder.parent_path();
  }
  return folder / "tests/fixtures/iceberg";
}

inline std::string ReadFixture(const std::string& name) {
  std::ifstream file(FixtureFolder() / name, std::ios::binary);
  EXPECT_TRUE(file.good()) << name;
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace millpond::table
