// The texts of the parts of a JSON value as they were written, for types that keep more than a
// parsed number does: decimals and text. Used by json_values and json_convert, on text that has
// been parsed already.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace millpond::source {

/// Key (decoded) -> text of its value.
std::map<std::string, std::string_view> RawMembers(std::string_view object);

std::vector<std::string_view> RawItems(std::string_view array);

/// Without the white space between tokens; all else as written, key order and digits too.
std::string CompactRaw(std::string_view value);

}  // namespace millpond::source
