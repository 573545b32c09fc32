// The lines that a log draws beside its commits to show which is whose parent. Commits are given
// newest landed first.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"

namespace millpond::cli {

class CommitGraph {
 public:
  /// What stands before the commit's own text, e.g. "| *"; lines to print above it are added to
  /// `above`. `commit`: as api::CommitToJson gives it.
  std::string Place(const base::Json& commit, std::vector<std::string>* above);

 private:
  std::string Row(size_t marked, char mark) const;

  std::vector<std::string> columns_;  // The commit that each line leads to next.
  std::vector<std::string> pending_;  // Lines that a merge opened, to print above the next commit.
};

}  // namespace millpond::cli
