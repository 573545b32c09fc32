// What a new snapshot adds to and takes from the one before it, in terms that hold on any base that
// the commit is validated against. Made by TableDraft and RowChangePlan, carried out by
// SnapshotBuilder.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "table/data_file.h"

namespace millpond::table {

struct SnapshotChange {
  std::vector<DataFile> added;    ///< Data files.
  std::vector<DataFile> deletes;  ///< Position delete files and deletion vectors.
  int32_t schema_id = 0;          ///< Of the schema that `added` and `deletes` were written with.
  bool replaces_all = false;      ///< `added` comes instead of all that is there.
  /// EntryKey of data and delete files that go -> URI of the manifest that was seen to list it.
  /// That manifest is looked at first; another one may list the file by now.
  std::map<std::string, std::string> removed;
};

/// What tells one manifest entry from all others: deletion vectors share a file.
inline std::string EntryKey(const DataFile& file) {
  if (!file.content_offset) return file.uri;
  return file.uri + "#" + std::to_string(*file.content_offset);
}

}  // namespace millpond::table
