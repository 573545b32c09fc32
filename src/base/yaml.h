// YAML documents (suites, recipes, datasets) as JSON values, so that every reader of a definition
// has one type to handle.
#pragma once

#include <string_view>

#include "base/error.h"
#include "base/json.h"

namespace millpond::base {

/// Parses one YAML (or JSON) document by the core schema: plain scalars become null, bool, int,
/// float or string; quoted ones stay strings. Errors name `origin`, line and column. Refuses
/// anchors cycles, duplicate keys and several documents.
Result<Json> ParseYaml(std::string_view text, std::string_view origin);

}  // namespace millpond::base
