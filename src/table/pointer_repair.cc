// See the header. Per table: what the ledger recorded, the oldest later metadata file that holds
// it, and one ledger transaction that swaps the pointer.
#include "table/pointer_repair.h"

#include <algorithm>
#include <map>
#include <utility>

#include "table/branch_view.h"
#include "table/commit_path.h"
#include "table/history_rows.h"
#include "table/ref_landing.h"

namespace millpond::table {
namespace {

using ledger::Compare;

// What the ledger says that a table was, on main and on the branches that changed it.
struct Recorded {
  std::optional<TableChange> main;
  std::map<std::string, TableChange> branches;
};

Result<std::optional<TableChange>> LastOn(Catalog& catalog, const TableName& name,
                                          const std::string& branch) {
  ARROW_ASSIGN_OR_RAISE(PondRef ref, FindBranch(catalog.ledger(), branch));
  std::optional<PondCommit> head;
  if (ref.commit_id) {
    ARROW_ASSIGN_OR_RAISE(head, CommitById(catalog.ledger(), *ref.commit_id));
  }
  ARROW_ASSIGN_OR_RAISE(CommitPath path, PathTo(catalog.ledger(), PointOf(head)));
  ARROW_ASSIGN_OR_RAISE(auto changes, LastChanges(catalog.ledger(), path, {name}));
  if (changes.empty() || changes.begin()->second.operation == kDropOperation) return std::nullopt;
  return changes.begin()->second;
}

Result<Recorded> RecordOf(Catalog& catalog, const TableName& name) {
  Recorded recorded;
  ARROW_ASSIGN_OR_RAISE(recorded.main, LastOn(catalog, name, kMainBranch));
  ARROW_ASSIGN_OR_RAISE(auto branches, BranchesOf(catalog.ledger(), name));
  for (const std::string& branch : branches) {
    ARROW_ASSIGN_OR_RAISE(auto last, LastOn(catalog, name, branch));
    if (last) recorded.branches[branch] = *std::move(last);
  }
  return recorded;
}

// A snapshot that a commit made which this ledger does not know: it came after the backup.
Result<bool> IsLater(Catalog& catalog, const Snapshot& snapshot) {
  auto commit = snapshot.summary.find("millpond.commit-id");
  if (commit == snapshot.summary.end()) return false;
  ARROW_ASSIGN_OR_RAISE(auto rows, catalog.ledger().Select(CommitQuery(commit->second)));
  return rows.empty();
}

// When the missing file was written, as the log of a later one says.
std::optional<int64_t> TimeInLog(const TableMetadata& metadata, const std::string& missing) {
  auto log = metadata.json.find("metadata-log");
  if (log == metadata.json.end() || !log->is_array()) return std::nullopt;
  for (const base::Json& entry : *log) {
    if (entry.value("metadata-file", std::string()) == missing) {
      return entry.value("timestamp-ms", int64_t{0});
    }
  }
  return std::nullopt;
}

struct Candidate {
  Table table;
  std::optional<int64_t> time;  // Of the missing file, where this one's log names it.
};

// The table's metadata files, those first whose log names the missing one, each kind oldest first.
Result<std::vector<Candidate>> CandidatesFor(Catalog& catalog, const TableName& name,
                                             const std::string& missing,
                                             const base::Context& context) {
  store::BlobStore& store = catalog.store();
  ARROW_ASSIGN_OR_RAISE(std::string path, store.PathOf(missing));
  std::vector<std::string> locations;
  ARROW_RETURN_NOT_OK(
      store.List(path.substr(0, path.rfind('/') + 1), [&](const store::BlobInfo& blob) {
        if (blob.path.find(".metadata.json") != std::string::npos) {
          locations.push_back(store.UriOf(blob.path));
        }
        return context.CheckStop();
      }));
  std::vector<Candidate> candidates;
  for (const std::string& location : locations) {
    ARROW_RETURN_NOT_OK(context.CheckStop());
    auto table = catalog.LoadAt(name, location);
    if (!table.ok()) continue;  // Damaged, or trimmed since; another may serve.
    const auto time = TimeInLog(*table->metadata, missing);
    candidates.push_back({*std::move(table), time});
  }
  const auto age = [](const Candidate& one) {
    const TableMetadata& metadata = *one.table.metadata;
    return std::tuple(!one.time.has_value(), metadata.last_sequence_number,
                      metadata.last_updated_ms, one.table.metadata_location);
  };
  std::sort(candidates.begin(), candidates.end(),
            [&](const Candidate& a, const Candidate& b) { return age(a) < age(b); });
  return candidates;
}

// What main was while the missing file was the table's, other engines' commits included.
Result<std::optional<int64_t>> MainBy(Catalog& catalog, const TableMetadata& metadata,
                                      int64_t time) {
  std::optional<int64_t> main;
  auto log = metadata.json.find("snapshot-log");
  if (log == metadata.json.end() || !log->is_array()) return main;
  for (const base::Json& entry : *log) {
    if (entry.value("timestamp-ms", int64_t{0}) > time) break;
    const Snapshot* snapshot = metadata.SnapshotById(entry.value("snapshot-id", int64_t{0}));
    if (snapshot == nullptr) continue;
    ARROW_ASSIGN_OR_RAISE(const bool later, IsLater(catalog, *snapshot));
    if (!later) main = snapshot->id;
  }
  return main;
}

// Main's snapshot and schema in the candidate; nullopt where the candidate cannot tell.
Result<std::optional<TableMetadata>> MainAsRecorded(Catalog& catalog, const Candidate& candidate,
                                                    const std::string& missing,
                                                    const Recorded& recorded) {
  TableMetadata next = *candidate.table.metadata;
  const auto& last = recorded.main;
  std::optional<int64_t> main = last ? last->snapshot_after : std::nullopt;
  if (candidate.time && (!last || last->metadata_after != missing)) {
    ARROW_ASSIGN_OR_RAISE(auto then, MainBy(catalog, next, *candidate.time));
    if (then) main = then;
  }
  if (!last && !main && recorded.branches.empty()) return std::nullopt;
  if (main && next.SnapshotById(*main) == nullptr) return std::nullopt;
  next.current_snapshot_id = main;
  next.refs.erase(kMainBranch);
  if (main) next.refs[kMainBranch] = {*main, false};
  if (last && last->schema_id && main == last->snapshot_after) {
    next.current_schema_id = static_cast<int32_t>(*last->schema_id);
    if (next.SchemaById(next.current_schema_id) == nullptr) return std::nullopt;
  } else if (main) {
    next.current_schema_id = next.SchemaOf(*next.SnapshotById(*main)).id;
  }
  // Only branches had the table then, whatever a merge made of it since.
  if (!last && !main) next.properties[kBranchOnlyProperty] = recorded.branches.begin()->first;
  return next;
}

// Branches that the ledger knows are set back; those that came after it are taken away.
Status SetBranches(Catalog& catalog, const TableName& name, const Recorded& recorded,
                   TableMetadata* next, std::vector<Finding>* lost) {
  for (const auto& [branch, last] : recorded.branches) {
    if (!last.snapshot_after) continue;
    if (next->SnapshotById(*last.snapshot_after) != nullptr) {
      next->refs[branch] = {*last.snapshot_after, false};
      continue;
    }
    next->refs.erase(branch);
    lost->push_back({name.ToString() + "@" + branch,
                     "the snapshot that the ledger recorded is in none of the table's metadata "
                     "files; restore a newer backup of the ledger"});
  }
  for (auto ref = next->refs.begin(); ref != next->refs.end();) {
    const bool is_ours = ref->first == kMainBranch || recorded.branches.contains(ref->first);
    const Snapshot* snapshot = next->SnapshotById(ref->second.snapshot_id);
    bool later = false;
    if (!is_ours && !ref->second.is_tag && snapshot != nullptr) {
      ARROW_ASSIGN_OR_RAISE(later, IsLater(catalog, *snapshot));
    }
    ref = later ? next->refs.erase(ref) : std::next(ref);
  }
  return Status::OK();
}

Result<std::string> Swap(Catalog& catalog, const Table& source, const std::string& missing,
                         TableMetadata next) {
  BlobBatch blobs;
  ARROW_ASSIGN_OR_RAISE(WrittenMetadata made,
                        WriteMetadata(&source, source.name, std::move(next), &blobs));
  ARROW_RETURN_NOT_OK(blobs.Write(catalog.store()));
  ledger::Conditions row = CatalogKey(source.name);
  row.push_back({"metadata_location", Compare::kEqual, missing});
  ledger::Transaction transaction;
  transaction.Update("iceberg_tables",
                     {{"metadata_location", made.table.metadata_location},
                      {"previous_metadata_location", source.metadata_location}},
                     row, 1, source.name.ToString() + " changed meanwhile");
  Status landed = catalog.ledger().Apply(transaction);
  if (base::KindOf(landed) == base::ErrorKind::kConflict) {
    DeleteQuietly(catalog.store(), {made.table.metadata_location});
  }
  ARROW_RETURN_NOT_OK(landed);
  return made.table.metadata_location;
}

Status Repair(Catalog& catalog, const TableName& name, const std::string& missing,
              const base::Context& context, PointerRepair* report) {
  ARROW_ASSIGN_OR_RAISE(Recorded recorded, RecordOf(catalog, name));
  ARROW_ASSIGN_OR_RAISE(auto candidates, CandidatesFor(catalog, name, missing, context));
  for (const Candidate& candidate : candidates) {
    ARROW_ASSIGN_OR_RAISE(auto next, MainAsRecorded(catalog, candidate, missing, recorded));
    if (!next) continue;
    ARROW_RETURN_NOT_OK(SetBranches(catalog, name, recorded, &*next, &report->lost));
    const auto snapshot = next->current_snapshot_id;
    ARROW_ASSIGN_OR_RAISE(std::string location,
                          Swap(catalog, candidate.table, missing, *std::move(next)));
    report->repaired.push_back(
        {name, missing, candidate.table.metadata_location, std::move(location), snapshot});
    return Status::OK();
  }
  report->lost.push_back(
      {name.ToString(),
       fmt::format("its metadata file {} is missing, and none of the {} others in its folder holds "
                   "the snapshot that the ledger recorded; restore that file, or the pond's truth "
                   "folder, from a backup of about the ledger's age, or restore a newer backup of "
                   "the ledger",
                   missing, candidates.size())});
  return Status::OK();
}

}  // namespace

Result<PointerRepair> RepairPointers(Catalog& catalog, const base::Context& context) {
  PointerRepair report;
  ARROW_ASSIGN_OR_RAISE(auto pointers, catalog.Pointers());
  for (const auto& [name, location] : pointers) {
    ARROW_RETURN_NOT_OK(context.CheckStop());
    auto path = catalog.store().PathOf(location);
    if (!path.ok()) continue;  // Another engine keeps it elsewhere.
    Status there = catalog.store().Stat(*path).status();
    if (base::KindOf(there) != base::ErrorKind::kNotFound) continue;
    Status repaired = Repair(catalog, name, location, context, &report);
    if (base::KindOf(repaired) == base::ErrorKind::kConflict) continue;
    ARROW_RETURN_NOT_OK(base::WithContext(name.ToString(), repaired));
  }
  return report;
}

}  // namespace millpond::table
