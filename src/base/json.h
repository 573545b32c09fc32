// JSON in and out (nlohmann), with errors as values and duplicate keys refused.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace millpond::base {

using Json = nlohmann::json;
using OrderedJson = nlohmann::ordered_json;

/// Parses one document; `origin` (a path or a word) is named in the error with line and column.
/// Refuses duplicate keys, trailing bytes, invalid UTF-8 and nesting deeper than 512. Errors are
/// kInvalid: a reader of stored bytes passes them through WithKind(kCorrupt, …).
Result<Json> ParseJson(std::string_view text, std::string_view origin);

/// Compact, UTF-8, keys sorted: the same value always gives the same bytes (used for hashing).
/// Invalid UTF-8 becomes U+FFFD; NaN and infinities become null.
std::string CanonicalJson(const Json& value);

// Typed access; errors name `origin` and the key. Get*: missing or of another type is kCorrupt.
// Find*: missing or null is nullopt.
Result<int64_t> GetInt(const Json& object, const char* key, std::string_view origin);
Result<std::string> GetString(const Json& object, const char* key, std::string_view origin);
Result<const Json*> GetArray(const Json& object, const char* key, std::string_view origin);
Result<const Json*> GetObject(const Json& object, const char* key, std::string_view origin);
Result<std::optional<int64_t>> FindInt(const Json& object, const char* key,
                                       std::string_view origin);
Result<std::optional<std::string>> FindString(const Json& object, const char* key,
                                              std::string_view origin);

}  // namespace millpond::base
