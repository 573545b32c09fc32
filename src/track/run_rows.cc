// Rows and values; see the header.
#include "track/run_rows.h"

#include <charconv>
#include <cmath>
#include <limits>
#include <utility>

namespace millpond::track {
namespace {

using base::Json;

void SetText(ledger::Row* row, const char* column, const std::string& text) {
  if (!text.empty()) (*row)[column] = text;
}

Result<std::string> TextOrEmpty(const ledger::Row& row, const std::string& column) {
  ARROW_ASSIGN_OR_RAISE(auto text, ledger::OptionalTextOf(row, column));
  return text.value_or("");
}

Result<double> ParseMetric(const std::string& text) {
  if (text == "NaN") return std::numeric_limits<double>::quiet_NaN();
  if (text == "Infinity") return std::numeric_limits<double>::infinity();
  if (text == "-Infinity") return -std::numeric_limits<double>::infinity();
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    return base::Corrupt("the metric value '{}' in the ledger is not a number", text);
  }
  return value;
}

}  // namespace

Result<Run> RunFromRow(const ledger::Row& row) {
  Run run;
  ARROW_ASSIGN_OR_RAISE(run.id, ledger::TextOf(row, "run_id"));
  ARROW_ASSIGN_OR_RAISE(run.experiment, ledger::TextOf(row, "experiment"));
  ARROW_ASSIGN_OR_RAISE(run.name, ledger::TextOf(row, "name"));
  ARROW_ASSIGN_OR_RAISE(run.status, ledger::TextOf(row, "status"));
  ARROW_ASSIGN_OR_RAISE(run.author, ledger::TextOf(row, "author"));
  ARROW_ASSIGN_OR_RAISE(run.started_ms, ledger::IntOf(row, "started_ms"));
  ARROW_ASSIGN_OR_RAISE(run.ended_ms, ledger::OptionalIntOf(row, "ended_ms"));
  ARROW_ASSIGN_OR_RAISE(run.dataset, TextOrEmpty(row, "dataset"));
  ARROW_ASSIGN_OR_RAISE(run.dataset_hash, TextOrEmpty(row, "dataset_hash"));
  ARROW_ASSIGN_OR_RAISE(run.code_commit, TextOrEmpty(row, "code_commit"));
  ARROW_ASSIGN_OR_RAISE(run.error, TextOrEmpty(row, "error"));
  ARROW_ASSIGN_OR_RAISE(const std::string environment, ledger::TextOf(row, "environment"));
  auto parsed = base::ParseJson(environment, "the environment of run " + run.id);
  if (!parsed.ok()) return base::WithKind(base::ErrorKind::kCorrupt, parsed.status());
  run.environment = *std::move(parsed);
  return run;
}

ledger::Row RowOfRun(const Run& run) {
  ledger::Row row = {{"run_id", run.id},
                     {"experiment", run.experiment},
                     {"name", run.name},
                     {"status", run.status},
                     {"author", run.author},
                     {"started_ms", run.started_ms},
                     {"environment", base::CanonicalJson(run.environment)}};
  if (run.ended_ms) row["ended_ms"] = *run.ended_ms;
  SetText(&row, "dataset", run.dataset);
  SetText(&row, "dataset_hash", run.dataset_hash);
  SetText(&row, "code_commit", run.code_commit);
  SetText(&row, "error", run.error);
  return row;
}

Result<Artifact> ArtifactFromRow(const ledger::Row& row) {
  Artifact artifact;
  ARROW_ASSIGN_OR_RAISE(artifact.path, ledger::TextOf(row, "path"));
  ARROW_ASSIGN_OR_RAISE(artifact.blob, ledger::TextOf(row, "blob"));
  ARROW_ASSIGN_OR_RAISE(artifact.size, ledger::IntOf(row, "size"));
  ARROW_ASSIGN_OR_RAISE(artifact.sha256, ledger::TextOf(row, "sha256"));
  ARROW_ASSIGN_OR_RAISE(artifact.created_ms, ledger::IntOf(row, "created_ms"));
  return artifact;
}

Result<MetricPoint> PointFromRow(const ledger::Row& row) {
  MetricPoint point;
  ARROW_ASSIGN_OR_RAISE(point.key, ledger::TextOf(row, "key"));
  ARROW_ASSIGN_OR_RAISE(point.step, ledger::IntOf(row, "step"));
  ARROW_ASSIGN_OR_RAISE(const std::string value, ledger::TextOf(row, "value"));
  ARROW_ASSIGN_OR_RAISE(point.value, ParseMetric(value));
  ARROW_ASSIGN_OR_RAISE(point.recorded_ms, ledger::IntOf(row, "recorded_ms"));
  return point;
}

std::string ParamText(const Json& value) { return base::CanonicalJson(value); }

std::string MetricText(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
  return fmt::format("{}", value);
}

std::vector<MetricSummary> Summarize(const std::vector<MetricPoint>& points) {
  std::vector<MetricSummary> summaries;
  for (const MetricPoint& point : points) {
    if (summaries.empty() || summaries.back().key != point.key) {
      const double none = std::numeric_limits<double>::quiet_NaN();
      summaries.push_back({.key = point.key, .min = none, .max = none});
    }
    MetricSummary& summary = summaries.back();
    ++summary.points;
    summary.last_step = point.step;
    summary.last = point.value;
    // fmin and fmax leave NaN out.
    summary.min = std::fmin(summary.min, point.value);
    summary.max = std::fmax(summary.max, point.value);
  }
  return summaries;
}

Json MetricJson(double value) {
  return std::isfinite(value) ? Json(value) : Json(MetricText(value));
}

}  // namespace millpond::track
