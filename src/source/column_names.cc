// Column names: cleaned one by one, then made unique without ever taking a name that another column
// already has.
#include "source/column_names.h"

#include <arrow/type.h>

#include <map>
#include <set>

#include "base/text.h"
#include "source/text_value.h"

namespace millpond::source {
namespace {

constexpr size_t kLongestName = 255;

/// The name with what base::CheckName refuses replaced by '_'.
std::string Allowed(std::string_view found) {
  std::string name(TrimSpace(found));
  if (!base::IsValidUtf8(name))
    for (char& c : name)
      if ((c & 0x80) != 0) c = '_';
  for (char& c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F ||
        std::string_view("@./\\\"'").find(c) != std::string_view::npos)
      c = '_';
  }
  if (name.size() > kLongestName - 12) {  // Room for a suffix.
    size_t cut = kLongestName - 12;
    while (cut > 0 && (name[cut] & 0xC0) == 0x80) --cut;
    name.resize(cut);
  }
  name = std::string(TrimSpace(name));
  if (!name.empty() && !base::CheckName(name, "column name").ok()) {
    for (char& c : name)
      if ((c & 0x80) != 0) c = '_';
  }
  return name;
}

std::string Quoted(std::string_view name) {
  std::string shown;
  for (char c : name.substr(0, 80))
    shown += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? '?' : c;
  if (!base::IsValidUtf8(shown)) shown = "…";
  return "'" + shown + "'";
}

}  // namespace

bool IsReservedName(const std::string& name) {
  return name == "sample_id" || name.starts_with("_millpond");
}

Result<CleanNames> CleanColumnNames(const std::vector<std::string>& found, bool strict,
                                    const std::string& origin) {
  // SQL compares names without case, so "Name" and "name" are the same column.
  std::set<std::string> taken;  // Names that some column rightly has.
  for (const std::string& name : found)
    if (Allowed(name) == name && !IsReservedName(name)) taken.insert(base::ToLower(name));
  CleanNames clean;
  std::set<std::string> seen;
  std::map<std::string, int> suffixes;
  for (size_t i = 0; i < found.size(); ++i) {
    std::string name = Allowed(found[i]);
    const bool empty = name.empty();
    std::string why;
    if (empty) {
      why = "has no name";
      name = fmt::format("column_{}", i + 1);
    } else if (IsReservedName(name)) {
      why = fmt::format("is called {}, a reserved name", Quoted(found[i]));
      name = name == "sample_id" ? "source_sample_id" : "source" + name;
    } else if (name != found[i]) {
      why = fmt::format("is called {}, which is not a column name", Quoted(found[i]));
    }
    const std::string key = base::ToLower(name);
    const bool doubled = seen.contains(key) || (!why.empty() && taken.contains(key));
    if (doubled && why.empty()) why = fmt::format("repeats the name {}", Quoted(name));
    if (strict && (empty || (doubled && name == found[i])))
      return base::Invalid(
          "{}: column {} {}: give every column its own name, or sync without --strict", origin,
          i + 1, why);
    if (doubled) {
      int& suffix = suffixes[key];
      std::string other;
      do {
        other = fmt::format("{}_{}", name, suffix++ + 2);
      } while (seen.contains(base::ToLower(other)) || taken.contains(base::ToLower(other)));
      name = std::move(other);
    }
    if (!why.empty())
      clean.warnings.push_back(
          fmt::format("{}: column {} {}: read as '{}'", origin, i + 1, why, name));
    seen.insert(base::ToLower(name));
    clean.names.push_back(std::move(name));
  }
  return clean;
}

void FollowTable(const arrow::Schema* table, std::vector<std::string>* names) {
  if (table == nullptr) return;
  std::map<std::string, std::string> spelling;
  for (const std::string& name : table->field_names()) spelling[base::ToLower(name)] = name;
  for (std::string& name : *names) {
    const auto found = spelling.find(base::ToLower(name));
    if (found != spelling.end()) name = found->second;
  }
}

}  // namespace millpond::source
