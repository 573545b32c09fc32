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
};

/// {"healthy", "findings": [{"subject", "problem"}], "orphans": {"files", "bytes", "paths",
/// "removed"}}
Result<base::Json> Doctor(Pond& pond, const DoctorRequest& request, const base::Context& context);

/// {"settings": [{"name", "value", "origin", "help"}]}
base::Json ConfigReport(const base::Config& config);

}  // namespace millpond::api
