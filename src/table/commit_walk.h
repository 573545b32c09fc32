// Walks the graph of commits from given ends back, newest landed first, along first parents and
// merge parents. Reads the ledger in pages as far as it is asked to go, so that its cost follows
// what is looked at. Used by log, merge bases and branches.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "base/error.h"
#include "ledger/ledger.h"
#include "table/commit_path.h"
#include "table/history.h"

namespace millpond::table {

class CommitWalk {
 public:
  struct Step {
    PondCommit commit;   ///< Without its changes.
    unsigned marks = 0;  ///< Of all ends that reach it.
  };

  /// With `table`: only commits that changed it.
  explicit CommitWalk(ledger::Ledger& ledger, std::optional<TableName> table = {})
      : ledger_(ledger), table_(std::move(table)) {}

  /// Starts from `end` too; before the first Next.
  Status Add(const LanePoint& end, unsigned marks = 1);
  /// Falling sequence, each commit once; nullopt past the first commit.
  Result<std::optional<Step>> Next();
  /// The parents of each commit that carries all of `marks` get `added` too; before the first Next.
  void MarkParents(unsigned marks, unsigned added) { parents_of_ = marks, added_ = added; }
  /// True where every commit still to come carries all of `marks`.
  bool AllCarry(unsigned marks) const;

 private:
  // One first-parent path being walked.
  struct Run {
    CommitPath path;
    unsigned marks = 0;
    size_t at = 0;          // Of path.
    size_t page_size = 16;  // Doubles: short looks stay cheap, long ones need few queries.
    std::deque<PondCommit> page;
  };

  Status Fill(Run* run);
  Result<std::vector<PondCommit>> ReadPage(const LanePoint& from, size_t size);

  ledger::Ledger& ledger_;
  std::optional<TableName> table_;
  std::vector<Run> runs_;
  unsigned parents_of_ = 0, added_ = 0;
};

}  // namespace millpond::table
