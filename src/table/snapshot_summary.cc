// Summaries of snapshots; see the header.
#include "table/snapshot_summary.h"

#include <algorithm>
#include <charconv>

namespace millpond::table {

std::optional<int64_t> TotalIn(const Snapshot& snapshot, const char* key) {
  const auto found = snapshot.summary.find(key);
  if (found == snapshot.summary.end()) return std::nullopt;
  int64_t value = 0;
  const std::string& text = found->second;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

void FileCounts::Count(const DataFile& file, int32_t content) {
  bytes += file.size;
  if (content == 0) {
    ++files;
    records += file.record_count;
    return;
  }
  ++delete_files;
  if (content == 2) {
    ++equality_files;
    equality_deletes += file.record_count;
    return;
  }
  deletion_vectors += file.content_offset ? 1 : 0;
  position_deletes += file.record_count;
}

std::map<std::string, std::string> SummaryOf(const Snapshot* parent, const FileCounts& added,
                                             const FileCounts& removed) {
  std::map<std::string, std::string> summary;
  auto put = [&](const char* key, int64_t value) {
    if (value > 0) summary[key] = std::to_string(value);
  };
  put("added-data-files", added.files);
  put("added-records", added.records);
  put("added-files-size", added.bytes);
  put("added-delete-files", added.delete_files);
  put("added-dvs", added.deletion_vectors);
  put("added-position-delete-files",
      added.delete_files - added.deletion_vectors - added.equality_files);
  put("added-position-deletes", added.position_deletes);
  put("deleted-data-files", removed.files);
  put("deleted-records", removed.records);
  put("removed-files-size", removed.bytes);
  put("removed-delete-files", removed.delete_files);
  put("removed-dvs", removed.deletion_vectors);
  put("removed-position-delete-files",
      removed.delete_files - removed.deletion_vectors - removed.equality_files);
  put("removed-position-deletes", removed.position_deletes);
  put("removed-equality-delete-files", removed.equality_files);
  put("removed-equality-deletes", removed.equality_deletes);
  // A total is the last one plus the change; where another engine left it out, so do we.
  auto total = [&](const char* key, int64_t plus, int64_t minus) {
    const int64_t change = parent == nullptr ? plus : plus - minus;
    const auto before = parent == nullptr ? 0 : TotalIn(*parent, key);
    if (before) summary[key] = std::to_string(*before + change);
  };
  total("total-data-files", added.files, removed.files);
  total("total-records", added.records, removed.records);
  total("total-files-size", added.bytes, removed.bytes);
  total("total-delete-files", added.delete_files, removed.delete_files);
  total("total-position-deletes", added.position_deletes, removed.position_deletes);
  total("total-equality-deletes", added.equality_deletes, removed.equality_deletes);
  return summary;
}

std::optional<int64_t> RowsOf(const Snapshot& snapshot) {
  const auto records = TotalIn(snapshot, "total-records");
  const auto deleted = TotalIn(snapshot, "total-position-deletes");
  if (!records) return std::nullopt;
  return std::max<int64_t>(0, *records - deleted.value_or(0));
}

const char* OperationOf(const FileCounts& added, const FileCounts& removed, bool replaces_all) {
  const bool takes_away = removed.files > 0 || added.delete_files > 0 || replaces_all;
  if (!takes_away) return "append";
  return added.files == 0 ? "delete" : "overwrite";
}

}  // namespace millpond::table
