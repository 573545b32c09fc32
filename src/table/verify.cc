// Verifying a pond: the ledger, and every pointer from catalog to metadata to manifests to data
// files. Finds as much as it can rather than stopping at the first fault.
#include <arrow/io/interfaces.h>
#include <parquet/column_page.h>
#include <parquet/column_reader.h>
#include <parquet/file_reader.h>
#include <parquet/metadata.h>
#include <parquet/properties.h>

#include <map>
#include <optional>
#include <set>
#include <utility>

#include "table/commit_path.h"
#include "table/deletion_vector.h"
#include "table/history.h"
#include "table/history_rows.h"
#include "table/pins.h"
#include "table/snapshot_files.h"
#include "table/upkeep.h"

namespace millpond::table {
namespace {

class Verification {
 public:
  Verification(Catalog* catalog, bool deep, const base::Context& context)
      : catalog_(*catalog), deep_(deep), context_(context) {}

  Result<std::vector<Finding>> Run() {
    Note("ledger", catalog_.ledger().CheckIntegrity());
    ARROW_RETURN_NOT_OK(catalog_.store().List("", [&](const store::BlobInfo& blob) {
      sizes_[blob.path] = blob.size;
      return context_.CheckStop();
    }));
    auto pointers = catalog_.Pointers();
    if (!pointers.ok()) {
      Note("ledger", pointers.status());
      return std::move(findings_);
    }
    ARROW_RETURN_NOT_OK(CheckHistory());
    ARROW_RETURN_NOT_OK(CheckDatasets());
    for (const auto& [name, location] : *pointers) {
      ARROW_RETURN_NOT_OK(CheckTable(name, location));
    }
    return std::move(findings_);
  }

 private:
  void Note(const std::string& subject, const Status& status) {
    if (!status.ok()) findings_.push_back({subject, status.message()});
  }

  // Every lane is whole, and what branches and tags name can still be found.
  Status CheckHistory() {
    History history(std::shared_ptr<Catalog>(std::shared_ptr<void>(), &catalog_));
    auto refs = history.Refs();
    if (!refs.ok()) {
      Note("ledger", refs.status());
      return Status::OK();
    }
    for (const PondRef& ref : *refs) {
      ARROW_RETURN_NOT_OK(context_.CheckStop());
      Note(ref.kind + " " + ref.name, CheckPath(ref));
      // The tables of main are checked by themselves.
      if (ref.name == kMainBranch) continue;
      Note(ref.kind + " " + ref.name, history.TablesAt(ref.name).status());
    }
    return Status::OK();
  }

  // What frozen datasets read is there, by whatever name.
  Status CheckDatasets() {
    auto frozen = FrozenPins(catalog_);
    if (!frozen.ok()) {
      Note("ledger", frozen.status());
      return Status::OK();
    }
    for (const FrozenPin& one : *frozen) {
      ARROW_RETURN_NOT_OK(context_.CheckStop());
      Note("dataset " + one.dataset, PinnedVersion(catalog_, one.table, one.pin).status());
    }
    return Status::OK();
  }

  // All commits from the ref's to the first are there, each the parent of the next.
  Status CheckPath(const PondRef& ref) {
    if (!ref.commit_id) return Status::OK();
    std::optional<std::string> id = ref.commit_id;
    while (id && checked_commits_.insert(*id).second) {
      ARROW_RETURN_NOT_OK(context_.CheckStop());
      ARROW_ASSIGN_OR_RAISE(PondCommit commit, CommitById(catalog_.ledger(), *id));
      ARROW_ASSIGN_OR_RAISE(CommitPath path, PathTo(catalog_.ledger(), PointOf(commit)));
      ARROW_ASSIGN_OR_RAISE(auto before, CommitOn(catalog_.ledger(), path, commit.generation - 1));
      const auto parent = before ? std::optional(before->id) : std::nullopt;
      if (parent != commit.parent) {
        return base::Corrupt(
            "commit {} is not where its parent ends; restore the ledger from a "
            "backup",
            commit.id);
      }
      id = commit.parent;
    }
    return Status::OK();
  }

  Status CheckTable(const TableName& name, const std::string& location) {
    const std::string subject = name.ToString();
    auto table = catalog_.LoadAt(name, location);
    if (!table.ok()) {
      Note(subject, table.status());
      return Status::OK();
    }
    for (const Snapshot& snapshot : table->metadata->snapshots) {
      ARROW_RETURN_NOT_OK(context_.CheckStop());
      auto list = LoadManifestList(catalog_.store(), snapshot);
      if (!list.ok()) {
        Note(subject, list.status());
        continue;
      }
      for (const ManifestFile& file : *list) {
        if (manifests_.insert(file.uri).second) ARROW_RETURN_NOT_OK(CheckManifest(subject, file));
      }
    }
    return Status::OK();
  }

  Status CheckManifest(const std::string& subject, const ManifestFile& file) {
    auto manifest = LoadManifest(catalog_.store(), file);
    if (!manifest.ok()) {
      Note(subject, manifest.status());
      return Status::OK();
    }
    for (const ManifestEntry& entry : manifest->entries) {
      if (entry.status == EntryStatus::kDeleted) continue;
      // A Puffin file holds a deletion vector for each of several entries.
      if (!files_.emplace(entry.file.uri, entry.file.content_offset).second) continue;
      ARROW_RETURN_NOT_OK(CheckFile(subject, entry.file));
    }
    return Status::OK();
  }

  // Cancellation is the only error that comes back.
  Status CheckFile(const std::string& subject, const DataFile& file) {
    ARROW_RETURN_NOT_OK(context_.CheckStop());
    context_.Report({"verify", ++done_, -1, "files"});
    auto path = catalog_.store().PathOf(file.uri);
    if (!path.ok()) {
      if (outside_.insert(subject).second) {
        findings_.push_back({subject,
                             "has data files outside the pond, which are not verified and "
                             "not part of its backup, such as " +
                                 file.uri});
      }
      return Status::OK();
    }
    auto found = sizes_.find(*path);
    if (found == sizes_.end()) {
      findings_.push_back(
          {subject, "data file " + file.uri + " is missing; restore it from a backup"});
      return Status::OK();
    }
    if (found->second != file.size) {
      findings_.push_back(
          {subject, fmt::format("data file {} has {} bytes and should have {}; restore it from a "
                                "backup",
                                file.uri, found->second, file.size)});
      return Status::OK();
    }
    if (!deep_) return Status::OK();
    Status read = file.content_offset ? ReadDeletionVector(catalog_.store(), file).status()
                                      : ReadPages(*path, file.record_count);
    if (base::KindOf(read) == base::ErrorKind::kCancelled) return read;
    Note(subject, base::WithContext(file.uri, read));
    return Status::OK();
  }

  // Reads every page once: decompresses it, and checks its checksum where it has one.
  Status ReadPages(const std::string& path, int64_t rows) {
    ARROW_ASSIGN_OR_RAISE(auto input, catalog_.store().OpenRead(path));
    try {
      parquet::ReaderProperties properties;
      properties.set_page_checksum_verification(true);
      auto reader = parquet::ParquetFileReader::Open(std::move(input), properties);
      const auto metadata = reader->metadata();
      if (metadata->num_rows() != rows) {
        return base::Corrupt("holds {} rows and its manifest says {}", metadata->num_rows(), rows);
      }
      for (int g = 0; g < metadata->num_row_groups(); ++g) {
        auto group = reader->RowGroup(g);
        for (int c = 0; c < metadata->num_columns(); ++c) {
          ARROW_RETURN_NOT_OK(context_.CheckStop());
          auto pages = group->GetColumnPageReader(c);
          while (pages->NextPage() != nullptr) {
          }
        }
      }
    } catch (const std::exception& error) {
      return base::Corrupt("is damaged: {}; restore it from a backup", error.what());
    }
    return Status::OK();
  }

  Catalog& catalog_;
  const bool deep_;
  const base::Context& context_;
  std::map<std::string, int64_t> sizes_;
  std::set<std::string> manifests_, outside_, checked_commits_;
  std::set<std::pair<std::string, std::optional<int64_t>>> files_;  // URI, place in it.
  std::vector<Finding> findings_;
  int64_t done_ = 0;
};

}  // namespace

Result<std::vector<Finding>> Verify(Catalog& catalog, bool deep, const base::Context& context) {
  return Verification(&catalog, deep, context).Run();
}

}  // namespace millpond::table
