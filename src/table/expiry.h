// Which snapshots of a table go by its policy, and what may never go. Policies are Iceberg's own:
// the table properties history.expire.max-snapshot-age-ms, history.expire.min-snapshots-to-keep and
// history.expire.max-ref-age-ms, and the same per branch or tag in the metadata. Pure but for
// reading the ledger. Used by commit, upkeep and what reports what it would do. What is held and
// why: docs/design/upkeep.md.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "ledger/ledger.h"
#include "table/catalog.h"
#include "table/metadata.h"

namespace millpond::table {

/// Where the table and the branch say nothing.
struct ExpiryPolicy {
  int64_t max_snapshot_age_ms = 30LL * 24 * 3600 * 1000;
  int64_t min_snapshots_to_keep = 100;
  int64_t max_ref_age_ms = std::numeric_limits<int64_t>::max();
};

/// What the pond holds, of all tables: snapshot ids are random and shared by none.
struct ExpiryHolds {
  std::set<int64_t> snapshots;
  std::set<std::string> refs;  ///< Branches and tags of the pond: they never expire.
  /// Ledger conditions that fail as kConflict where refs came meanwhile that may hold more.
  ledger::Transaction guard;
};

/// What branches and tags of the pond name, where branches went apart (merges start there), and
/// what frozen datasets are pinned to. A version that is frozen later shows as a tag of its tables.
Result<ExpiryHolds> HeldByPond(Catalog& catalog);

struct Expiry {
  std::set<int64_t> snapshots;
  std::vector<std::string> refs;  ///< Other engines' refs past their age.

  bool empty() const { return snapshots.empty() && refs.empty(); }
};

Expiry PlanExpiry(const TableMetadata& metadata, const ExpiryPolicy& policy,
                  const ExpiryHolds& holds, int64_t now_ms);

/// Their files stay until orphans are removed.
TableMetadata WithoutExpired(const TableMetadata& metadata, const Expiry& expiry);

/// When upkeep took a snapshot from a table, and with which commit.
struct ExpiredBy {
  std::string commit_id;
  int64_t at_ms = 0;
};
/// nullopt: upkeep did not.
Result<std::optional<ExpiredBy>> FindExpiry(ledger::Ledger& ledger, const TableName& name,
                                            int64_t snapshot_id);
/// Snapshots of all tables that upkeep took at `until_ms` or before.
Result<std::set<int64_t>> ExpiredUntil(ledger::Ledger& ledger, int64_t until_ms);

}  // namespace millpond::table
