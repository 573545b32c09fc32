// Values of a verb's report as a person reads them.
#pragma once

#include <string>

#include "base/json.h"

namespace millpond::cli {

/// Exit code of a verb that ran well and whose answer is no: checks that fail, a pond that is not
/// healthy.
inline constexpr int kAnswerNo = 1;

/// Strings as they are, null as "", numbers and the rest as JSON.
std::string TextOf(const base::Json& value);
/// 1234567 as "1,234,567"; null as "?".
std::string CountOf(const base::Json& value);
/// Bytes as "1.5 MiB"; null as "?".
std::string SizeOf(const base::Json& value);

/// What a commit (CommitToJson) did to its tables: "shop.orders (append), shop.items (create)".
std::string TablesOf(const base::Json& commit);

}  // namespace millpond::cli
