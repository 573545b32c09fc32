// Lines are built outside the lock and written with one call, so that threads and processes do not
// mix theirs.
#include "base/log.h"

#include <unistd.h>

#include <array>
#include <atomic>
#include <mutex>

#include "base/text.h"
#include "base/time.h"

namespace millpond::base {
namespace {

constexpr std::array<std::string_view, 5> kLevelNames = {"debug", "info", "warning", "error",
                                                         "off"};

std::atomic<LogLevel> level_now{LogLevel::kWarning};
std::atomic<LogFormat> format_now{LogFormat::kText};

// A field as text: bare where it is one plain word, else as JSON with its escapes.
std::string FieldText(const Json& value) {
  if (!value.is_string()) return CanonicalJson(value);
  const std::string& text = value.get_ref<const std::string&>();
  bool plain = !text.empty();
  for (char c : text) {
    if (static_cast<unsigned char>(c) <= 0x20 || c == '"' || c == '=' || c == 0x7F) plain = false;
  }
  return plain && IsValidUtf8(text) ? text : CanonicalJson(value);
}

std::string TextLine(LogLevel level, std::string_view event, const LogFields& fields) {
  std::string line(kLevelNames[static_cast<size_t>(level)]);
  line.append(" ").append(event);
  for (const auto& [name, value] : fields) {
    line.append(" ").append(name).append("=").append(FieldText(value));
  }
  return line += '\n';
}

std::string JsonLine(LogLevel level, std::string_view event, const LogFields& fields) {
  OrderedJson line;
  line["time"] = FormatUtc(NowMs());
  line["level"] = kLevelNames[static_cast<size_t>(level)];
  line["event"] = event;
  for (const auto& [name, value] : fields) line[std::string(name)] = OrderedJson(value);
  return line.dump(-1, ' ', false, OrderedJson::error_handler_t::replace) + '\n';
}

void WriteWhole(std::string_view line) {
  static std::mutex mutex;
  std::lock_guard lock(mutex);
  while (!line.empty()) {
    ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;  // Nobody reads the log; there is nowhere to say so.
    line.remove_prefix(static_cast<size_t>(written));
  }
}

}  // namespace

Result<LogLevel> ParseLogLevel(std::string_view text) {
  for (size_t i = 0; i < kLevelNames.size(); ++i) {
    if (text == kLevelNames[i]) return static_cast<LogLevel>(i);
  }
  return Invalid("'{}' is not a log level; use debug, info, warning, error or off", text);
}

Result<LogFormat> ParseLogFormat(std::string_view text) {
  if (text == "text") return LogFormat::kText;
  if (text == "json") return LogFormat::kJson;
  return Invalid("'{}' is not a log format; use text or json", text);
}

void ConfigureLog(LogLevel level, LogFormat format) {
  level_now = level;
  format_now = format;
}

bool LogEnabled(LogLevel level) { return level != LogLevel::kOff && level >= level_now.load(); }

void Log(LogLevel level, std::string_view event, LogFields fields) {
  if (!LogEnabled(level)) return;
  WriteWhole(format_now.load() == LogFormat::kJson ? JsonLine(level, event, fields)
                                                   : TextLine(level, event, fields));
}

}  // namespace millpond::base
