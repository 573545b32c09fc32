// Expiry by policy; see the header. What the ledger knows of it is in expiry_history.cc.
#include "table/expiry.h"

#include <algorithm>

#include "table/history.h"
#include "table/table_folder.h"

namespace millpond::table {
namespace {

using base::Json;

constexpr const char* kMaxSnapshotAge = "history.expire.max-snapshot-age-ms";
constexpr const char* kMinSnapshots = "history.expire.min-snapshots-to-keep";
constexpr const char* kMaxRefAge = "history.expire.max-ref-age-ms";

ExpiryPolicy PolicyOf(const TableMetadata& metadata, ExpiryPolicy policy) {
  policy.max_snapshot_age_ms = IntProperty(metadata, kMaxSnapshotAge, policy.max_snapshot_age_ms);
  policy.min_snapshots_to_keep =
      std::max<int64_t>(1, IntProperty(metadata, kMinSnapshots, policy.min_snapshots_to_keep));
  policy.max_ref_age_ms = IntProperty(metadata, kMaxRefAge, policy.max_ref_age_ms);
  return policy;
}

// A ref's own words go before the table's.
ExpiryPolicy PolicyOf(const TableMetadata& metadata, const std::string& ref, ExpiryPolicy policy) {
  const auto refs = metadata.json.find("refs");
  if (refs == metadata.json.end() || !refs->is_object()) return policy;
  const auto own = refs->find(ref);
  if (own == refs->end() || !own->is_object()) return policy;
  auto take = [&](const char* key, int64_t* value) {
    const auto found = own->find(key);
    if (found != own->end() && found->is_number_integer()) *value = found->get<int64_t>();
  };
  take("max-snapshot-age-ms", &policy.max_snapshot_age_ms);
  take("min-snapshots-to-keep", &policy.min_snapshots_to_keep);
  take("max-ref-age-ms", &policy.max_ref_age_ms);
  return policy;
}

class Planner {
 public:
  Planner(const TableMetadata& metadata, const ExpiryPolicy& policy, const ExpiryHolds& holds,
          int64_t now_ms)
      : metadata_(metadata), policy_(PolicyOf(metadata, policy)), holds_(holds), now_ms_(now_ms) {}

  Expiry Run() {
    if (metadata_.current_snapshot_id) KeepLine(kMainBranch, *metadata_.current_snapshot_id);
    for (const auto& [name, ref] : metadata_.refs) {
      if (name != kMainBranch) Take(name, ref);
    }
    for (const Snapshot& snapshot : metadata_.snapshots) {
      // What no branch has, another engine may be about to use: staged, or cherry-picked later.
      const bool is_loose = !on_a_line_.contains(snapshot.id);
      const bool is_young = Age(snapshot) <= policy_.max_snapshot_age_ms;
      const bool stays = kept_.contains(snapshot.id) || holds_.snapshots.contains(snapshot.id) ||
                         (is_loose && is_young);
      if (!stays) expiry_.snapshots.insert(snapshot.id);
    }
    return std::move(expiry_);
  }

 private:
  int64_t Age(const Snapshot& snapshot) const { return now_ms_ - snapshot.timestamp_ms; }

  void Take(const std::string& name, const SnapshotRef& ref) {
    const Snapshot* snapshot = metadata_.SnapshotById(ref.snapshot_id);
    const int64_t max_age = PolicyOf(metadata_, name, policy_).max_ref_age_ms;
    const bool is_of_pond =
        holds_.refs.contains(name) || holds_.snapshots.contains(ref.snapshot_id);
    if (snapshot == nullptr || (!is_of_pond && Age(*snapshot) > max_age)) {
      expiry_.refs.push_back(name);
    } else if (ref.is_tag) {
      kept_.insert(ref.snapshot_id);
    } else {
      KeepLine(name, ref.snapshot_id);
    }
  }

  // The newest snapshots of a branch, as many as its policy says, and then those that are young.
  void KeepLine(const std::string& branch, int64_t head) {
    const ExpiryPolicy policy = PolicyOf(metadata_, branch, policy_);
    std::set<int64_t> seen;
    bool keeps = true;
    std::optional<int64_t> id = head;
    while (id && seen.insert(*id).second) {
      const Snapshot* snapshot = metadata_.SnapshotById(*id);
      if (snapshot == nullptr) return;
      const auto count = static_cast<int64_t>(seen.size());
      keeps = keeps && (count <= std::max<int64_t>(1, policy.min_snapshots_to_keep) ||
                        Age(*snapshot) <= policy.max_snapshot_age_ms);
      if (keeps) kept_.insert(*id);
      on_a_line_.insert(*id);
      id = snapshot->parent_id;
    }
  }

  const TableMetadata& metadata_;
  const ExpiryPolicy policy_;
  const ExpiryHolds& holds_;
  const int64_t now_ms_;
  std::set<int64_t> kept_, on_a_line_;
  Expiry expiry_;
};

}  // namespace

Expiry PlanExpiry(const TableMetadata& metadata, const ExpiryPolicy& policy,
                  const ExpiryHolds& holds, int64_t now_ms) {
  return Planner(metadata, policy, holds, now_ms).Run();
}

TableMetadata WithoutExpired(const TableMetadata& metadata, const Expiry& expiry) {
  TableMetadata next = metadata;
  for (const std::string& ref : expiry.refs) next.refs.erase(ref);
  std::erase_if(next.snapshots,
                [&](const Snapshot& snapshot) { return expiry.snapshots.contains(snapshot.id); });
  for (const char* list : {"statistics", "partition-statistics"}) {
    const auto found = next.json.find(list);
    if (found == next.json.end() || !found->is_array()) continue;
    Json kept = Json::array();
    for (Json& one : *found) {
      if (!expiry.snapshots.contains(one.value("snapshot-id", int64_t{-1}))) {
        kept.push_back(std::move(one));
      }
    }
    *found = std::move(kept);
  }
  return next;
}

}  // namespace millpond::table
