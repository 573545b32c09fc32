// Options that several verbs share.
#include "cli/options.h"

#include "base/text.h"

namespace millpond::cli {

std::optional<std::pair<std::string, std::string>> SplitPair(const std::string& word) {
  const size_t equals = word.find('=');
  if (equals == std::string::npos) return std::nullopt;
  const std::string_view name = base::Trim(std::string_view(word).substr(0, equals));
  if (name.empty()) return std::nullopt;
  return std::pair(std::string(name), word.substr(equals + 1));
}

Result<std::map<std::string, std::string>> ParsePairs(const std::vector<std::string>& words,
                                                      const std::string& flag) {
  std::map<std::string, std::string> pairs;
  for (const auto& word : words) {
    const auto pair = SplitPair(word);
    if (!pair) return base::Invalid("{} takes name=value, not '{}'", flag, word);
    if (!pairs.insert(*pair).second) return base::Invalid("{} names '{}' twice", flag, pair->first);
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
