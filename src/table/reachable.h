// Everything of a pond's store that some table, tag or commit still reaches. Used by upkeep.
#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "base/context.h"
#include "base/error.h"
#include "table/catalog.h"
#include "table/metadata.h"

namespace millpond::table {

/// Walks from metadata files down, each manifest list, manifest and data file once, collecting
/// store paths.
class Reachable {
 public:
  /// `present`: paths of all blobs there were before. What a catalog row points to, and what that
  /// needs, is read from the store; an error where it is missing or unreadable: nobody can tell
  /// then what belongs to the table. Of the past, what is absent reaches nothing.
  /// Snapshots in `expired` are followed only from what catalog rows point to.
  Reachable(Catalog* catalog, const std::set<std::string>* present,
            const std::set<int64_t>* expired, const base::Context& context)
      : catalog_(catalog), present_(present), expired_(expired), context_(context) {}

  /// Starts from the catalog's pointers, from every metadata file that a pond commit names, and
  /// from what frozen datasets pin.
  Status Collect();

  const std::set<std::string>& paths() const { return paths_; }

 private:
  enum class Need { kMust, kMay };

  /// Adds the path; true where it was not known and is to be followed.
  bool Add(const std::string& uri, Need need = Need::kMay);
  Status AddMetadata(const TableName& name, const std::string& location, Need need);
  Status AddPins();
  Status AddSnapshot(const Snapshot& snapshot, Need need);
  void AddStatistics(const TableMetadata& metadata, const char* list);

  Catalog* catalog_;
  const std::set<std::string>* present_;
  const std::set<int64_t>* expired_;
  const base::Context& context_;
  std::set<std::string> paths_;
  std::set<std::string> walked_;  // Metadata files whose snapshots were followed.
};

}  // namespace millpond::table
