// The walk: one run per first-parent path; runs that meet go on as one. See the header.
#include "table/commit_walk.h"

#include <algorithm>
#include <utility>

#include "table/history_rows.h"

namespace millpond::table {
namespace {

using ledger::Compare;

constexpr size_t kLargestPage = 512;

}  // namespace

Status CommitWalk::Add(const LanePoint& end, unsigned marks) {
  if (end.generation == 0) return Status::OK();
  Run run;
  ARROW_ASSIGN_OR_RAISE(run.path, PathTo(ledger_, end));
  run.marks = marks;
  runs_.push_back(std::move(run));
  return Status::OK();
}

Result<std::vector<PondCommit>> CommitWalk::ReadPage(const LanePoint& from, size_t size) {
  ledger::Query query{.table = table_ ? "pond_commit_table" : "pond_commit",
                      .where = {{"lane", Compare::kEqual, from.lane},
                                {"generation", Compare::kLessEqual, from.generation}},
                      .order_by = {{"generation", true}},
                      .limit = static_cast<int64_t>(size)};
  if (table_) {
    query.where.push_back({"table_namespace", Compare::kEqual, table_->space});
    query.where.push_back({"table_name", Compare::kEqual, table_->name});
  }
  ARROW_ASSIGN_OR_RAISE(auto rows, ledger_.Select(query));
  if (table_) {
    std::vector<ledger::Query> queries;
    for (const ledger::Row& row : rows) {
      ARROW_ASSIGN_OR_RAISE(std::string id, ledger::TextOf(row, "commit_id"));
      queries.push_back(CommitQuery(id));
    }
    ARROW_ASSIGN_OR_RAISE(auto found, ledger_.SelectAll(queries));
    rows.clear();
    for (auto& one : found) {
      if (one.empty()) return base::Corrupt("the ledger has changes of a commit that it lacks");
      rows.push_back(std::move(one[0]));
    }
  }
  std::vector<PondCommit> commits;
  for (const ledger::Row& row : rows) {
    ARROW_ASSIGN_OR_RAISE(PondCommit commit, CommitFromRow(row));
    commits.push_back(std::move(commit));
  }
  return commits;
}

// Reads on until the run has a commit to give or has no more.
Status CommitWalk::Fill(Run* run) {
  while (run->page.empty() && run->at < run->path.size()) {
    LanePoint& from = run->path[run->at];
    ARROW_ASSIGN_OR_RAISE(auto commits, ReadPage(from, run->page_size));
    const int64_t floor = run->at + 1 < run->path.size() ? run->path[run->at + 1].generation : 0;
    const bool lane_ends =
        commits.size() < run->page_size || commits.back().generation == floor + 1;
    if (lane_ends) {
      ++run->at;
    } else {
      from.generation = commits.back().generation - 1;
    }
    run->page_size = std::min(run->page_size * 2, kLargestPage);
    run->page.assign(std::make_move_iterator(commits.begin()),
                     std::make_move_iterator(commits.end()));
  }
  return Status::OK();
}

Result<std::optional<CommitWalk::Step>> CommitWalk::Next() {
  for (Run& run : runs_) ARROW_RETURN_NOT_OK(Fill(&run));
  std::erase_if(runs_, [](const Run& run) { return run.page.empty(); });
  if (runs_.empty()) return std::nullopt;
  auto newest = std::max_element(runs_.begin(), runs_.end(), [](const Run& a, const Run& b) {
    return a.page.front().sequence < b.page.front().sequence;
  });
  Step step{newest->page.front(), 0};
  // From one commit on, all first-parent paths are the same: one run goes on for them.
  const int64_t at = step.commit.sequence;
  for (const Run& run : runs_) {
    if (run.page.front().sequence == at) step.marks |= run.marks;
  }
  const bool adds = (step.marks & parents_of_) == parents_of_;
  const unsigned parent_marks = step.marks | (adds ? added_ : 0);
  newest->marks = parent_marks;
  const auto kept = newest - runs_.begin();
  std::ptrdiff_t i = 0;
  std::erase_if(runs_,
                [&](const Run& run) { return i++ != kept && run.page.front().sequence == at; });
  for (Run& run : runs_) {
    if (run.page.front().sequence == at) run.page.pop_front();
  }
  if (step.commit.merge_parent) {
    ARROW_ASSIGN_OR_RAISE(auto rows, ledger_.Select(CommitQuery(*step.commit.merge_parent)));
    if (rows.empty())
      return base::Corrupt("the ledger lacks the commit {}", *step.commit.merge_parent);
    ARROW_ASSIGN_OR_RAISE(PondCommit parent, CommitFromRow(rows[0]));
    ARROW_RETURN_NOT_OK(Add({parent.lane, parent.generation}, parent_marks));
  }
  return step;
}

bool CommitWalk::AllCarry(unsigned marks) const {
  return std::all_of(runs_.begin(), runs_.end(),
                     [marks](const Run& run) { return (run.marks & marks) == marks; });
}

}  // namespace millpond::table
