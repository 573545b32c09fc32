// doctor: is everything that the ledger points to there and whole, and what lies around that
// nothing points to.
#pragma once

#include <cstdint>

#include "api/pond.h"
#include "base/context.h"
#include "base/json.h"

namespace millpond::api {

struct DoctorRequest {
  bool deep = false;            ///< Also open every data file and verify page checksums.
  bool remove_orphans = false;  ///< Delete what nothing reaches and is older than the grace period.
  int64_t grace_ms = 24LL * 3600 * 1000;
  bool repair = false;  ///< First set back tables whose metadata file is missing.
};

/// {"healthy", "findings": [{"subject", "problem"}], "orphans": {"files", "bytes", "paths",
/// "removed"}}, with `repair` also what RepairTables reports.
Result<base::Json> Doctor(Pond& pond, const DoctorRequest& request, const base::Context& context);

/// Sets tables whose metadata file is missing back to what the ledger recorded of them
/// (table/pointer_repair.h). {"repaired": [{"table", "missing", "source", "metadata", "snapshot"}],
/// "lost": [{"subject", "problem"}]}
Result<base::Json> RepairTables(Pond& pond, const base::Context& context);

/// {"settings": [{"name", "value", "origin", "help"}]}
base::Json ConfigReport(const base::Config& config);

}  // namespace millpond::api
