// Structured log lines on stderr: one JSON object or one "level event key=value" line each. Threads
// may log at once; a line is written whole. Nothing below error is printed unless the level asks
// for it.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/json.h"

namespace millpond::base {

enum class LogLevel { kDebug, kInfo, kWarning, kError, kOff };
enum class LogFormat { kText, kJson };

Result<LogLevel> ParseLogLevel(std::string_view text);
Result<LogFormat> ParseLogFormat(std::string_view text);

/// Process-wide; set once at start-up from the config (default: warning, text).
void ConfigureLog(LogLevel level, LogFormat format);
bool LogEnabled(LogLevel level);

using LogFields = std::initializer_list<std::pair<std::string_view, Json>>;

/// `event` is a fixed phrase ("commit retried"); what varies goes into `fields`. Secrets never do.
void Log(LogLevel level, std::string_view event, LogFields fields = {});

}  // namespace millpond::base
