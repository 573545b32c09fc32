// The report of a change of rows as a person reads it. Used by sql and by the verbs that change.
#pragma once

#include "base/json.h"
#include "cli/terminal.h"

namespace millpond::cli {

void PrintChange(Terminal& terminal, const base::Json& report, bool dry_run);

}  // namespace millpond::cli
