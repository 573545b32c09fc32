// Every candidate dialect splits the first rows; the one whose rows agree best on a number of
// columns wins, the simpler one on a tie.
#include "source/csv_dialect.h"

#include <arrow/type.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "base/text.h"
#include "source/text_input.h"
#include "source/text_value.h"
#include "source/value_guess.h"

namespace millpond::source {
namespace {

constexpr size_t kDetectBytes = 256 << 10;
constexpr size_t kDetectRows = 500;
constexpr size_t kMostPreamble = 20;

bool IsBlank(const std::vector<std::string>& row) {
  return row.size() == 1 && TrimSpace(row[0]).empty();
}

/// How well a dialect explains the first rows.
struct Candidate {
  Dialect dialect;
  size_t columns = 1;
  double agreement = 0;  ///< Share of rows with `columns` fields.
  bool first_row_agrees = false;
  LooseRows rows;
};

Candidate Judge(std::string_view text, bool complete, const Dialect& dialect) {
  Candidate candidate;
  candidate.dialect = dialect;
  candidate.rows = ScanLoose(text, dialect, kDetectRows);
  auto& rows = candidate.rows.rows;
  const bool cut = !complete && rows.size() < kDetectRows && rows.size() > 1;
  const size_t whole = rows.size() - (cut ? 1 : 0);
  std::map<size_t, size_t> widths;
  size_t counted = 0;
  for (size_t i = 0; i < whole; ++i) {
    if (IsBlank(rows[i])) continue;
    if (counted++ == 0) candidate.first_row_agrees = true;
    ++widths[rows[i].size()];
  }
  size_t most = 0;
  for (const auto& [width, count] : widths) {
    if (count >= most) {
      most = count;
      candidate.columns = width;
    }
  }
  if (counted > 0) candidate.agreement = static_cast<double>(most) / static_cast<double>(counted);
  for (const auto& row : rows) {
    if (IsBlank(row)) continue;
    candidate.first_row_agrees = row.size() == candidate.columns;
    break;
  }
  rows.resize(whole);
  candidate.rows.quoted.resize(whole);
  candidate.rows.begin.resize(whole);
  return candidate;
}

/// Whether `a` explains the text clearly better than `b`, which is the simpler or more usual one.
bool Better(const Candidate& a, const Candidate& b) {
  if ((a.columns > 1) != (b.columns > 1)) return a.columns > 1 && a.agreement > 0.5;
  const double gain = a.agreement - b.agreement;
  if (gain > 0.02 || gain < -0.02) return gain > 0;
  if (a.first_row_agrees != b.first_row_agrees) return a.first_row_agrees;
  return a.agreement >= b.agreement && a.columns > b.columns;
}

/// Whether `\"` is used inside quoted values: it stands before more text, not only before a
/// delimiter or a line end.
bool UsesBackslash(std::string_view text, const Dialect& dialect) {
  bool used = false;
  for (size_t at = text.find("\\\""); at != std::string_view::npos;
       at = text.find("\\\"", at + 2)) {
    if (at + 2 >= text.size()) break;
    const char next = text[at + 2];
    if (next == dialect.delimiter || next == '\n' || next == '\r') return false;
    used = true;
  }
  return used;
}

bool UsesSpaceBeforeQuote(std::string_view text, const Dialect& dialect) {
  const std::string pattern{dialect.delimiter, ' ', dialect.quote};
  return dialect.quote != 0 && dialect.delimiter != ' ' &&
         text.find(pattern) != std::string_view::npos;
}

/// Whether fields stand in apostrophes: as many open with one as close with one, and there are
/// several.
bool UsesApostrophes(const LooseRows& rows) {
  size_t opened = 0, closed = 0;
  for (const auto& row : rows.rows) {
    for (const std::string& field : row) {
      opened += field.starts_with('\'') ? 1 : 0;
      closed += field.ends_with('\'') ? 1 : 0;
    }
  }
  return opened >= 2 && closed * 10 >= opened * 9 && opened * 10 >= closed * 9;
}

Candidate BestDelimiter(std::string_view text, bool complete, const FileOptions& options,
                        Dialect dialect) {
  std::vector<char> delimiters = {',', ';', '\t', '|'};
  if (options.delimiter) delimiters = {*options.delimiter};
  Candidate best;
  for (size_t i = 0; i < delimiters.size(); ++i) {
    dialect.delimiter = delimiters[i];
    Candidate candidate = Judge(text, complete, dialect);
    if (i == 0 || Better(candidate, best)) best = std::move(candidate);
  }
  return best;
}

Candidate BestDialect(std::string_view text, bool complete, const FileOptions& options) {
  Dialect dialect;
  dialect.newline =
      text.find('\n') == std::string_view::npos && text.find('\r') != std::string_view::npos ? '\r'
                                                                                             : '\n';
  if (options.quote) dialect.quote = *options.quote;
  if (options.escape) dialect.escape = *options.escape;
  Candidate best = BestDelimiter(text, complete, options, dialect);
  const auto consider = [&](const Dialect& other, bool preferred_on_tie) {
    Candidate candidate = Judge(text, complete, other);
    const bool tie = candidate.columns >= best.columns && candidate.agreement >= best.agreement;
    if (Better(candidate, best) || (preferred_on_tie && tie)) best = std::move(candidate);
  };
  if (!options.quote && text.find('"') == std::string_view::npos &&
      text.find('\'') != std::string_view::npos && UsesApostrophes(best.rows)) {
    Dialect other = best.dialect;
    other.quote = '\'';
    consider(other, true);
  }
  if (!options.escape && best.dialect.quote == '"' && UsesBackslash(text, best.dialect)) {
    Dialect other = best.dialect;
    other.escape = '\\';
    consider(other, true);
  }
  if (UsesSpaceBeforeQuote(text, best.dialect)) {
    Dialect other = best.dialect;
    other.skip_space = true;
    consider(other, true);
  }
  return best;
}

bool LooksLikeName(const std::string& text) {
  ValueGuess guess;
  guess.Add(text, false, DefaultNullMarkers(), '.');
  return guess.values() > 0 && guess.Resolve(0).type->id() == arrow::Type::STRING;
}

bool AllNames(const std::vector<std::string>& row) {
  std::set<std::string> seen;
  for (const std::string& field : row)
    if (!LooksLikeName(field) || !seen.insert(field).second) return false;
  return true;
}

/// Decides whether `first` is a header, from how its fields differ from the columns below it.
bool IsHeader(const std::vector<std::string>& first, const LooseRows& rows, size_t from,
              const FileOptions& options, std::string* why) {
  size_t below = 0, unlike = 0, alike = 0;
  bool repeats = false;
  std::vector<ValueGuess> guesses(first.size());
  for (size_t i = from; i < rows.rows.size(); ++i) {
    const auto& row = rows.rows[i];
    if (row.size() != first.size() || IsBlank(row)) continue;
    ++below;
    for (size_t c = 0; c < row.size(); ++c) {
      guesses[c].Add(row[c], rows.quoted[i][c], DefaultNullMarkers(), options.decimal_point);
      repeats = repeats || (!row[c].empty() && row[c] == first[c]);
    }
  }
  for (size_t c = 0; c < first.size(); ++c) {
    const auto type = guesses[c].Resolve(0.1).type;
    if (type->id() == arrow::Type::STRING || TrimSpace(first[c]).empty()) continue;
    ValueGuess own;
    own.Add(first[c], false, DefaultNullMarkers(), options.decimal_point);
    if (own.values() == 0) continue;
    ++(LooksLikeName(first[c]) ? unlike : alike);
  }
  if (unlike != alike) {
    *why = unlike > alike ? "the first row is text above columns of numbers or times"
                          : "the first row is of the same kinds as the rows below";
    return unlike > alike;
  }
  const bool names = AllNames(first);
  if (below == 0) {
    *why = names ? "the only row is names" : "the only row is data";
    return names;
  }
  *why = !names    ? "the first row has fields that are no names"
         : repeats ? "values of the first row come again below it"
                   : "the first row is distinct names that do not come again below";
  return names && !repeats;
}

/// Where the table exists, its column names tell best what the first row is.
std::optional<bool> HeaderByTable(const std::vector<std::string>& first, const FileOptions& options,
                                  std::string* why) {
  const auto& table = options.common.expected_schema;
  if (!table) return std::nullopt;
  std::set<std::string> names;
  for (const std::string& name : table->field_names()) names.insert(base::ToLower(name));
  const auto same = std::count_if(first.begin(), first.end(), [&](const std::string& name) {
    return names.contains(base::ToLower(TrimSpace(name)));
  });
  if (same * 2 >= static_cast<int64_t>(first.size())) {
    *why = "the first row has the names of the table's columns";
    return true;
  }
  if (same == 0 && names.contains("column_1")) {
    *why = "the table was made from files without a header";
    return false;
  }
  return std::nullopt;
}

/// Skips lines that stand above the table; returns the index of the first row that belongs to it.
size_t SkipPreamble(const Candidate& found, CsvShape* shape) {
  const auto& rows = found.rows.rows;
  size_t first = 0;
  while (first < rows.size() && IsBlank(rows[first])) ++first;
  size_t match = first;
  while (match < rows.size() && match - first <= kMostPreamble &&
         rows[match].size() < found.columns)
    ++match;
  const bool is_preamble = match > first && match - first <= kMostPreamble &&
                           match + 2 < rows.size() && found.columns > 1;
  if (!is_preamble) return first;
  // R writes no name above its row names: such a header is one field short.
  size_t above = match - 1;
  if (rows[above].size() + 1 == found.columns && found.columns > 2 && AllNames(rows[above]))
    match = above;
  if (match > first)
    shape->warnings.push_back(
        fmt::format("skipped {} line(s) above the table, the first is: {}", match - first,
                    PrintableText(base::Join(rows[first], " ").substr(0, 120))));
  return match;
}

void ReadHeader(const Candidate& found, size_t first, const FileOptions& options, CsvShape* shape) {
  const auto& rows = found.rows.rows;
  const std::vector<std::string>& row = rows[first];
  if (options.header) {
    shape->header = *options.header;
    shape->header_why = "option";
  } else if (!options.names.empty()) {
    shape->header = false;
    shape->header_why = "names were given";
  } else if (row.size() + 1 == found.columns && found.columns > 2 && AllNames(row)) {
    shape->header = true;
    shape->header_why = "one name fewer than columns: the first column has none";
  } else if (const auto known = HeaderByTable(row, options, &shape->header_why)) {
    shape->header = *known;
  } else {
    shape->header = IsHeader(row, found.rows, first + 1, options, &shape->header_why);
  }
  shape->columns = found.columns;
  shape->names.assign(found.columns, "");
  if (shape->header) {
    std::vector<std::string> names = row;
    if (names.size() + 1 == found.columns && found.columns > 2) names.insert(names.begin(), "");
    while (names.size() > found.columns && TrimSpace(names.back()).empty()) names.pop_back();
    if (names.size() > found.columns) {
      shape->fill = true;
      shape->columns = names.size();
      shape->warnings.push_back(fmt::format(
          "the header has {} names but most rows {} values: short rows are filled with nulls",
          names.size(), found.columns));
    }
    names.resize(shape->columns);
    shape->names = std::move(names);
  }
  for (size_t i = 0; i < options.names.size() && i < shape->names.size(); ++i)
    shape->names[i] = options.names[i];
}

}  // namespace

CsvShape DetectCsvShape(std::string_view head, bool complete, const FileOptions& options) {
  CsvShape shape;
  shape.fill = options.fill_ragged;
  const char newline =
      head.find('\n') == std::string_view::npos && head.find('\r') != std::string_view::npos ? '\r'
                                                                                             : '\n';
  size_t skipped = 0;
  for (int64_t i = 0; i < options.skip_rows.value_or(0); ++i) {
    const size_t end = head.find(newline, skipped);
    skipped = end == std::string_view::npos ? head.size() : end + 1;
  }
  std::string_view text = head.substr(skipped);
  complete = complete && text.size() <= kDetectBytes;
  // A row of 10,000 columns may be longer than the usual part: grow until some rows are whole.
  size_t part = kDetectBytes;
  while (part < text.size() && CountByte(text.substr(0, part), newline) < 3) part *= 2;
  const Candidate found = BestDialect(text.substr(0, part), complete, options);
  shape.dialect = found.dialect;
  const size_t first = options.skip_rows ? 0 : SkipPreamble(found, &shape);
  if (first >= found.rows.rows.size() ||
      (found.rows.rows.size() == 1 && IsBlank(found.rows.rows[0])))
    return shape;
  ReadHeader(found, first, options, &shape);
  const size_t data_row = first + (shape.header ? 1 : 0);
  shape.data_offset = head.size();
  if (data_row < found.rows.begin.size()) {
    shape.data_offset = skipped + found.rows.begin[data_row];
  } else if (const size_t end = found.rows.end[first]; shape.header) {
    // The row after the header was cut from the sample or does not exist.
    const size_t line_end = head.find(newline, skipped + end);
    shape.data_offset = line_end == std::string_view::npos ? head.size() : line_end + 1;
  }
  shape.data_line = 1 + CountByte(head.substr(0, shape.data_offset), newline);
  return shape;
}

}  // namespace millpond::source
