// What versions of one table have in common, file by file. Called by planner.cc for statements that
// look for differences.
#pragma once

#include <vector>

#include "table/scan_plan.h"

namespace millpond::query {

/// Takes out of each plan the data files that every one of them reads alike: the same file with the
/// same deletes. A single plan stays as it is.
void LeaveOutSharedFiles(const std::vector<table::ScanPlan*>& plans);

}  // namespace millpond::query
