// What api::RepairTables reports, as a person reads it. Used by ledger restore and doctor.
#pragma once

#include "base/json.h"
#include "cli/json_view.h"
#include "cli/terminal.h"

namespace millpond::cli {

/// Prints nothing for a report without a repair.
inline void PrintRepair(Terminal& terminal, const base::Json& report) {
  if (!report.contains("repaired")) return;
  for (const auto& one : report["repaired"]) {
    terminal.Line(fmt::format("{}: its metadata of then had been trimmed; set back to {} from {}",
                              TextOf(one["table"]),
                              one["snapshot"].is_null() ? std::string("having no rows")
                                                        : "snapshot " + TextOf(one["snapshot"]),
                              TextOf(one["source"])));
  }
  for (const auto& one : report["lost"]) {
    terminal.Line(terminal.Paint(Tone::kBad, TextOf(one["subject"])) + ": " +
                  TextOf(one["problem"]));
  }
}

}  // namespace millpond::cli
