// Which delete files apply to which data files (Iceberg specification, "Scan planning"). Filled
// from a snapshot's delete manifests by scan planning, then asked for each data file.
//   position deletes and deletion vectors   data sequence <= theirs; same file, or same partition
//   equality deletes                        data sequence <  theirs; same partition, or any where
//                                           their spec has no fields
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/error.h"
#include "table/data_file.h"

namespace millpond::table {

struct DeleteFile {
  DataFile file;
  std::string path;         ///< Local path (no file://) or URI.
  int64_t sequence = 0;     ///< Data sequence number.
  std::string partition;    ///< PartitionKey.
  bool everywhere = false;  ///< Of a spec without fields: equality deletes for all partitions.
  bool is_equality = false;
};

class DeleteIndex {
 public:
  /// kInvalid for forms that Millpond does not read, by name.
  Status Add(DeleteFile file);

  bool empty() const { return files_.empty(); }
  const std::vector<DeleteFile>& files() const { return files_; }
  std::vector<DeleteFile> Take() { return std::move(files_); }

  /// Places in files(), ascending. Where a deletion vector applies it is the only one: it holds
  /// what older position deletes say.
  std::vector<size_t> PositionDeletesOf(const DataFile& data, int64_t sequence,
                                        const std::string& partition) const;
  std::vector<size_t> EqualityDeletesOf(int64_t sequence, const std::string& partition) const;

 private:
  using Places = std::vector<size_t>;
  void AppendInTime(const Places& places, int64_t sequence, Places* result) const;

  std::vector<DeleteFile> files_;
  std::map<std::string, Places> vectors_, of_file_;        // By data file.
  std::map<std::string, Places> of_partition_, equality_;  // By partition.
  Places everywhere_;
};

}  // namespace millpond::table
