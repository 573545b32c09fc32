// Where JSON values begin and end in a stream of text: one per line, or anywhere (arrays of
// objects, pretty-printed objects one after the other). Used by json_plan's cutter and workers.
// Pure.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "source/text_pieces.h"

namespace millpond::source {

enum class JsonLayout {
  kLines,   ///< One value per line.
  kValues,  ///< Values separated by commas, brackets or white space.
};

/// From the first part of a file.
JsonLayout DetectJsonLayout(std::string_view head, bool complete);

/// The values of a text; blank lines and separators fall away.
std::vector<std::string_view> SplitJson(std::string_view text, JsonLayout layout);

/// Whether a value of the text nests deeper than `limit`: recursive parsers must not see it.
bool IsDeep(std::string_view text, JsonLayout layout, int limit);

/// Cuts at value ends. In the kValues layout separators between values are overwritten with spaces,
/// so that a piece is a plain sequence of values, and an array that is never closed is told at the
/// end of the file.
std::unique_ptr<RowCutter> MakeJsonCutter(JsonLayout layout);

}  // namespace millpond::source
