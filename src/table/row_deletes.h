// The deleted rows of a scan's files, read when a file is first asked for: what a query looks up
// for every row. Made by query/ from a ScanPlan. Thread safe.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "table/catalog.h"
#include "table/row_positions.h"
#include "table/scan_plan.h"

namespace millpond::table {

class RowDeletes {
 public:
  /// Remembers which deletes apply; reads nothing yet.
  RowDeletes(std::shared_ptr<Catalog> catalog, const ScanPlan& plan);

  /// The deleted positions of file `at` of the plan, valid as long as this is. The first call for a
  /// file reads its deletes.
  Result<const RowPositions*> Of(size_t at) const;

 private:
  struct Source {  // A delete file.
    DataFile file;
    std::set<std::string> wanted;  // Data files that it is read for.
    std::once_flag once;
    Status status;
    std::map<std::string, RowPositions> positions;
  };
  struct Rows {  // A data file.
    std::string uri;
    std::vector<Source*> sources;
    std::once_flag once;
    Status status;
    RowPositions positions;
  };
  Status Read(Source* source) const;
  Status Gather(Rows* rows) const;

  const std::shared_ptr<Catalog> catalog_;
  std::vector<std::unique_ptr<Source>> sources_;
  std::vector<std::unique_ptr<Rows>> rows_;  // Null: the file has no position deletes.
};

}  // namespace millpond::table
