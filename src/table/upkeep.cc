// Counting manifests and removing orphans; verification is in verify.cc.
#include "table/upkeep.h"

#include <algorithm>
#include <set>

#include "base/time.h"
#include "table/expiry.h"
#include "table/manifest_merge.h"
#include "table/reachable.h"
#include "table/snapshot_files.h"

namespace millpond::table {
namespace {

// Folders that start with '_' or '.' are other rooms' (artifacts, pending writes), and only these
// two kinds of folder are a table's.
bool IsOfATable(const std::string& path) {
  if (path.starts_with('_') || path.starts_with('.')) return false;
  return path.find("/data/") != std::string::npos || path.find("/metadata/") != std::string::npos;
}

}  // namespace

Result<ManifestCount> CountManifests(store::BlobStore& store, const TableMetadata& metadata,
                                     int64_t min_count) {
  const Snapshot* snapshot = metadata.current_snapshot();
  if (snapshot == nullptr) return ManifestCount{};
  ARROW_ASSIGN_OR_RAISE(auto list, LoadManifestList(store, *snapshot));
  ManifestCount count;
  count.before = count.after = static_cast<int64_t>(list.size());
  std::erase_if(list, [](const ManifestFile& file) { return !file.MayHaveLiveFiles(); });
  MergeRule rule = MergeRuleOf(metadata);
  rule.enabled = true;
  rule.min_count = min_count;
  const ManifestMerge merge = PlanMerge(std::move(list), rule);
  if (!merge.runs.empty()) {
    count.after = static_cast<int64_t>(merge.untouched.size() + merge.runs.size());
  }
  return count;
}

Result<OrphanReport> RemoveOrphans(Catalog& catalog, int64_t grace_ms, bool dry_run,
                                   const base::Context& context) {
  if (grace_ms < 0) return base::Invalid("the grace period is negative: {} ms", grace_ms);
  store::BlobStore& store = catalog.store();
  int64_t newest = base::NowMs() - grace_ms;
  // Asked before the list: a write that ends meanwhile has committed, or left orphans for next
  // time.
  ARROW_ASSIGN_OR_RAISE(const auto oldest_write, store.OldestWrite());
  if (oldest_write) newest = std::min(newest, *oldest_write - 1);
  // Listed before the walk: what is committed between the two counts as reachable.
  std::set<std::string> present;
  std::vector<store::BlobInfo> old;
  ARROW_RETURN_NOT_OK(store.List("", [&](const store::BlobInfo& blob) {
    present.insert(blob.path);
    if (blob.modified_ms <= newest && IsOfATable(blob.path)) old.push_back(blob);
    return context.CheckStop();
  }));
  // Readers that began before a snapshot expired have the grace period to finish.
  ARROW_ASSIGN_OR_RAISE(const auto expired, ExpiredUntil(catalog.ledger(), newest));
  Reachable reachable(&catalog, &present, &expired, context);
  auto collected = reachable.Collect();
  if (!collected.ok()) {
    return base::WithContext("nothing was removed, because what is needed cannot be told",
                             collected);
  }
  OrphanReport report;
  for (const store::BlobInfo& blob : old) {
    if (reachable.paths().contains(blob.path)) continue;
    ARROW_RETURN_NOT_OK(context.CheckStop());
    if (!dry_run) ARROW_RETURN_NOT_OK(store.Delete(blob.path));
    report.bytes += blob.size;
    report.paths.push_back(blob.path);
  }
  std::sort(report.paths.begin(), report.paths.end());
  if (!dry_run) ARROW_RETURN_NOT_OK(store.RemoveAbandoned(grace_ms).status());
  return report;
}

}  // namespace millpond::table
