// Splits CSV text into rows and fields. Called by the dialect detection (loose rows of any width)
// and by the reader's workers (rows of a known width). A quote opens only at the start of a field
// (as RFC 4180 and Python's csv have it); elsewhere it is text. All functions are pure; offsets are
// relative to the text that was handed in, which must stay alive.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace millpond::source {

/// How a CSV file is written. `quote` and `escape` are 0 where there is none; a doubled quote is
/// always an escape.
struct Dialect {
  char delimiter = ',';
  char quote = '"';
  char escape = 0;
  char newline =
      '\n';  ///< '\r' for files of old Macs; a '\r' before '\n' is never part of a value.
  bool skip_space = false;  ///< Spaces may stand before an opening quote.
};

/// One field: a slice of the text, or of the arena where quotes had to be taken out.
struct Field {
  uint32_t begin;
  uint32_t size : 30;
  uint32_t quoted : 1;
  uint32_t in_arena : 1;
};

/// A row that does not have the demanded number of fields.
struct RaggedRow {
  uint32_t begin, end;
  uint32_t found;
};

/// Rows of one width, row-major.
struct ScannedRows {
  std::string_view text;
  std::string arena;
  size_t columns = 0;
  std::vector<Field> fields;
  std::vector<uint32_t> row_begin;
  std::vector<uint32_t> row_end;  ///< Without the line end.
  std::vector<RaggedRow> ragged;

  size_t rows() const { return row_begin.size(); }
  std::string_view Value(const Field& field) const {
    const char* base = field.in_arena ? arena.data() : text.data();
    return {base + field.begin, field.size};
  }
};

/// Rows of any width, for detection.
struct LooseRows {
  std::vector<std::vector<std::string>> rows;
  std::vector<std::vector<bool>> quoted;
  std::vector<size_t> begin, end;
};

/// The largest text that one call may scan.
inline constexpr size_t kMaxScanBytes = size_t{1} << 30;

/// Splits `text` (which begins at a row) into rows of `columns` fields. Surplus empty fields are
/// dropped; a row with too few is padded with empty ones where `fill` is set; every other misfit
/// goes to `ragged`. Blank lines are skipped, save in files of one column.
void ScanRows(std::string_view text, const Dialect& dialect, size_t columns, bool fill,
              ScannedRows* out);

/// Splits up to `max_rows` rows.
LooseRows ScanLoose(std::string_view text, const Dialect& dialect, size_t max_rows);

/// Where the last complete row ends.
struct RowEnd {
  size_t complete = 0;      ///< Bytes up to and with the last line end that is outside quotes.
  bool open_quote = false;  ///< The text ends inside a quoted value.
};

/// `text` must begin at a row.
RowEnd FindRowEnd(std::string_view text, const Dialect& dialect);

/// How often `byte` occurs.
int64_t CountByte(std::string_view text, char byte);

/// Whether every byte is below 128.
bool IsAscii(std::string_view text);

}  // namespace millpond::source
