// upkeep: keeps the tables of main in order in steps that do not depend on each other (compact,
// manifests, expire, orphans), or says what each would do. Safe beside writers, readers and other
// upkeeps. Design: docs/design/upkeep.md.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "api/pond.h"
#include "base/context.h"
#include "base/json.h"

namespace millpond::api {

struct UpkeepRequest {
  std::vector<std::string> tables = {};  ///< Empty: all of main.
  /// Steps by name; empty: all, but orphans only where no table is named: they are the pond's.
  std::vector<std::string> only = {};
  bool dry_run = false;
  int64_t grace_ms = 24LL * 3600 * 1000;  ///< Of orphans, and of files of expired snapshots.
};

/// {"dry_run", "failed": how many, "steps": [{"step", "table" (null: the pond), "outcome": "done",
/// "planned", "nothing", "skipped" (not ours to write) or "failed", "commits": [id], "error", and
/// of
///   compact: "files_before", "files_after", "bytes_before", "bytes_after", "rows_deleted",
///            "delete_files_dropped"
///   manifests: "manifests_before", "manifests_after"
///   expire: "snapshots", "snapshots_expired", "refs_expired"
///   orphans: "files", "bytes"}]}. In a dry run of compact "bytes_after" and "files_after" are
/// estimates. kInvalid for an unknown step, kNotFound for an unknown table, kCancelled where it was
/// stopped (what landed stays); every other error is a step's.
Result<base::Json> Upkeep(Pond& pond, const UpkeepRequest& request, const base::Context& context);

}  // namespace millpond::api
