// What upkeep asks of a table: its rows and its current snapshot's meaning stay what they are. Part
// of TableDraft.
#include <utility>

#include "base/time.h"
#include "table/commit_plan.h"
#include "table/history_rows.h"

namespace millpond::table {

// Files of partitioned tables are rewritten one partition at a time, so those may be, too.
Status TableDraft::BeginUpkeep() {
  ARROW_RETURN_NOT_OK(Ask(Request::kUpkeep));
  ARROW_RETURN_NOT_OK(UseExisting());
  return CheckRewritable(*opened_->metadata, name_.ToString());
}

Status TableDraft::Compact(const CompactionPlan& plan, const CompactionRule& rule,
                           const base::Context& context, CompactionReport* report) {
  ARROW_RETURN_NOT_OK(BeginUpkeep());
  ARROW_ASSIGN_OR_RAISE(row_change_,
                        table::Compact(catalog_, *opened_, plan, rule, context, report));
  return Status::OK();
}

Status TableDraft::MergeManifests(int64_t min_count) {
  ARROW_RETURN_NOT_OK(BeginUpkeep());
  merge_manifests_at_ = min_count;
  return Status::OK();
}

Status TableDraft::Expire(const ExpiryPolicy& policy, ExpiryHolds holds) {
  ARROW_RETURN_NOT_OK(Ask(Request::kExpire));
  expiry_policy_ = policy;
  expiry_holds_ = std::move(holds);
  return Status::OK();
}

// Planned anew in every attempt: a ref that came meanwhile holds what it names.
Result<std::optional<TablePlan>> TableDraft::PlanExpire(const TableBasis& basis, BlobBatch* blobs) {
  if (!basis.stored || !basis.current) {
    return base::Conflict("table {} was dropped meanwhile", name_.ToString());
  }
  if (IsPlannedOn(basis)) return planned_;
  DiscardAttempt();
  const TableMetadata& now = *basis.stored->metadata;
  const Expiry expiry = PlanExpiry(now, expiry_policy_, expiry_holds_, base::NowMs());
  if (expiry.empty()) return std::nullopt;
  ARROW_ASSIGN_OR_RAISE(WrittenMetadata written,
                        WriteMetadata(&*basis.stored, name_, WithoutExpired(now, expiry), blobs));
  TablePlan plan = PlanTo(name_, basis, written.table, kExpireOperation);
  plan.written = std::move(written);
  plan.expired = expiry.snapshots;
  return Keep(basis, std::move(plan));
}

}  // namespace millpond::table
