// Ledger rows of runs as values, and back. Used by the files of this room.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "ledger/ledger.h"
#include "track/runs.h"

namespace millpond::track {

Result<Run> RunFromRow(const ledger::Row& row);
ledger::Row RowOfRun(const Run& run);
Result<Artifact> ArtifactFromRow(const ledger::Row& row);
Result<MetricPoint> PointFromRow(const ledger::Row& row);

/// Params are kept as canonical JSON, so that 1 and "1" differ and equal values are equal texts.
std::string ParamText(const base::Json& value);

/// Shortest text that reads back as the same double; "NaN", "Infinity", "-Infinity".
std::string MetricText(double value);

/// Metrics of one run, by key and step -> one summary per key.
std::vector<MetricSummary> Summarize(const std::vector<MetricPoint>& points);

/// A metric's value in JSON, where NaN and infinities are texts.
base::Json MetricJson(double value);

}  // namespace millpond::track
