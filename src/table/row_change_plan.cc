// Copy-on-write or merge-on-read, file by file; see the header. Validation is in
// row_change_validation.cc.
#include "table/row_change_plan.h"

#include <arrow/api.h>

#include <set>
#include <utility>

#include "base/random_id.h"
#include "table/deletion_vector.h"
#include "table/file_lookup.h"
#include "table/file_rewriter.h"
#include "table/position_deletes.h"
#include "table/table_folder.h"

namespace millpond::table {
namespace {

enum class Mode { kByCost, kCopyOnWrite, kMergeOnRead };

// Copying this much is cheaper than making every later scan look at one more file.
constexpr int64_t kCopyBytes = 4LL << 20;
// From this share of deleted rows on, a file is copied whatever its size: 1 in 4.
constexpr int64_t kDeletedShare = 4;

const char* VerbName(RowVerb verb) {
  switch (verb) {
    case RowVerb::kDelete:
      return "delete";
    case RowVerb::kUpdate:
      return "update";
    case RowVerb::kMerge:
      break;
  }
  return "merge";
}

std::string Property(const TableMetadata& metadata, RowVerb verb, const char* what) {
  const auto found = metadata.properties.find(fmt::format("write.{}.{}", VerbName(verb), what));
  return found == metadata.properties.end() ? "" : found->second;
}

Result<Mode> ModeOf(const TableMetadata& metadata, RowVerb verb) {
  const std::string mode = Property(metadata, verb, "mode");
  if (mode.empty()) return Mode::kByCost;
  if (mode == "copy-on-write") return Mode::kCopyOnWrite;
  if (mode == "merge-on-read") return Mode::kMergeOnRead;
  return base::Invalid(
      "the table property write.{}.mode is '{}'; it is copy-on-write or merge-on-read, or left out "
      "to choose by cost",
      VerbName(verb), mode);
}

Result<bool> IsSerializable(const TableMetadata& metadata, RowVerb verb) {
  const std::string level = Property(metadata, verb, "isolation-level");
  if (level.empty() || level == "serializable") return true;
  if (level == "snapshot") return false;
  return base::Invalid(
      "the table property write.{}.isolation-level is '{}'; it is serializable or snapshot",
      VerbName(verb), level);
}

bool IsWorthCopying(const DataFile& file, int64_t deleted) {
  const int64_t stay = file.record_count - deleted;
  const auto bytes = static_cast<double>(file.size) * static_cast<double>(stay) /
                     static_cast<double>(file.record_count);
  return bytes <= static_cast<double>(kCopyBytes) || deleted >= file.record_count / kDeletedShare;
}

/// One PlanRowChange call; deletes what it wrote where it does not finish.
class Planner {
 public:
  Planner(Catalog* catalog, const Table& table, const Schema& schema, const base::Context& context)
      : catalog_(*catalog),
        table_(table),
        context_(context),
        rewriter_(catalog, table.metadata->location, *schema.arrow,
                  table.metadata->format_version >= 3, catalog->settings()) {
    plan_.change.schema_id = schema.id;
  }
  ~Planner() {
    if (!finished_) DeleteQuietly(catalog_.store(), plan_.written);
  }
  Planner(const Planner&) = delete;
  Planner& operator=(const Planner&) = delete;

  Result<RowChangePlan> Run(const RowDelta& delta) {
    const TableMetadata& metadata = *table_.metadata;
    plan_.base_snapshot = delta.base_snapshot;
    plan_.looked_for = delta.looked_for;
    ARROW_ASSIGN_OR_RAISE(mode_, ModeOf(metadata, delta.verb));
    ARROW_ASSIGN_OR_RAISE(plan_.serializable, IsSerializable(metadata, delta.verb));
    ARROW_ASSIGN_OR_RAISE(auto found, Find(delta));
    int64_t done = 0;
    for (auto& [uri, file] : found) {
      context_.Report({.phase = "change rows of " + table_.name.ToString(),
                       .done = done++,
                       .total = static_cast<int64_t>(found.size()),
                       .unit = "files"});
      ARROW_RETURN_NOT_OK(Take(uri, delta.deleted.at(uri), &file));
    }
    ARROW_RETURN_NOT_OK(WriteMarks());
    ARROW_ASSIGN_OR_RAISE(plan_.change.added, rewriter_.Finish());
    for (const DataFile& file : plan_.change.added) Wrote(file);
    finished_ = true;
    return std::move(plan_);
  }

 private:
  Result<std::map<std::string, FoundFile>> Find(const RowDelta& delta) {
    std::set<std::string> uris;
    for (const auto& [uri, positions] : delta.deleted) {
      if (!positions.empty()) uris.insert(uri);
    }
    if (uris.empty()) return std::map<std::string, FoundFile>();
    const Snapshot* base =
        delta.base_snapshot ? table_.metadata->SnapshotById(*delta.base_snapshot) : nullptr;
    if (base == nullptr) {
      return base::Conflict("{}: the snapshot whose rows were looked at is gone; try again",
                            table_.name.ToString());
    }
    return FindFiles(catalog_.store(), *base, uris);
  }

  Status Take(const std::string& uri, const RowPositions& wanted, FoundFile* found) {
    const DataFile& file = found->file.entry.file;
    if (wanted.largest() >= file.record_count) {
      return base::Invalid("{} has {} rows, so there is no row at position {}", uri,
                           file.record_count, wanted.largest());
    }
    const int64_t before = found->deleted.size();
    found->deleted.AddAll(wanted);
    const int64_t deleted = found->deleted.size();
    if (deleted == before) return Status::OK();  // They were deleted already.
    plan_.report.rows_deleted += deleted - before;
    plan_.touched[uri] = found->file.manifest;
    if (deleted == file.record_count) {
      ++plan_.report.files_removed;
      Remove(*found, true);
      return Status::OK();
    }
    ARROW_ASSIGN_OR_RAISE(const bool copies, Copies(*found));
    Remove(*found, copies);
    if (!copies) {
      ++plan_.report.files_marked;
      marks_.emplace(uri, std::move(found->deleted));
      return Status::OK();
    }
    ++plan_.report.files_rewritten;
    return rewriter_.Copy(found->file.entry, found->deleted, context_);
  }

  // What equality deletes take from a file they would not take from its copy, which is newer.
  Result<bool> Copies(const FoundFile& found) {
    const DataFile& file = found.file.entry.file;
    if (mode_ == Mode::kMergeOnRead || found.has_equality_deletes) return false;
    if (mode_ == Mode::kByCost && !IsWorthCopying(file, found.deleted.size())) return false;
    return CanRewrite(catalog_.store(), file, {});
  }

  void Remove(const FoundFile& found, bool data_too) {
    if (data_too) plan_.change.removed[EntryKey(found.file.entry.file)] = found.file.manifest;
    for (const ListedFile& deletes : found.deletes) {
      plan_.change.removed[EntryKey(deletes.entry.file)] = deletes.manifest;
    }
  }

  Status WriteMarks() {
    if (marks_.empty()) return Status::OK();
    const std::string folder = table_.metadata->location + "/data/";
    if (table_.metadata->format_version >= 3) {
      const std::string uri = folder + base::NewUuid() + "-deletes.puffin";
      plan_.written.push_back(uri);
      ARROW_ASSIGN_OR_RAISE(plan_.change.deletes,
                            WriteDeletionVectors(catalog_.store(), uri, marks_));
      for (const DataFile& file : plan_.change.deletes) {
        plan_.report.bytes_written += file.content_size.value_or(0);
      }
      return Status::OK();
    }
    // A file of deletes for each data file: readers take those of the files that they read.
    for (auto& [uri, positions] : marks_) {
      ARROW_RETURN_NOT_OK(context_.CheckStop());
      const std::string name = folder + base::NewUuid() + "-deletes.parquet";
      ARROW_ASSIGN_OR_RAISE(DataFile file, WritePositionDeletes(catalog_.store(), name,
                                                                {{uri, std::move(positions)}}));
      Wrote(file);
      plan_.change.deletes.push_back(std::move(file));
    }
    return Status::OK();
  }

  void Wrote(const DataFile& file) {
    plan_.written.push_back(file.uri);
    plan_.report.bytes_written += file.size;
  }

  Catalog& catalog_;
  const Table& table_;
  const base::Context& context_;
  FileRewriter rewriter_;
  RowChangePlan plan_;
  Mode mode_ = Mode::kByCost;
  std::map<std::string, RowPositions> marks_;  // Data file -> all its deleted rows.
  bool finished_ = false;
};

}  // namespace

Result<RowChangePlan> PlanRowChange(Catalog* catalog, const Table& table, const Schema& schema,
                                    const RowDelta& delta, const base::Context& context) {
  return Planner(catalog, table, schema, context).Run(delta);
}

}  // namespace millpond::table
