// Makes column names that a table may have: valid, unique and not reserved. Every format's plan
// goes through it.
#pragma once

#include <arrow/type_fwd.h>

#include <string>
#include <vector>

#include "base/error.h"

namespace millpond::source {

struct CleanNames {
  std::vector<std::string> names;
  std::vector<std::string> warnings;  ///< "column 3 had no name: called 'column_3'"
};

/// Renames what is empty, doubled, reserved (`sample_id`, `_millpond…`) or not a name (see
/// base::CheckName). In strict mode an empty or doubled name is kInvalid; `origin` names the file.
Result<CleanNames> CleanColumnNames(const std::vector<std::string>& found, bool strict,
                                    const std::string& origin);

/// Whether a table keeps this name for itself: `sample_id`, `_millpond…`.
bool IsReservedName(const std::string& name);

/// Spells names as the table does where they differ only in case; `table` may be null.
void FollowTable(const arrow::Schema* table, std::vector<std::string>* names);

}  // namespace millpond::source
