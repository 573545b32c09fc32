// Whether a planned change of rows still holds: what others committed since its base snapshot is
// looked at by what its manifests say. Pure but for reading manifests.
#include <set>

#include "table/file_lookup.h"
#include "table/row_change_plan.h"
#include "table/snapshot_files.h"

namespace millpond::table {
namespace {

constexpr int32_t kEqualityDeletes = 2;

class Validation {
 public:
  Validation(const RowChangePlan& plan, store::BlobStore& store, const TableMetadata& now,
             const std::string& name)
      : plan_(plan),
        store_(store),
        now_(now),
        name_(name),
        pruner_(*now.schema().arrow, plan.looked_for) {
    for (const auto& [uri, manifest] : plan.touched) touched_.insert(uri);
    missing_ = plan.touched;
  }

  Status Run() {
    ARROW_RETURN_NOT_OK(FindSince());
    ARROW_ASSIGN_OR_RAISE(const auto list, LoadManifestList(store_, *now_.current_snapshot()));
    std::set<std::string> listed;
    for (const ManifestFile& file : list) listed.insert(file.uri);
    std::erase_if(missing_, [&](const auto& file) { return listed.contains(file.second); });
    for (const ManifestFile& file : list) {
      if (since_.contains(file.added_snapshot_id)) ARROW_RETURN_NOT_OK(Look(file));
    }
    if (missing_.empty()) return Status::OK();
    return base::Conflict(
        "{}: someone else removed or rewrote {} meanwhile, where rows were to change; try again",
        name_, missing_.begin()->first);
  }

 private:
  Status FindSince() {
    std::optional<int64_t> id = now_.current_snapshot_id;
    while (id != plan_.base_snapshot) {
      const Snapshot* snapshot = id ? now_.SnapshotById(*id) : nullptr;
      if (snapshot == nullptr) {
        return base::Conflict(
            "{} was set back to an older version, or its history cut short, meanwhile; try again",
            name_);
      }
      since_.insert(*id);
      const auto operation = snapshot->summary.find("operation");
      // Compaction moves rows and adds none.
      if (operation == snapshot->summary.end() || operation->second != "replace") {
        adding_.insert(*id);
      }
      id = snapshot->parent_id;
    }
    return Status::OK();
  }

  Status Look(const ManifestFile& file) {
    ARROW_ASSIGN_OR_RAISE(const Manifest manifest, LoadManifest(store_, file));
    for (const ManifestEntry& entry : manifest.entries) {
      if (entry.status == EntryStatus::kDeleted) continue;
      if (entry.content == 0) missing_.erase(entry.file.uri);
      const int64_t by = entry.snapshot_id.value_or(0);
      if (entry.content != 0 && since_.contains(by) && !touched_.empty() &&
          !(plan_.equality_deletes_pass && entry.content == kEqualityDeletes) &&
          MayDeleteFrom(entry, touched_)) {
        return base::Conflict(
            "{}: someone else deleted rows of the same data files meanwhile (snapshot {}); try "
            "again",
            name_, by);
      }
      if (entry.content == 0 && plan_.serializable && adding_.contains(by) &&
          pruner_.MayMatch(entry.file)) {
        return base::Conflict(
            "{}: someone else added rows meanwhile that may be among those looked for (snapshot "
            "{}); try again",
            name_, by);
      }
    }
    return Status::OK();
  }

  const RowChangePlan& plan_;
  store::BlobStore& store_;
  const TableMetadata& now_;
  const std::string& name_;
  const FilePruner pruner_;
  std::set<std::string> touched_;
  std::map<std::string, std::string> missing_;  // Touched files not yet seen to be there.
  std::set<int64_t> since_, adding_;            // Snapshots after the base.
};

}  // namespace

Status ValidateRowChange(const RowChangePlan& plan, store::BlobStore& store,
                         const TableMetadata& now, const std::string& table_name) {
  if (now.current_snapshot_id == plan.base_snapshot) return Status::OK();
  if (now.current_snapshot() == nullptr) {
    return base::Conflict("{} was emptied meanwhile; try again", table_name);
  }
  return Validation(plan, store, now, table_name).Run();
}

}  // namespace millpond::table
