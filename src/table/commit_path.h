// The first-parent path of a commit as the ledger keeps it: runs of commits on lanes, so that what
// a table was at a commit, the commit N before it and the newest one at a time are indexed
// look-ups. docs/design/commits.md draws it. Used by history, branches and commit; reads only what
// never changes.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "ledger/ledger.h"
#include "table/history.h"

namespace millpond::table {

/// A place in the graph of commits. An empty pond's head is {"main", 0}.
struct LanePoint {
  std::string lane;
  int64_t generation = 0;  ///< Commits on the first-parent path up to here.
  bool operator==(const LanePoint&) const = default;
};

/// Nearest run first; of each, every commit of the lane up to `generation`.
using CommitPath = std::vector<LanePoint>;

/// Where a commit is; the start of everything for none.
LanePoint PointOf(const std::optional<PondCommit>& commit);

/// One query for each fork between `end` and the pond's first lane.
Result<CommitPath> PathTo(ledger::Ledger& ledger, const LanePoint& end);

/// The newest change on the path of each of `names`; without those that no commit on it changed.
Result<std::map<TableName, TableChange>> LastChanges(ledger::Ledger& ledger, const CommitPath& path,
                                                     const std::vector<TableName>& names);

/// The same for every table that existed at the end of the path, as far as pond commits know.
Result<std::map<TableName, TableChange>> LiveTables(ledger::Ledger& ledger, const CommitPath& path);

/// The commit of that generation on the path, without its changes; nullopt where there is none.
Result<std::optional<PondCommit>> CommitOn(ledger::Ledger& ledger, const CommitPath& path,
                                           int64_t generation);

/// The newest commit on the path that was made at or before `ms`, without its changes. Times never
/// go back along a path.
Result<std::optional<PondCommit>> CommitBy(ledger::Ledger& ledger, const CommitPath& path,
                                           int64_t ms);

}  // namespace millpond::table
