// Options that several verbs share.
#include "cli/options.h"

namespace millpond::cli {

Result<std::map<std::string, std::string>> ParsePairs(const std::vector<std::string>& words,
                                                      const std::string& flag) {
  std::map<std::string, std::string> pairs;
  for (const auto& word : words) {
    const size_t equals = word.find('=');
    if (equals == std::string::npos || equals == 0) {
      return base::Invalid("{} takes name=value, not '{}'", flag, word);
    }
    if (!pairs.emplace(word.substr(0, equals), word.substr(equals + 1)).second) {
      return base::Invalid("{} names '{}' twice", flag, word.substr(0, equals));
    }
  }
  return pairs;
}

void SourceFlags::AddTo(CLI::App* verb) {
  verb->add_option("--format", format,
                   "csv, tsv, json, jsonl, parquet, arrow, text or images (default: detected)");
  verb->add_option("--option", options, "An option of the format, name=value; may be repeated")
      ->take_all();
  verb->add_option("--type", types, "A column's type, column=type; may be repeated")->take_all();
  verb->add_flag("--strict", strict,
                 "Refuse everything where one row does not fit, instead of keeping it as a reject");
}

Result<source::SourceOptions> SourceFlags::ToOptions() const {
  source::SourceOptions source;
  source.format = format;
  source.strict = strict;
  ARROW_ASSIGN_OR_RAISE(source.format_options, ParsePairs(options, "--option"));
  ARROW_ASSIGN_OR_RAISE(source.types, ParsePairs(types, "--type"));
  return source;
}

void AddBranchOption(CLI::App* verb, std::string* branch) {
  verb->add_option("--branch", *branch, "The branch that it lands on (default: main)");
}

}  // namespace millpond::cli
