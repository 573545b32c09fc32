// Terminal output: widths, colours, tables, the progress line.
#include "cli/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cwchar>

namespace millpond::cli {
namespace {

constexpr int kDefaultWidth = 100;
constexpr int kNarrowestColumn = 6;
constexpr auto kRedrawEvery = std::chrono::milliseconds(100);

bool WantsColor(std::string_view mode, int descriptor) {
  if (mode == "always") return true;
  if (mode == "never") return false;
  const char* no_color = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  const bool dumb = term == nullptr || std::string_view(term) == "dumb";
  return isatty(descriptor) != 0 && !dumb && (no_color == nullptr || *no_color == '\0');
}

/// 0: not a terminal, print lines whole.
int TerminalWidth() {
  winsize size{};
  if (isatty(STDOUT_FILENO) == 0) return 0;
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return kDefaultWidth;
}

/// Decodes one code point and moves `at` past it; a bad byte counts as itself.
char32_t NextCodePoint(std::string_view text, size_t* at) {
  const auto lead = static_cast<unsigned char>(text[*at]);
  const int extra = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : lead >= 0xc0 ? 1 : 0;
  if (extra == 0 || *at + extra >= text.size() + (extra == 0 ? 1 : 0)) {
    ++*at;
    return lead;
  }
  char32_t point = lead & (0x3f >> extra);
  for (int i = 1; i <= extra; ++i)
    point = (point << 6) | (static_cast<unsigned char>(text[*at + i]) & 0x3f);
  *at += extra + 1;
  return point;
}

bool IsWide(char32_t point) {
  return (point >= 0x1100 && point <= 0x115f) || (point >= 0x2e80 && point <= 0xa4cf) ||
         (point >= 0xac00 && point <= 0xd7a3) || (point >= 0xf900 && point <= 0xfaff) ||
         (point >= 0xfe30 && point <= 0xfe6f) || (point >= 0xff00 && point <= 0xff60) ||
         (point >= 0x1f300 && point <= 0x1faff) || (point >= 0x20000 && point <= 0x3fffd);
}

bool IsCombining(char32_t point) {
  return (point >= 0x300 && point <= 0x36f) || point == 0x200d ||
         (point >= 0xfe00 && point <= 0xfe0f);
}

int WidthOf(char32_t point) { return IsCombining(point) ? 0 : IsWide(point) ? 2 : 1; }

/// Control characters as visible escapes, so that data cannot drive the terminal.
std::string Visible(std::string_view text) {
  std::string shown;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\n')
      shown += "\\n";
    else if (c == '\t')
      shown += "\\t";
    else if (c == '\r')
      shown += "\\r";
    else if (byte < 0x20 || byte == 0x7f)
      shown += fmt::format("\\x{:02x}", byte);
    else
      shown += c;
  }
  return shown;
}

bool LooksNumeric(std::string_view text) {
  if (text.empty() || text.find_first_of("0123456789") == std::string_view::npos) return false;
  return text.find_first_not_of("0123456789+-.,eE%") == std::string_view::npos;
}

std::string Pad(const std::string& text, int width, bool right) {
  const std::string blank(std::max(0, width - DisplayWidth(text)), ' ');
  return right ? blank + text : text + blank;
}

/// Column widths that fit `limit` (0: no limit): the widest columns give way first.
std::vector<int> ColumnWidths(const std::vector<std::string>& headers,
                              const std::vector<std::vector<std::string>>& rows, int limit) {
  std::vector<int> widths;
  for (const auto& header : headers) widths.push_back(DisplayWidth(header));
  for (const auto& row : rows) {
    for (size_t i = 0; i < row.size() && i < widths.size(); ++i) {
      widths[i] = std::max(widths[i], DisplayWidth(row[i]));
    }
  }
  if (limit <= 0) return widths;
  auto total = [&] {
    int sum = 2 * (static_cast<int>(widths.size()) - 1);
    for (const int width : widths) sum += width;
    return sum;
  };
  for (int over = total() - limit; over > 0; over = total() - limit) {
    auto widest = std::max_element(widths.begin(), widths.end());
    if (*widest <= kNarrowestColumn) break;
    --*widest;
  }
  return widths;
}

}  // namespace

int DisplayWidth(std::string_view text) {
  int width = 0;
  for (size_t at = 0; at < text.size();) width += WidthOf(NextCodePoint(text, &at));
  return width;
}

std::string FitTo(std::string_view text, int width) {
  if (DisplayWidth(text) <= width) return std::string(text);
  int used = 0;
  size_t at = 0;
  while (at < text.size()) {
    size_t next = at;
    const int step = WidthOf(NextCodePoint(text, &next));
    if (used + step > width - 1) break;
    used += step;
    at = next;
  }
  return std::string(text.substr(0, at)) + "…";
}

std::string GroupDigits(int64_t number) {
  std::string digits = std::to_string(number);
  const size_t first = digits[0] == '-' ? 1 : 0;
  for (size_t i = digits.size(); i > first + 3; i -= 3) digits.insert(i - 3, ",");
  return digits;
}

Terminal::Terminal(bool json, bool quiet, std::string_view color)
    : json_(json),
      quiet_(quiet),
      color_out_(!json && WantsColor(color, STDOUT_FILENO)),
      color_err_(WantsColor(color, STDERR_FILENO)),
      draws_progress_(!quiet && !json && isatty(STDERR_FILENO) != 0),
      width_(TerminalWidth()) {}

void Terminal::Document(const base::Json& value) {
  if (!json_) return;
  const std::string text = value.dump(2, ' ', false, base::Json::error_handler_t::replace);
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fputc('\n', stdout);
}

void Terminal::Flush() { std::fflush(stdout); }

void Terminal::Line(std::string_view text) {
  if (json_) return;
  EndProgress();
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fputc('\n', stdout);
}

void Terminal::Note(std::string_view text) {
  if (json_ || quiet_) return;
  EndProgress();
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fputc('\n', stderr);
}

void Terminal::Table(const std::vector<std::string>& headers,
                     const std::vector<std::vector<std::string>>& rows) {
  if (json_) return;
  EndProgress();
  std::vector<std::vector<std::string>> shown;
  for (const auto& row : rows) {
    auto& cells = shown.emplace_back();
    for (const auto& cell : row) cells.push_back(Visible(cell));
  }
  const auto widths = ColumnWidths(headers, shown, width_);
  std::vector<bool> numeric(headers.size(), !shown.empty());
  for (const auto& row : shown) {
    for (size_t i = 0; i < headers.size(); ++i)
      numeric[i] = numeric[i] && (row[i].empty() || LooksNumeric(row[i]));
  }
  auto line_of = [&](const std::vector<std::string>& cells, Tone tone) {
    std::string line;
    for (size_t i = 0; i < cells.size(); ++i) {
      const bool last_left = i + 1 == cells.size() && !numeric[i];
      const std::string cell = FitTo(cells[i], widths[i]);
      line += Paint(tone, last_left ? cell : Pad(cell, widths[i], numeric[i]));
      if (i + 1 < cells.size()) line += "  ";
    }
    return line;
  };
  Line(line_of(headers, Tone::kBold));
  for (const auto& row : shown) Line(line_of(row, Tone::kPlain));
}

std::string Terminal::Paint(Tone tone, std::string_view text) const {
  if (!color_out_ || tone == Tone::kPlain) return std::string(text);
  const char* code = tone == Tone::kGood      ? "32"
                     : tone == Tone::kWarning ? "33"
                     : tone == Tone::kBad     ? "31"
                     : tone == Tone::kDim     ? "2"
                                              : "1";
  return fmt::format("\x1b[{}m{}\x1b[0m", code, text);
}

void Terminal::Error(const Status& status) {
  EndProgress();
  const auto& info = base::InfoOf(base::KindOf(status));
  if (json_) {
    const base::Json document = {
        {"error",
         {{"kind", info.name}, {"message", status.message()}, {"exit_code", info.exit_code}}}};
    const std::string text = document.dump(2, ' ', false, base::Json::error_handler_t::replace);
    std::fprintf(stderr, "%s\n", text.c_str());
    return;
  }
  const std::string label = color_err_ ? "\x1b[31merror\x1b[0m" : "error";
  std::fprintf(stderr, "%s (%s): %s\n", label.c_str(), std::string(info.name).c_str(),
               status.message().c_str());
}

base::ProgressListener Terminal::ProgressLine() {
  if (!draws_progress_) return {};
  return [this](const base::Progress& step) {
    const std::lock_guard lock(progress_mutex_);
    const auto now = std::chrono::steady_clock::now();
    if (now - last_drawn_ < kRedrawEvery) return;
    last_drawn_ = now;
    const bool bytes = step.unit == "bytes";
    auto amount = [&](int64_t value) {
      return bytes ? fmt::format("{:.1f} MB", static_cast<double>(value) / 1e6)
                   : GroupDigits(value) + " " + step.unit;
    };
    std::string line = step.phase + "  " + amount(step.done);
    if (step.total > 0) {
      line += fmt::format(" of {} ({:.0f}%)", amount(step.total),
                          100.0 * static_cast<double>(step.done) / static_cast<double>(step.total));
    }
    std::fprintf(stderr, "\r\x1b[2K%s",
                 FitTo(line, (width_ > 0 ? width_ : kDefaultWidth) - 1).c_str());
    std::fflush(stderr);
    progress_shown_ = true;
  };
}

void Terminal::EndProgress() {
  const std::lock_guard lock(progress_mutex_);
  if (!progress_shown_) return;
  std::fputs("\r\x1b[2K", stderr);
  progress_shown_ = false;
}

}  // namespace millpond::cli
