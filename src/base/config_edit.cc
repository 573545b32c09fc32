// Changing one line of a settings file, and nothing else of it.
#include "base/config.h"
#include "base/json.h"
#include "base/text.h"

namespace millpond::base {
namespace {

// "[ledger]  # why" -> "ledger"; nothing for a line that opens no table.
std::string_view TableOf(std::string_view line) {
  line = Trim(line);
  const size_t end = line.find(']');
  if (!line.starts_with('[') || line.starts_with("[[") || end == line.npos) return {};
  return Trim(line.substr(1, end - 1));
}

// "url = …" -> "url"; nothing for a line that sets nothing.
std::string_view KeyOf(std::string_view line) {
  const size_t equals = line.find('=');
  if (equals == line.npos || Trim(line).starts_with('#')) return {};
  return Trim(line.substr(0, equals));
}

// A JSON string is a TOML basic string.
std::string Assignment(std::string_view key, std::string_view value) {
  return fmt::format("{} = {}", key, Json(std::string(value)).dump());
}

}  // namespace

std::string WithSetting(std::string_view toml, std::string_view name, std::string_view value) {
  const size_t dot = name.find('.');
  const std::string_view table = dot == name.npos ? std::string_view() : name.substr(0, dot);
  const std::string_view key = dot == name.npos ? name : name.substr(dot + 1);
  std::vector<std::string> lines = Split(toml, '\n');
  if (!lines.empty() && lines.back().empty()) lines.pop_back();
  std::string_view current;
  std::vector<std::string> kept;
  std::optional<size_t> header;
  bool done = value.empty();
  for (const std::string& line : lines) {
    if (auto opened = TableOf(line); !opened.empty()) current = opened;
    const std::string_view set = KeyOf(line);
    const bool is_it = (current == table && set == key) || (current.empty() && set == name);
    if (!is_it) {
      kept.push_back(line);
    } else if (!done) {
      kept.push_back(Assignment(set, value));
      done = true;
    }
    if (!table.empty() && TableOf(line) == table) header = kept.size();
  }
  if (!done && header) {
    kept.insert(kept.begin() + static_cast<std::ptrdiff_t>(*header), Assignment(key, value));
  } else if (!done && table.empty()) {
    kept.insert(kept.begin(), Assignment(key, value));
  } else if (!done) {
    kept.push_back(fmt::format("[{}]", table));
    kept.push_back(Assignment(key, value));
  }
  return kept.empty() ? "" : Join(kept, "\n") + "\n";
}

}  // namespace millpond::base
