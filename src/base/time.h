// Wall-clock time as Iceberg and the ledger store it, and its text form.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace millpond::base {

/// Milliseconds since 1970-01-01T00:00Z.
int64_t NowMs();

/// "2026-11-23T08:15:00.123Z"
std::string FormatUtc(int64_t ms);

/// Parses ISO 8601 dates and times ("2026-11-01", "2026-11-01T00:00", with seconds, fraction, Z or
/// +hh:mm; no zone means UTC).
Result<int64_t> ParseTime(std::string_view text);

}  // namespace millpond::base
