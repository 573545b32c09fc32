// What running scans know of their files, and the SQL functions that ask it for every row: whether
// the row is deleted, its file, sequence number and first row id. The relation of a table with
// row-level deletes or hidden columns calls them (file_relation.cc); users' statements may not.
//   __internal_pond_deleted(scan, file, row) -> BOOLEAN
//   __internal_pond_number(scan, what, file) -> BIGINT (what: ScanNumber)
//   __internal_pond_file(scan, file) -> VARCHAR
#pragma once

#include <duckdb.h>

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "table/row_deletes.h"

namespace millpond::query {

enum class ScanNumber { kSequence = 0, kFirstRowId = 1, kPartition = 2 };

/// The files of one scan: data files in the plan's order, then files of equality deletes. Immutable
/// once registered.
struct ScanFiles {
  struct File {
    std::string uri;
    int64_t sequence = 0;
    std::optional<int64_t> first_row_id;
    int64_t partition = 0;  ///< Equal for files of one partition.
  };
  std::vector<File> files;
  std::unique_ptr<const table::RowDeletes> deletes;
};

class ScanRegistry;

/// Keeps a scan known to the functions.
class ScanLease {
 public:
  ScanLease(std::shared_ptr<ScanRegistry> registry, int64_t id)
      : registry_(std::move(registry)), id_(id) {}
  ~ScanLease();
  ScanLease(const ScanLease&) = delete;
  ScanLease& operator=(const ScanLease&) = delete;
  int64_t id() const { return id_; }

 private:
  const std::shared_ptr<ScanRegistry> registry_;
  const int64_t id_;
};

/// The scans of one engine. Thread safe.
class ScanRegistry : public std::enable_shared_from_this<ScanRegistry> {
 public:
  /// An id for a scan that Fill makes known.
  std::shared_ptr<ScanLease> Lease();
  void Fill(int64_t id, std::shared_ptr<const ScanFiles> files);
  std::shared_ptr<const ScanFiles> Find(int64_t id);
  void Drop(int64_t id);  ///< What a lease does at its end.

 private:
  std::atomic<int64_t> next_{0};
  std::mutex mutex_;
  std::map<int64_t, std::shared_ptr<const ScanFiles>> scans_;
};

/// Makes the functions known to the database of `connection`.
Status RegisterScanFunctions(duckdb_connection connection,
                             const std::shared_ptr<ScanRegistry>& registry);

}  // namespace millpond::query
