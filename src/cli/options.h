// Options that several verbs share.
#pragma once

#include <CLI/App.hpp>
#include <map>
#include <string>
#include <vector>

#include "base/error.h"
#include "source/source.h"

namespace millpond::cli {

/// "name=value" cut at the first '=', without spaces around the name; nullopt where there is none.
std::optional<std::pair<std::string, std::string>> SplitPair(const std::string& word);

/// "name=value" words as a map; kInvalid names the flag and the word.
Result<std::map<std::string, std::string>> ParsePairs(const std::vector<std::string>& words,
                                                      const std::string& flag);

/// How a file is to be read: --format, --option, --type, --strict.
struct SourceFlags {
  std::string format;
  std::vector<std::string> options, types;
  bool strict = false;

  void AddTo(CLI::App* verb);
  Result<source::SourceOptions> ToOptions() const;
};

/// --branch: where what the verb writes lands.
void AddBranchOption(CLI::App* verb, std::string* branch);

}  // namespace millpond::cli
