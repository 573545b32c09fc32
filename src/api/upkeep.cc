// The steps of upkeep; see the header.
#include "api/upkeep.h"

#include <algorithm>
#include <array>
#include <functional>
#include <utility>

#include "base/log.h"
#include "base/text.h"
#include "base/time.h"
#include "table/commit.h"
#include "table/compaction.h"
#include "table/expiry.h"
#include "table/snapshot_builder.h"
#include "table/upkeep.h"

namespace millpond::api {
namespace {

using base::Json;
using table::PendingCommit;
using table::TableName;

constexpr const char* kCompact = "compact";
constexpr const char* kManifests = "manifests";
constexpr const char* kExpire = "expire";
constexpr const char* kOrphans = "orphans";
constexpr std::array kSteps = {kCompact, kManifests, kExpire, kOrphans};

// A commit copies at most about this much, so that what was done stays done when the rest is
// stopped or conflicts.
constexpr int64_t kBytesPerCommit = 4LL << 30;
constexpr int kAttempts = 3;
constexpr int64_t kMergeManifestsAt = 10;

/// One Upkeep call.
class Run {
 public:
  Run(Pond* pond, const UpkeepRequest& request, const base::Context& context)
      : pond_(*pond), request_(request), context_(context) {}

  Result<Json> All() {
    ARROW_RETURN_NOT_OK(CheckSteps());
    ARROW_ASSIGN_OR_RAISE(const auto tables, Tables());
    for (const TableName& name : tables) {
      ARROW_RETURN_NOT_OK(Step(kCompact, &name, [&](Json* out) { return Compact(name, out); }));
      ARROW_RETURN_NOT_OK(Step(kManifests, &name, [&](Json* out) { return Merge(name, out); }));
      ARROW_RETURN_NOT_OK(Step(kExpire, &name, [&](Json* out) { return Expire(name, out); }));
    }
    ARROW_RETURN_NOT_OK(Step(kOrphans, nullptr, [&](Json* out) { return Orphans(out); }));
    return Json{{"dry_run", request_.dry_run}, {"failed", failed_}, {"steps", std::move(steps_)}};
  }

 private:
  Status CheckSteps() const {
    if (request_.grace_ms < 0) return base::Invalid("the grace period is negative");
    for (const std::string& step : request_.only) {
      if (std::find(kSteps.begin(), kSteps.end(), step) != kSteps.end()) continue;
      return base::Invalid(
          "there is no step '{}'; the steps of upkeep are {}", step,
          base::Join(std::vector<std::string>(kSteps.begin(), kSteps.end()), ", "));
    }
    return Status::OK();
  }

  Result<std::vector<TableName>> Tables() {
    std::vector<TableName> names;
    if (request_.tables.empty()) {
      ARROW_ASSIGN_OR_RAISE(const auto versions, pond_.history().TablesAt(""));
      for (const auto& version : versions) names.push_back(version.table.name);
      return names;
    }
    for (const std::string& text : request_.tables) {
      ARROW_ASSIGN_OR_RAISE(const auto at, table::TableAtRef::Parse(text));
      if (!at.ref.empty()) {
        return base::Invalid("upkeep keeps tables of main in order; name {} without '@{}'",
                             at.table.ToString(), at.ref);
      }
      ARROW_RETURN_NOT_OK(Load(at.table).status());
      names.push_back(at.table);
    }
    return names;
  }

  Result<table::Table> Load(const TableName& name) {
    return pond_.history().OnBranch(name, table::kMainBranch);
  }

  bool IsAsked(const char* step) const {
    if (!request_.only.empty()) {
      return std::find(request_.only.begin(), request_.only.end(), step) != request_.only.end();
    }
    return step != kOrphans || request_.tables.empty();
  }

  // Runs one step and keeps its outcome. Only a request to stop ends the whole run.
  Status Step(const char* step, const TableName* name, const std::function<Status(Json*)>& work) {
    if (!IsAsked(step)) return Status::OK();
    ARROW_RETURN_NOT_OK(context_.CheckStop());
    const std::string subject = name != nullptr ? name->ToString() : "";
    context_.Report({std::string(step) + (subject.empty() ? "" : " " + subject), 0, -1, "steps"});
    Json outcome = {{"step", step},
                    {"table", nullptr},
                    {"outcome", "nothing"},
                    {"error", nullptr},
                    {"commits", Json::array()}};
    if (name != nullptr) outcome["table"] = subject;
    const Status status = work(&outcome);
    if (base::KindOf(status) == base::ErrorKind::kCancelled) return status;
    if (!status.ok()) {
      ++failed_;
      outcome["outcome"] = "failed";
      outcome["error"] = status.message();
      base::Log(base::LogLevel::kWarning, "a step of upkeep failed",
                {{"step", step}, {"table", subject}, {"error", status.message()}});
    }
    steps_.push_back(std::move(outcome));
    return Status::OK();
  }

  void Found(Json* out) const { (*out)["outcome"] = request_.dry_run ? "planned" : "done"; }

  // Tables that Millpond reads and does not write are their owner's to keep in order.
  static bool IsSkipped(const table::Table& table, Json* out) {
    const Status can = table::CheckRewritable(*table.metadata, table.name.ToString());
    if (can.ok()) return false;
    (*out)["outcome"] = "skipped";
    (*out)["error"] = can.message();
    return true;
  }

  PendingCommit Begin(const std::string& message) {
    table::CommitInfo info;
    info.author = pond_.author();
    info.message = message;
    info.operation = table::kUpkeepOperation;
    info.is_upkeep = true;
    return PendingCommit(pond_.catalog(), std::move(info));
  }

  // Others may commit between planning and landing; then the work is planned anew.
  Status WhileConflicts(const std::function<Status()>& attempt) {
    Status status;
    for (int i = 0; i < kAttempts; ++i) {
      status = attempt();
      if (base::KindOf(status) != base::ErrorKind::kConflict) return status;
      ARROW_RETURN_NOT_OK(context_.CheckStop());
    }
    return base::WithContext("others kept changing it; run upkeep again later", status);
  }

  Status Compact(const TableName& name, Json* out) {
    table::CompactionRule rule;
    table::CompactionReport total;
    bool more = true;
    while (more) {
      table::CompactionReport report;
      ARROW_RETURN_NOT_OK(WhileConflicts([&]() -> Status {
        report = {};
        ARROW_ASSIGN_OR_RAISE(const table::Table table, Load(name));
        rule.target_file_size =
            table::TargetFileSize(*table.metadata, pond_.catalog()->settings().target_file_size);
        ARROW_ASSIGN_OR_RAISE(auto plan,
                              PlanCompaction(*pond_.store(), *table.metadata, rule, context_));
        more = false;
        if (plan.empty() || IsSkipped(table, out)) return Status::OK();
        if (request_.dry_run) {
          Estimate(plan, rule, &report);
          return Status::OK();
        }
        more = Cut(&plan);
        return CompactSome(name, plan, &rule, &report, out);
      }));
      total.files_before += report.files_before;
      total.files_after += report.files_after;
      total.bytes_before += report.bytes_before;
      total.bytes_after += report.bytes_after;
      total.rows_deleted += report.rows_deleted;
      total.delete_files_dropped += report.delete_files_dropped;
      Describe(total, out);
    }
    return Status::OK();
  }

  void Describe(const table::CompactionReport& report, Json* out) const {
    (*out)["files_before"] = report.files_before;
    (*out)["files_after"] = report.files_after;
    (*out)["bytes_before"] = report.bytes_before;
    (*out)["bytes_after"] = report.bytes_after;
    (*out)["rows_deleted"] = report.rows_deleted;
    (*out)["delete_files_dropped"] = report.delete_files_dropped;
    if (report.files_before + report.delete_files_dropped > 0) Found(out);
  }

  static void Estimate(const table::CompactionPlan& plan, const table::CompactionRule& rule,
                       table::CompactionReport* report) {
    for (const auto& group : plan.groups) {
      const int64_t rows = std::max<int64_t>(1, group.rows);
      const double stays =
          static_cast<double>(rows - group.deleted_rows) / static_cast<double>(rows);
      const auto bytes = static_cast<int64_t>(static_cast<double>(group.bytes) * stays);
      report->files_before += static_cast<int64_t>(group.files.size());
      report->bytes_before += group.bytes;
      report->bytes_after += bytes;
      report->files_after += std::max<int64_t>(1, bytes / rule.target_file_size);
      report->rows_deleted += group.deleted_rows;
    }
    report->delete_files_dropped = static_cast<int64_t>(plan.dangling.size());
  }

  // Leaves what one commit copies; true where something was left out.
  static bool Cut(table::CompactionPlan* plan) {
    int64_t bytes = 0;
    size_t count = 0;
    while (count < plan->groups.size() && (count == 0 || bytes < kBytesPerCommit)) {
      bytes += plan->groups[count++].bytes;
    }
    const bool more = count < plan->groups.size();
    plan->groups.resize(count);
    return more;
  }

  Status CompactSome(const TableName& name, const table::CompactionPlan& plan,
                     table::CompactionRule* rule, table::CompactionReport* report, Json* out) {
    auto commit = Begin("compact " + name.ToString());
    ARROW_ASSIGN_OR_RAISE(*report, commit.Compact(name, plan, *rule, context_));
    // Also those that could not be rewritten, which the next plan would name again.
    for (const auto& group : plan.groups) {
      for (const auto& file : group.files) rule->left_alone.insert(file.entry.file.uri);
    }
    if (report->files_before + report->delete_files_dropped == 0) return Status::OK();
    commit.info().details["compact"] = {{"files_before", report->files_before},
                                        {"files_after", report->files_after},
                                        {"bytes_before", report->bytes_before},
                                        {"bytes_after", report->bytes_after}};
    Status landed = Land(&commit, out);
    if (!landed.ok()) rule->left_alone.clear();
    return landed;
  }

  Status Land(PendingCommit* commit, Json* out) {
    ARROW_ASSIGN_OR_RAISE(const table::PondCommit landed, commit->Land(context_));
    (*out)["commits"].push_back(landed.id);
    return Status::OK();
  }

  Status Merge(const TableName& name, Json* out) {
    return WhileConflicts([&]() -> Status {
      ARROW_ASSIGN_OR_RAISE(const table::Table table, Load(name));
      ARROW_ASSIGN_OR_RAISE(const auto count,
                            CountManifests(*pond_.store(), *table.metadata, kMergeManifestsAt));
      (*out)["manifests_before"] = count.before;
      (*out)["manifests_after"] = count.after;
      if (count.after == count.before || IsSkipped(table, out)) return Status::OK();
      Found(out);
      if (request_.dry_run) return Status::OK();
      auto commit = Begin("merge manifests of " + name.ToString());
      ARROW_RETURN_NOT_OK(commit.MergeManifests(name, kMergeManifestsAt));
      return Land(&commit, out);
    });
  }

  Status Expire(const TableName& name, Json* out) {
    const table::ExpiryPolicy policy;
    return WhileConflicts([&]() -> Status {
      ARROW_ASSIGN_OR_RAISE(auto holds, table::HeldByPond(*pond_.catalog()));
      ARROW_ASSIGN_OR_RAISE(const table::Table table, Load(name));
      const auto expiry = PlanExpiry(*table.metadata, policy, holds, base::NowMs());
      (*out)["snapshots"] = table.metadata->snapshots.size();
      (*out)["snapshots_expired"] = expiry.snapshots.size();
      (*out)["refs_expired"] = expiry.refs;
      if (expiry.empty() || IsSkipped(table, out)) return Status::OK();
      Found(out);
      if (request_.dry_run) return Status::OK();
      auto commit = Begin("expire snapshots of " + name.ToString());
      ARROW_RETURN_NOT_OK(commit.Expire(name, policy, std::move(holds)));
      return Land(&commit, out);
    });
  }

  Status Orphans(Json* out) {
    ARROW_ASSIGN_OR_RAISE(
        const auto report,
        table::RemoveOrphans(*pond_.catalog(), request_.grace_ms, request_.dry_run, context_));
    (*out)["files"] = report.paths.size();
    (*out)["bytes"] = report.bytes;
    if (!report.paths.empty()) Found(out);
    return Status::OK();
  }

  Pond& pond_;
  const UpkeepRequest& request_;
  const base::Context& context_;
  Json steps_ = Json::array();
  int64_t failed_ = 0;
};

}  // namespace

Result<Json> Upkeep(Pond& pond, const UpkeepRequest& request, const base::Context& context) {
  return Run(&pond, request, context).All();
}

}  // namespace millpond::api
