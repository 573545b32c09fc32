// Experiments, runs, params, metrics and tags in the ledger. Artifacts are in artifacts.cc, reading
// and comparing in run_reports.cc.
#include "track/runs.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/random_id.h"
#include "base/text.h"
#include "base/time.h"
#include "track/run_rows.h"

namespace millpond::track {
namespace {

using base::Invalid;
using base::Json;

constexpr size_t kLongestKey = 250;
constexpr size_t kShortestPrefix = 4;

/// Keys may hold '/' and '.', as in "val/loss": they are no table's or column's names.
Status CheckKey(const std::string& key, const char* what) {
  const bool control = std::any_of(key.begin(), key.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
  });
  if (key.empty() || key.size() > kLongestKey || control || !base::IsValidUtf8(key)) {
    return Invalid("a {} has 1 to {} bytes of UTF-8 without control characters", what, kLongestKey);
  }
  return Status::OK();
}

}  // namespace

Result<Experiment> Tracker::CreateExperiment(const std::string& name,
                                             const std::string& description) {
  ARROW_RETURN_NOT_OK(base::CheckName(name, "experiment name"));
  Experiment experiment{name, description, base::NowMs()};
  ledger::Transaction transaction;
  transaction.Insert(
      "experiment",
      {{"name", name}, {"description", description}, {"created_ms", experiment.created_ms}},
      "the experiment '" + name + "' exists");
  ARROW_RETURN_NOT_OK(ledger_->Apply(transaction));
  return experiment;
}

Result<std::vector<Experiment>> Tracker::Experiments() {
  ARROW_ASSIGN_OR_RAISE(auto rows,
                        ledger_->Select({.table = "experiment", .order_by = {{"name"}}}));
  std::vector<Experiment> experiments;
  for (const ledger::Row& row : rows) {
    Experiment experiment;
    ARROW_ASSIGN_OR_RAISE(experiment.name, ledger::TextOf(row, "name"));
    ARROW_ASSIGN_OR_RAISE(experiment.description, ledger::TextOf(row, "description"));
    ARROW_ASSIGN_OR_RAISE(experiment.created_ms, ledger::IntOf(row, "created_ms"));
    experiments.push_back(std::move(experiment));
  }
  return experiments;
}

Result<Run> Tracker::Start(const RunStart& start) {
  ARROW_RETURN_NOT_OK(base::CheckName(start.experiment, "experiment name"));
  if (start.author.empty()) return Invalid("a run needs an author");
  if (!start.environment.is_object()) return Invalid("a run's environment is a JSON object");
  Run run;
  run.id = base::NewUuid();
  run.experiment = start.experiment;
  run.name = start.name;
  run.status = "running";
  run.author = start.author;
  run.started_ms = base::NowMs();
  run.dataset = start.dataset;
  run.dataset_hash = start.dataset_hash;
  run.code_commit = start.code_commit.empty() ? GitCommitOf(start.code_folder) : start.code_commit;
  run.environment = start.environment;
  if (run.name.empty()) {
    ARROW_ASSIGN_OR_RAISE(const int64_t number, ledger_->Reserve("run/" + run.experiment, 1));
    run.name = fmt::format("{}-{}", run.experiment, number + 1);
  }
  ARROW_RETURN_NOT_OK(CheckKey(run.name, "run name"));
  ledger::Transaction transaction;
  ARROW_ASSIGN_OR_RAISE(auto known, ledger_->Select({.table = "experiment",
                                                     .where = {{"name", {}, run.experiment}}}));
  if (known.empty()) {
    // Upsert: another process may make it at the same moment.
    transaction.Upsert(
        "experiment",
        {{"name", run.experiment}, {"description", std::string()}, {"created_ms", run.started_ms}});
  }
  transaction.Insert("run", RowOfRun(run));
  for (const auto& [key, value] : start.params) {
    ARROW_RETURN_NOT_OK(CheckKey(key, "param"));
    transaction.Insert("run_param",
                       {{"run_id", run.id}, {"key", key}, {"value", ParamText(value)}});
  }
  for (const auto& [key, value] : start.tags) {
    ARROW_RETURN_NOT_OK(CheckKey(key, "tag"));
    transaction.Insert("run_tag", {{"run_id", run.id}, {"key", key}, {"value", value}});
  }
  ARROW_RETURN_NOT_OK(ledger_->Apply(transaction));
  return run;
}

Result<Run> Tracker::Find(const std::string& id) {
  std::vector<ledger::Row> rows;
  if (id.size() >= kShortestPrefix) {
    ARROW_ASSIGN_OR_RAISE(
        rows,
        ledger_->Select(
            {.table = "run", .where = {{"run_id", ledger::Compare::kStartsWith, id}}, .limit = 2}));
  }
  if (rows.empty()) {
    ARROW_ASSIGN_OR_RAISE(
        rows, ledger_->Select({.table = "run", .where = {{"name", {}, id}}, .limit = 2}));
  }
  if (rows.empty()) {
    return base::NotFound("there is no run '{}'; `millpond run ls` lists them", id);
  }
  if (rows.size() > 1) return Invalid("several runs are called '{}'; use more of the run's id", id);
  return RunFromRow(rows[0]);
}

Result<Run> Tracker::Writable(const std::string& run_id) {
  ARROW_ASSIGN_OR_RAISE(auto rows,
                        ledger_->Select({.table = "run", .where = {{"run_id", {}, run_id}}}));
  if (rows.empty()) return base::NotFound("there is no run with the id {}", run_id);
  return RunFromRow(rows[0]);
}

Status Tracker::LogParams(const std::string& run_id, const std::map<std::string, Json>& params) {
  ARROW_RETURN_NOT_OK(Writable(run_id).status());
  ARROW_ASSIGN_OR_RAISE(auto rows,
                        ledger_->Select({.table = "run_param", .where = {{"run_id", {}, run_id}}}));
  std::map<std::string, std::string> known;
  for (const ledger::Row& row : rows) {
    ARROW_ASSIGN_OR_RAISE(const std::string key, ledger::TextOf(row, "key"));
    ARROW_ASSIGN_OR_RAISE(known[key], ledger::TextOf(row, "value"));
  }
  ledger::Transaction transaction;
  for (const auto& [key, value] : params) {
    ARROW_RETURN_NOT_OK(CheckKey(key, "param"));
    const std::string text = ParamText(value);
    const auto found = known.find(key);
    if (found == known.end()) {
      transaction.Insert("run_param", {{"run_id", run_id}, {"key", key}, {"value", text}},
                         "the param '" + key + "' was set meanwhile");
    } else if (found->second != text) {
      return base::Conflict(
          "the param '{}' of this run is {} and cannot become {}; params are "
          "set once, start another run",
          key, found->second, text);
    }
  }
  if (transaction.empty()) return Status::OK();
  const Status applied = ledger_->Apply(transaction);
  // Another process set one of them first: an insert that lost is a conflict, not a taken name.
  return !applied.ok() && base::KindOf(applied) == base::ErrorKind::kAlreadyExists
             ? base::WithKind(base::ErrorKind::kConflict, applied)
             : applied;
}

Status Tracker::LogMetrics(const std::string& run_id, const std::vector<MetricPoint>& points) {
  ARROW_RETURN_NOT_OK(Writable(run_id).status());
  const int64_t now = base::NowMs();
  ledger::Transaction transaction;
  for (const MetricPoint& point : points) {
    ARROW_RETURN_NOT_OK(CheckKey(point.key, "metric"));
    transaction.Upsert("run_metric", {{"run_id", run_id},
                                      {"key", point.key},
                                      {"step", point.step},
                                      {"value", MetricText(point.value)},
                                      {"recorded_ms", point.recorded_ms.value_or(now)}});
  }
  return transaction.empty() ? Status::OK() : ledger_->Apply(transaction);
}

Status Tracker::SetTags(const std::string& run_id, const std::map<std::string, std::string>& tags) {
  ARROW_RETURN_NOT_OK(Writable(run_id).status());
  ledger::Transaction transaction;
  for (const auto& [key, value] : tags) {
    ARROW_RETURN_NOT_OK(CheckKey(key, "tag"));
    transaction.Upsert("run_tag", {{"run_id", run_id}, {"key", key}, {"value", value}});
  }
  return transaction.empty() ? Status::OK() : ledger_->Apply(transaction);
}

Result<Run> Tracker::Finish(const std::string& run_id, const std::string& status,
                            const std::string& error) {
  static const std::vector<std::string> kEnds = {"finished", "failed", "killed"};
  if (std::find(kEnds.begin(), kEnds.end(), status) == kEnds.end()) {
    return Invalid("a run ends as finished, failed or killed, not '{}'.{}", status,
                   base::DidYouMean(status, kEnds));
  }
  ARROW_ASSIGN_OR_RAISE(Run run, Writable(run_id));
  run.status = status;
  run.ended_ms = std::max(base::NowMs(), run.started_ms);
  run.error = error;
  ledger::Row set = {{"status", run.status}, {"ended_ms", *run.ended_ms}};
  if (!error.empty()) set["error"] = error;
  ledger::Transaction transaction;
  transaction.Update("run", set, {{"run_id", {}, run_id}, {"ended_ms", {}, {}}}, 1,
                     "the run " + run.name + " has ended already");
  ARROW_RETURN_NOT_OK(ledger_->Apply(transaction));
  return run;
}

}  // namespace millpond::track
