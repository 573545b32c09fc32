// The pond's state that one attempt at a commit builds on, and whether it moved since. Used by
// commit only.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "base/error.h"
#include "table/catalog.h"
#include "table/history.h"

namespace millpond::table {

/// A table as one attempt found it.
struct TableBasis {
  std::optional<Table> current;     ///< None: no such table.
  std::optional<TableChange> last;  ///< Newest pond commit that touched the name.
};

/// The pond as one attempt found it, from one consistent read of the ledger.
struct CommitBasis {
  std::optional<PondCommit> head;
  std::map<TableName, TableBasis> tables;

  static Result<CommitBasis> Read(Catalog& catalog, const std::vector<TableName>& names);
  /// True where the other was read after something moved that this one's attempt builds on.
  bool MovedIn(const CommitBasis& later) const;
};

}  // namespace millpond::table
