// What the ledger says of expiry: which snapshots branches and tags of the pond hold, and which
// upkeep took when. See expiry.h.
#include <algorithm>

#include "base/json.h"
#include "table/commit_path.h"
#include "table/expiry.h"
#include "table/history.h"
#include "table/history_rows.h"
#include "table/pins.h"

namespace millpond::table {
namespace {

using base::Json;
using ledger::Compare;

// Between machines that make refs.
constexpr int64_t kClocksDifferMs = 10 * 60 * 1000;

// What every table was at a commit.
Status Hold(Catalog& catalog, const std::optional<PondCommit>& commit, ExpiryHolds* holds) {
  ARROW_ASSIGN_OR_RAISE(const CommitPath path, PathTo(catalog.ledger(), PointOf(commit)));
  ARROW_ASSIGN_OR_RAISE(const auto changes, LiveTables(catalog.ledger(), path));
  for (const auto& [name, change] : changes) {
    if (change.snapshot_after) holds->snapshots.insert(*change.snapshot_after);
  }
  return Status::OK();
}

// Snapshot ids that a commit's details say it took from tables, by table.
const Json* ExpiredIn(const PondCommit& commit) {
  const auto found = commit.details.find("expired");
  return found == commit.details.end() || !found->is_object() ? nullptr : &*found;
}

bool Names(const Json& ids, int64_t snapshot_id) {
  return ids.is_array() && std::find(ids.begin(), ids.end(), Json(snapshot_id)) != ids.end();
}

// Fails the transaction where a ref is there by then that was made since those of `created_ms` were
// read. Making a branch touches no table, so nothing else would tell.
void AddGuard(const std::vector<int64_t>& created_ms, ledger::Transaction* transaction) {
  const auto newest = std::max_element(created_ms.begin(), created_ms.end());
  const int64_t from = newest == created_ms.end() ? 0 : *newest - kClocksDifferMs;
  ledger::Conditions fresh = {{"created_ms", Compare::kGreaterEqual, from}};
  std::set<int64_t> known;
  for (const int64_t ms : created_ms) {
    if (ms >= from && known.insert(ms).second) {
      fresh.push_back({"created_ms", Compare::kNotEqual, ms});
    }
  }
  // One row that matches fails the whole transaction; nothing is ever deleted by this.
  transaction->Delete("pond_ref", std::move(fresh), 0,
                      "a branch or tag was made meanwhile, which may hold what was to expire");
}

}  // namespace

Result<ExpiryHolds> HeldByPond(Catalog& catalog) {
  ExpiryHolds holds;
  History history(std::shared_ptr<Catalog>(std::shared_ptr<void>(), &catalog));
  ARROW_ASSIGN_OR_RAISE(const auto refs, history.Refs());
  std::vector<int64_t> created;
  std::vector<std::string> branches;
  for (const PondRef& ref : refs) {
    created.push_back(ref.created_ms);
    holds.refs.insert(ref.name);
    if (ref.kind == kBranchKind && ref.commit_id) branches.push_back(ref.name);
    if (!ref.commit_id) continue;
    ARROW_ASSIGN_OR_RAISE(const PondCommit commit, CommitById(catalog.ledger(), *ref.commit_id));
    ARROW_RETURN_NOT_OK(base::WithContext(ref.name, Hold(catalog, commit, &holds)));
  }
  // A merge compares both sides with the last commits that they share.
  for (size_t i = 0; i < branches.size(); ++i) {
    for (size_t j = i + 1; j < branches.size(); ++j) {
      ARROW_ASSIGN_OR_RAISE(const auto stand, history.Compare(branches[i], branches[j]));
      for (const std::string& id : stand.bases) {
        ARROW_ASSIGN_OR_RAISE(const PondCommit base, CommitById(catalog.ledger(), id));
        ARROW_RETURN_NOT_OK(Hold(catalog, base, &holds));
      }
    }
  }
  ARROW_ASSIGN_OR_RAISE(const auto frozen, FrozenPins(catalog));
  for (const FrozenPin& one : frozen) {
    if (one.pin.snapshot_id) holds.snapshots.insert(*one.pin.snapshot_id);
  }
  AddGuard(created, &holds.guard);
  return holds;
}

Result<std::optional<ExpiredBy>> FindExpiry(ledger::Ledger& ledger, const TableName& name,
                                            int64_t snapshot_id) {
  ARROW_ASSIGN_OR_RAISE(
      const auto rows,
      ledger.Select({.table = "pond_commit_table",
                     .where = {{"table_namespace", Compare::kEqual, name.space},
                               {"table_name", Compare::kEqual, name.name},
                               {"operation", Compare::kEqual, std::string(kExpireOperation)}},
                     .order_by = {{"sequence", true}}}));
  for (const ledger::Row& row : rows) {
    ARROW_ASSIGN_OR_RAISE(const std::string id, ledger::TextOf(row, "commit_id"));
    ARROW_ASSIGN_OR_RAISE(const PondCommit commit, CommitById(ledger, id));
    const Json* expired = ExpiredIn(commit);
    if (expired == nullptr || !expired->contains(name.ToString())) continue;
    if (Names(expired->at(name.ToString()), snapshot_id)) {
      return ExpiredBy{commit.id, commit.created_ms};
    }
  }
  return std::nullopt;
}

Result<std::set<int64_t>> ExpiredUntil(ledger::Ledger& ledger, int64_t until_ms) {
  ARROW_ASSIGN_OR_RAISE(
      const auto rows,
      ledger.Select({.table = "pond_commit",
                     .where = {{"operation", Compare::kEqual, std::string(kUpkeepOperation)},
                               {"created_ms", Compare::kLessEqual, until_ms}}}));
  std::set<int64_t> snapshots;
  for (const ledger::Row& row : rows) {
    ARROW_ASSIGN_OR_RAISE(const PondCommit commit, CommitFromRow(row));
    const Json* expired = ExpiredIn(commit);
    if (expired == nullptr) continue;
    for (const Json& ids : *expired) {
      for (const Json& id : ids) {
        if (id.is_number_integer()) snapshots.insert(id.get<int64_t>());
      }
    }
  }
  return snapshots;
}

}  // namespace millpond::table
