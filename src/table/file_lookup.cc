// Entries of data files and their deletes; see the header.
#include "table/file_lookup.h"

#include <utility>

#include "table/deletion_vector.h"
#include "table/position_deletes.h"
#include "table/snapshot_files.h"

namespace millpond::table {
namespace {

constexpr int32_t kPositionDeletes = 1;

// Iceberg: position deletes apply to data that is not newer than they are, equality deletes to data
// that is older.
bool IsInTime(const ManifestEntry& deletes, const ManifestEntry& data) {
  const int64_t of_deletes = deletes.sequence_number.value_or(0);
  const int64_t of_data = data.sequence_number.value_or(0);
  return deletes.content == kPositionDeletes ? of_data <= of_deletes : of_data < of_deletes;
}

class Lookup {
 public:
  Lookup(store::BlobStore& store, const std::set<std::string>& uris) : store_(store), uris_(uris) {}

  Result<std::map<std::string, FoundFile>> Run(const Snapshot& snapshot) {
    ARROW_ASSIGN_OR_RAISE(const auto list, LoadManifestList(store_, snapshot));
    for (const ManifestFile& file : list) {
      if (found_.size() == uris_.size()) break;
      if (file.content == 0 && file.MayHaveLiveFiles()) ARROW_RETURN_NOT_OK(FindData(file));
    }
    for (const std::string& uri : uris_) {
      if (found_.contains(uri)) continue;
      return base::NotFound("snapshot {} has no data file {}", snapshot.id, uri);
    }
    for (const ManifestFile& file : list) {
      if (file.content != 0 && file.MayHaveLiveFiles()) ARROW_RETURN_NOT_OK(FindDeletes(file));
    }
    return std::move(found_);
  }

 private:
  Status FindData(const ManifestFile& file) {
    ARROW_ASSIGN_OR_RAISE(Manifest manifest, LoadManifest(store_, file));
    for (ManifestEntry& entry : manifest.entries) {
      if (entry.status == EntryStatus::kDeleted || !uris_.contains(entry.file.uri)) continue;
      const std::string uri = entry.file.uri;
      found_[uri].file = {std::move(entry), file.uri};
    }
    return Status::OK();
  }

  Status FindDeletes(const ManifestFile& file) {
    ARROW_ASSIGN_OR_RAISE(Manifest manifest, LoadManifest(store_, file));
    for (const ManifestEntry& entry : manifest.entries) {
      if (entry.status == EntryStatus::kDeleted || !MayDeleteFrom(entry, uris_)) continue;
      ARROW_RETURN_NOT_OK(Apply({entry, file.uri}));
    }
    return Status::OK();
  }

  Status Apply(const ListedFile& deletes) {
    const DataFile& file = deletes.entry.file;
    if (deletes.entry.content != kPositionDeletes) {
      for (auto& [uri, found] : found_) {
        found.has_equality_deletes |= IsInTime(deletes.entry, found.file.entry);
      }
      return Status::OK();
    }
    std::map<std::string, RowPositions> positions;
    if (file.content_offset) {
      ARROW_ASSIGN_OR_RAISE(positions[file.referenced_data_file.value_or("")],
                            ReadDeletionVector(store_, file));
    } else {
      ARROW_ASSIGN_OR_RAISE(positions, ReadPositionDeletes(store_, file, uris_));
    }
    for (const auto& [uri, deleted] : positions) {
      const auto found = found_.find(uri);
      if (found == found_.end() || !IsInTime(deletes.entry, found->second.file.entry)) continue;
      found->second.deleted.AddAll(deleted);
      if (file.referenced_data_file) found->second.deletes.push_back(deletes);
    }
    return Status::OK();
  }

  store::BlobStore& store_;
  const std::set<std::string>& uris_;
  std::map<std::string, FoundFile> found_;
};

}  // namespace

bool MayDeleteFrom(const ManifestEntry& deletes, const std::set<std::string>& uris) {
  const DataFile& file = deletes.file;
  if (deletes.content != kPositionDeletes) return true;
  if (file.referenced_data_file) return uris.contains(*file.referenced_data_file);
  const auto lower = file.lower_bounds.find(kDeletePathId);
  const auto upper = file.upper_bounds.find(kDeletePathId);
  if (lower == file.lower_bounds.end() || upper == file.upper_bounds.end()) return true;
  const auto first = uris.lower_bound(lower->second);
  if (first == uris.end()) return false;
  // A bound that was cut may be above all that begins with it.
  return *first <= upper->second || first->starts_with(upper->second);
}

Result<std::map<std::string, FoundFile>> FindFiles(store::BlobStore& store,
                                                   const Snapshot& snapshot,
                                                   const std::set<std::string>& uris) {
  if (uris.empty()) return std::map<std::string, FoundFile>();
  return Lookup(store, uris).Run(snapshot);
}

}  // namespace millpond::table
