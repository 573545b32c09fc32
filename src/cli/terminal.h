// What the CLI writes: aligned tables that fit the terminal, colours only where a person looks,
// progress on stderr, JSON on request. Results go to stdout, everything else to stderr. One thread
// writes results; progress may come from workers.
#pragma once

#include <arrow/type_fwd.h>

#include <chrono>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/context.h"
#include "base/error.h"
#include "base/json.h"

namespace millpond::cli {

enum class Tone { kPlain, kGood, kWarning, kBad, kDim, kBold };

class Terminal {
 public:
  /// `json`: results are JSON; `quiet`: no progress and no notes; `color`: "auto", "always",
  /// "never".
  Terminal(bool json, bool quiet, std::string_view color);

  bool json() const { return json_; }

  /// One result document, printed only in JSON mode.
  void Document(const base::Json& value);
  /// A line of result text, not in JSON mode.
  void Line(std::string_view text);
  /// Hands what was printed on, for a reader that waits while this program goes on.
  void Flush();
  /// A remark for the person at stderr; silent when quiet or JSON.
  void Note(std::string_view text);
  /// Rows under headers, columns cut so that a line fits the terminal; numbers to the right.
  void Table(const std::vector<std::string>& headers,
             const std::vector<std::vector<std::string>>& rows);
  std::string Paint(Tone tone, std::string_view text) const;
  void Error(const Status& status);

  /// Draws progress on stderr where it is a terminal, at most ten times a second.
  base::ProgressListener ProgressLine();
  /// Erases the progress line.
  void EndProgress();

 private:
  bool json_, quiet_, color_out_, color_err_, draws_progress_;
  int width_;
  std::mutex progress_mutex_;
  bool progress_shown_ = false;
  std::chrono::steady_clock::time_point last_drawn_{};
};

/// Columns a text takes on a terminal (UTF-8 decoded; wide CJK and emoji count two).
int DisplayWidth(std::string_view text);

/// The text cut to `width` columns with an ellipsis; control characters shown as escapes.
std::string FitTo(std::string_view text, int width);

/// 1234567 -> "1,234,567"
std::string GroupDigits(int64_t number);

}  // namespace millpond::cli
