// Drawing the graph of commits; see the header.
#include "cli/commit_graph.h"

#include <algorithm>
#include <utility>

namespace millpond::cli {

// All lines as '|', one of them as `mark`.
std::string CommitGraph::Row(size_t marked, char mark) const {
  std::string row;
  for (size_t i = 0; i < columns_.size(); ++i) {
    if (i > 0) row += ' ';
    row += i == marked ? mark : '|';
  }
  return row;
}

std::string CommitGraph::Place(const base::Json& commit, std::vector<std::string>* above) {
  std::move(pending_.begin(), pending_.end(), std::back_inserter(*above));
  pending_.clear();
  const auto id = commit["commit"].get<std::string>();
  const auto first = std::find(columns_.begin(), columns_.end(), id);
  const auto at = static_cast<size_t>(first - columns_.begin());
  if (first == columns_.end()) columns_.push_back(id);
  // Lines that lead to the same commit become one.
  for (size_t i = columns_.size() - 1; i > at; --i) {
    if (columns_[i] != id) continue;
    std::string row;
    for (size_t j = 0; j < columns_.size(); ++j) {
      // "| |/ |": the slash stands between its line and the one that it joins.
      if (j > 0 && j != i) row += ' ';
      row += j == i ? '/' : '|';
    }
    above->push_back(std::move(row));
    columns_.erase(columns_.begin() + static_cast<std::ptrdiff_t>(i));
  }
  std::string row = Row(at, '*');
  const bool merges = commit["merge_parent"].is_string();
  if (commit["parent"].is_string()) {
    columns_[at] = commit["parent"].get<std::string>();
  } else {
    columns_.erase(columns_.begin() + static_cast<std::ptrdiff_t>(at));
  }
  if (merges) {
    const auto parent = commit["merge_parent"].get<std::string>();
    if (std::find(columns_.begin(), columns_.end(), parent) == columns_.end()) {
      std::string opening;
      for (size_t j = 0; j < columns_.size(); ++j) {
        opening += j <= at ? (j == 0 ? "|" : " |") : " \\";
        if (j == at) opening += "\\";
      }
      pending_.push_back(std::move(opening));
      columns_.insert(columns_.begin() + static_cast<std::ptrdiff_t>(at + 1), parent);
    }
  }
  return row;
}

}  // namespace millpond::cli
