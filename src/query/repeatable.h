// Whether a statement gives the same rows whenever it is run over the same tables: what a dataset's
// query must do. Called by train/ where a dataset is defined.
#pragma once

#include <string_view>

#include "base/error.h"

namespace millpond::query {

/// Refuses (kInvalid, naming the part) functions whose value changes from run to run, however they
/// are written, samples, and LIMIT, OFFSET and DISTINCT ON without an ORDER BY beside them. What it
/// lets pass may still depend on the order of rows with equal keys, or of an aggregate's input.
Status CheckRepeatable(std::string_view sql);

}  // namespace millpond::query
