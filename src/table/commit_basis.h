// The pond's state that one attempt at a commit builds on, and whether it moved since. Used by
// commit only.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "table/catalog.h"
#include "table/history.h"

namespace millpond::table {

/// A table as one attempt found it.
struct TableBasis {
  std::optional<Table> current;     ///< As the branch sees it; none: it has no such table.
  std::optional<Table> stored;      ///< As the catalog points to it, for all branches.
  std::optional<TableChange> last;  ///< Newest change of the name on the branch's path.
  std::set<std::string> branches;   ///< Other than main, that `stored` speaks of.
};

/// The pond as one attempt found it: refs and pointers from one consistent read of the ledger, and
/// of the past, which never changes, what they lead to.
struct CommitBasis {
  PondRef branch;
  std::optional<PondCommit> head;  ///< Of the branch.
  int64_t newest_sequence = 0;     ///< Of the last commit on any branch.
  bool head_ends_lane = true;      ///< The next commit may go on the head's lane.
  std::map<TableName, TableBasis> tables;

  static Result<CommitBasis> Read(Catalog& catalog, const std::string& branch,
                                  const std::vector<TableName>& names);
  /// True where the other was read after something moved that this one's attempt builds on.
  bool MovedIn(const CommitBasis& later) const;
};

}  // namespace millpond::table
