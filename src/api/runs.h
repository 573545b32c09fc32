// Experiments and runs of a pond. The tracker is small and typed already, so surfaces use it as it
// is.
#pragma once

#include "api/pond.h"
#include "base/json.h"
#include "track/runs.h"

namespace millpond::api {

inline track::Tracker TrackerOf(Pond& pond) { return {pond.shared_ledger(), pond.store()}; }

/// {"runs": [track::ToJson(Run)]}, newest first.
Result<base::Json> ListRuns(Pond& pond, const track::RunFilter& filter);
/// track::ToJson(RunDetails).
Result<base::Json> ShowRun(Pond& pond, const std::string& id);

}  // namespace millpond::api
