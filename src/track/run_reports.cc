// Reading runs: lists, details, comparisons, and their JSON forms.
#include <algorithm>
#include <set>
#include <utility>

#include "base/time.h"
#include "track/run_rows.h"
#include "track/runs.h"

namespace millpond::track {
namespace {

using base::Json;

Result<std::map<std::string, Json>> ParamsFrom(const std::vector<ledger::Row>& rows) {
  std::map<std::string, Json> params;
  for (const ledger::Row& row : rows) {
    ARROW_ASSIGN_OR_RAISE(const std::string key, ledger::TextOf(row, "key"));
    ARROW_ASSIGN_OR_RAISE(const std::string value, ledger::TextOf(row, "value"));
    auto parsed = base::ParseJson(value, "the param " + key);
    if (!parsed.ok()) return base::WithKind(base::ErrorKind::kCorrupt, parsed.status());
    params[key] = *std::move(parsed);
  }
  return params;
}

/// One list per key with a value for each run (null where it has none), and which keys differ.
void AddColumns(const std::vector<std::map<std::string, Json>>& runs, Json* table, Json* differs) {
  std::set<std::string> keys;
  for (const auto& values : runs) {
    for (const auto& [key, value] : values) keys.insert(key);
  }
  *table = Json::object();
  for (const std::string& key : keys) {
    Json column = Json::array();
    for (const auto& values : runs) {
      const auto found = values.find(key);
      column.push_back(found == values.end() ? Json() : found->second);
    }
    const bool same = std::all_of(column.begin(), column.end(),
                                  [&](const Json& value) { return value == column[0]; });
    if (!same) differs->push_back(key);
    (*table)[key] = std::move(column);
  }
}

}  // namespace

Result<std::vector<Run>> Tracker::List(const RunFilter& filter) {
  ledger::Query query{.table = "run", .order_by = {{"started_ms", true}, {"run_id", true}}};
  if (!filter.experiment.empty()) query.where.push_back({"experiment", {}, filter.experiment});
  if (!filter.status.empty()) query.where.push_back({"status", {}, filter.status});
  if (!filter.dataset.empty()) query.where.push_back({"dataset", {}, filter.dataset});
  query.limit = filter.limit;
  ARROW_ASSIGN_OR_RAISE(auto rows, ledger_->Select(query));
  std::vector<Run> runs;
  for (const ledger::Row& row : rows) {
    ARROW_ASSIGN_OR_RAISE(auto run, RunFromRow(row));
    runs.push_back(std::move(run));
  }
  return runs;
}

Result<RunDetails> Tracker::Show(const std::string& id) {
  RunDetails details;
  ARROW_ASSIGN_OR_RAISE(details.run, Find(id));
  const ledger::Conditions of_run = {{"run_id", {}, details.run.id}};
  ARROW_ASSIGN_OR_RAISE(
      auto results,
      ledger_->SelectAll({{.table = "run_param", .where = of_run},
                          {.table = "run_tag", .where = of_run},
                          {.table = "run_metric", .where = of_run, .order_by = {{"key"}, {"step"}}},
                          {.table = "run_artifact", .where = of_run, .order_by = {{"path"}}}}));
  ARROW_ASSIGN_OR_RAISE(details.params, ParamsFrom(results[0]));
  for (const ledger::Row& row : results[1]) {
    ARROW_ASSIGN_OR_RAISE(const std::string key, ledger::TextOf(row, "key"));
    ARROW_ASSIGN_OR_RAISE(details.tags[key], ledger::TextOf(row, "value"));
  }
  std::vector<MetricPoint> points;
  for (const ledger::Row& row : results[2]) {
    ARROW_ASSIGN_OR_RAISE(auto point, PointFromRow(row));
    points.push_back(std::move(point));
  }
  details.metrics = Summarize(points);
  for (const ledger::Row& row : results[3]) {
    ARROW_ASSIGN_OR_RAISE(auto artifact, ArtifactFromRow(row));
    details.artifacts.push_back(std::move(artifact));
  }
  return details;
}

Result<std::vector<MetricPoint>> Tracker::Metric(const std::string& run_id,
                                                 const std::string& key) {
  ARROW_ASSIGN_OR_RAISE(auto rows,
                        ledger_->Select({.table = "run_metric",
                                         .where = {{"run_id", {}, run_id}, {"key", {}, key}},
                                         .order_by = {{"step"}}}));
  std::vector<MetricPoint> points;
  for (const ledger::Row& row : rows) {
    ARROW_ASSIGN_OR_RAISE(auto point, PointFromRow(row));
    points.push_back(std::move(point));
  }
  return points;
}

Result<Json> Tracker::Compare(const std::vector<std::string>& ids) {
  if (ids.size() < 2) return base::Invalid("name two runs or more to compare");
  std::vector<std::map<std::string, Json>> facts, params, metrics;
  Json runs = Json::array();
  for (const std::string& id : ids) {
    ARROW_ASSIGN_OR_RAISE(const RunDetails details, Show(id));
    const Run& run = details.run;
    runs.push_back(ToJson(run));
    facts.push_back({{"dataset", run.dataset},
                     {"dataset_hash", run.dataset_hash},
                     {"code_commit", run.code_commit},
                     {"environment", run.environment}});
    params.push_back(details.params);
    auto& last = metrics.emplace_back();
    for (const MetricSummary& metric : details.metrics) last[metric.key] = MetricJson(metric.last);
  }
  Json comparison = {{"runs", std::move(runs)}, {"differs", Json::array()}};
  AddColumns(facts, &comparison["facts"], &comparison["differs"]);
  AddColumns(params, &comparison["params"], &comparison["differs"]);
  AddColumns(metrics, &comparison["metrics"], &comparison["differs"]);
  return comparison;
}

Json ToJson(const Experiment& experiment) {
  return {{"name", experiment.name},
          {"description", experiment.description},
          {"created", base::FormatUtc(experiment.created_ms)}};
}

Json ToJson(const Run& run) {
  return {{"id", run.id},
          {"experiment", run.experiment},
          {"name", run.name},
          {"status", run.status},
          {"author", run.author},
          {"started", base::FormatUtc(run.started_ms)},
          {"ended", run.ended_ms ? Json(base::FormatUtc(*run.ended_ms)) : Json()},
          {"dataset", run.dataset},
          {"dataset_hash", run.dataset_hash},
          {"code_commit", run.code_commit},
          {"environment", run.environment},
          {"error", run.error}};
}

Json ToJson(const RunDetails& details) {
  Json json = ToJson(details.run);
  json["params"] = details.params;
  json["tags"] = details.tags;
  json["metrics"] = Json::object();
  for (const MetricSummary& metric : details.metrics) {
    json["metrics"][metric.key] = {{"last", MetricJson(metric.last)},
                                   {"min", MetricJson(metric.min)},
                                   {"max", MetricJson(metric.max)},
                                   {"last_step", metric.last_step},
                                   {"points", metric.points}};
  }
  json["artifacts"] = Json::array();
  for (const Artifact& artifact : details.artifacts) {
    json["artifacts"].push_back({{"path", artifact.path},
                                 {"size", artifact.size},
                                 {"sha256", artifact.sha256},
                                 {"created", base::FormatUtc(artifact.created_ms)}});
  }
  return json;
}

}  // namespace millpond::track
