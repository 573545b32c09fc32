// Branches of the pond and the Iceberg branches that show them: making, deleting, renaming,
// protecting and moving forward. Implements that part of History.
#include <arrow/api.h>

#include <set>
#include <utility>

#include "base/time.h"
#include "table/branch_view.h"
#include "table/commit_path.h"
#include "table/commit_walk.h"
#include "table/history.h"
#include "table/history_rows.h"
#include "table/ref_expression.h"
#include "table/ref_landing.h"

namespace millpond::table {
namespace {

using ledger::Compare;

Status RefuseMain(const std::string& name, const char* what) {
  if (name != kMainBranch) return Status::OK();
  return base::Invalid("main is the branch that a pond begins with; it cannot be {}", what);
}

Status RefuseProtected(const PondRef& branch) {
  if (!branch.is_protected) return Status::OK();
  return base::Denied("branch '{0}' is protected; `millpond branch {0} --unprotect` first",
                      branch.name);
}

ledger::Conditions RefAsRead(const PondRef& ref) {
  ledger::Value commit;
  if (ref.commit_id) commit = *ref.commit_id;
  return {{"name", Compare::kEqual, ref.name}, {"commit_id", Compare::kEqual, commit}};
}

Result<std::optional<PondCommit>> HeadOf(ledger::Ledger& ledger, const PondRef& branch) {
  if (!branch.commit_id) return std::nullopt;
  return CommitById(ledger, *branch.commit_id);
}

// The tables whose metadata speaks of a branch, as the catalog has them.
Result<std::vector<Table>> TablesOf(Catalog& catalog, const std::string& branch) {
  ARROW_ASSIGN_OR_RAISE(auto rows,
                        catalog.ledger().Select({.table = "pond_branch_table",
                                                 .where = {{"branch", Compare::kEqual, branch}}}));
  if (rows.empty()) return std::vector<Table>{};
  ARROW_ASSIGN_OR_RAISE(auto pointers, catalog.Pointers());
  std::vector<Table> tables;
  for (const ledger::Row& row : rows) {
    ARROW_ASSIGN_OR_RAISE(TableName name, NameFromRow(row));
    auto pointer = pointers.find(name);
    if (pointer == pointers.end()) continue;  // Another engine dropped it.
    ARROW_ASSIGN_OR_RAISE(Table table, catalog.LoadAt(name, pointer->second));
    tables.push_back(std::move(table));
  }
  return tables;
}

// Commits of the branch that nothing else reaches. Walks no further back than the branch's own.
Result<int64_t> CountUnmerged(Catalog& catalog, const PondRef& branch,
                              const std::vector<PondRef>& refs) {
  constexpr unsigned kOwn = 1, kOthers = 2;
  CommitWalk walk(catalog.ledger());
  ARROW_ASSIGN_OR_RAISE(auto head, HeadOf(catalog.ledger(), branch));
  ARROW_RETURN_NOT_OK(walk.Add(PointOf(head), kOwn));
  std::set<std::string> ends;
  for (const PondRef& ref : refs) {
    if (ref.name == branch.name || !ref.commit_id || !ends.insert(*ref.commit_id).second) continue;
    ARROW_ASSIGN_OR_RAISE(PondCommit end, CommitById(catalog.ledger(), *ref.commit_id));
    ARROW_RETURN_NOT_OK(walk.Add({end.lane, end.generation}, kOthers));
  }
  int64_t unmerged = 0;
  while (!walk.AllCarry(kOthers)) {
    ARROW_ASSIGN_OR_RAISE(auto step, walk.Next());
    if (!step) break;
    if (step->marks == kOwn) ++unmerged;
  }
  return unmerged;
}

Status BuildDeletion(History& history, Catalog& catalog, const std::string& name, bool force,
                     RefAttempt* attempt) {
  ARROW_ASSIGN_OR_RAISE(PondRef branch, FindBranch(catalog.ledger(), name));
  ARROW_RETURN_NOT_OK(RefuseProtected(branch));
  if (!force) {
    ARROW_ASSIGN_OR_RAISE(auto refs, history.Refs());
    ARROW_ASSIGN_OR_RAISE(const int64_t unmerged, CountUnmerged(catalog, branch, refs));
    if (unmerged > 0) {
      return base::Conflict(
          "branch '{}' has {} commit{} that no other branch or tag has; merge it, tag it, or "
          "delete "
          "it with --force",
          name, unmerged, unmerged == 1 ? "" : "s");
    }
  }
  ARROW_ASSIGN_OR_RAISE(auto tables, TablesOf(catalog, name));
  for (const Table& table : tables) {
    ARROW_ASSIGN_OR_RAISE(auto branches, BranchesOf(catalog.ledger(), table.name));
    if (auto next = WithoutBranch(*table.metadata, name, branches)) {
      ARROW_RETURN_NOT_OK(attempt->Swap(table, *std::move(next)));
    } else {
      attempt->Retire(table);
    }
  }
  attempt->transaction.Delete("pond_branch_table", {{"branch", Compare::kEqual, name}});
  attempt->transaction.Delete("pond_ref", RefAsRead(branch), 1,
                              "branch '" + name + "' changed meanwhile");
  return Status::OK();
}

Status BuildRenaming(Catalog& catalog, const std::string& from, const std::string& to,
                     RefAttempt* attempt) {
  ARROW_ASSIGN_OR_RAISE(PondRef branch, FindBranch(catalog.ledger(), from));
  ARROW_RETURN_NOT_OK(RefuseProtected(branch));
  ARROW_ASSIGN_OR_RAISE(auto taken, catalog.ledger().Select(RefQuery(to)));
  if (!taken.empty()) {
    return base::AlreadyExists("a branch or tag '{}' exists; choose another name", to);
  }
  ARROW_ASSIGN_OR_RAISE(auto tables, TablesOf(catalog, from));
  for (const Table& table : tables) {
    TableMetadata next = *table.metadata;
    if (next.refs.contains(to)) {
      return base::AlreadyExists(
          "{} has a branch or tag '{}' already, set by another engine; choose another name",
          table.name.ToString(), to);
    }
    if (auto ref = next.refs.extract(from)) {
      ref.key() = to;
      next.refs.insert(std::move(ref));
    }
    auto keeper = next.properties.find(kBranchOnlyProperty);
    if (keeper != next.properties.end() && keeper->second == from) keeper->second = to;
    ARROW_RETURN_NOT_OK(attempt->Swap(table, std::move(next)));
  }
  attempt->transaction.Update("pond_branch_table", {{"branch", to}},
                              {{"branch", Compare::kEqual, from}});
  attempt->transaction.Update("pond_ref", {{"name", to}}, RefAsRead(branch), 1,
                              "branch '" + from + "' changed meanwhile");
  return Status::OK();
}

/// One attempt at moving a branch forward.
class Forwarding {
 public:
  Forwarding(Catalog* catalog, const PondCommit& to, RefAttempt* attempt)
      : catalog_(*catalog), to_(to), attempt_(*attempt) {}

  Status Build(const std::string& branch_name) {
    ARROW_ASSIGN_OR_RAISE(branch_, FindBranch(catalog_.ledger(), branch_name));
    if (branch_.commit_id == to_.id) return Status::OK();
    ARROW_ASSIGN_OR_RAISE(auto head, HeadOf(catalog_.ledger(), branch_));
    ARROW_ASSIGN_OR_RAISE(auto names, ChangedSince(head));
    ARROW_ASSIGN_OR_RAISE(auto before, StatesAt(PointOf(head), names));
    ARROW_ASSIGN_OR_RAISE(auto after, StatesAt({to_.lane, to_.generation}, names));
    ARROW_ASSIGN_OR_RAISE(auto pointers, catalog_.Pointers());
    for (const auto& [name, change] : after) {
      std::optional<Table> stored;
      if (auto pointer = pointers.find(name); pointer != pointers.end()) {
        ARROW_ASSIGN_OR_RAISE(stored, catalog_.LoadAt(name, pointer->second));
      }
      const auto last = before.find(name);
      ARROW_RETURN_NOT_OK(CheckRecorded(
          name, stored, last == before.end() ? std::nullopt : std::optional(last->second)));
      ARROW_RETURN_NOT_OK(change.operation == kDropOperation ? Drop(stored) : Move(stored, change));
    }
    attempt_.transaction.Update("pond_ref", {{"commit_id", to_.id}}, RefAsRead(branch_), 1,
                                "branch '" + branch_.name + "' changed meanwhile");
    return Status::OK();
  }

 private:
  // The tables that commits after the head touched.
  Result<std::vector<TableName>> ChangedSince(const std::optional<PondCommit>& head) {
    constexpr unsigned kHead = 1, kTarget = 2;
    CommitWalk walk(catalog_.ledger());
    ARROW_RETURN_NOT_OK(walk.Add(PointOf(head), kHead));
    ARROW_RETURN_NOT_OK(walk.Add({to_.lane, to_.generation}, kTarget));
    std::vector<PondCommit> commits;
    while (!walk.AllCarry(kHead)) {
      ARROW_ASSIGN_OR_RAISE(auto step, walk.Next());
      if (!step) break;
      if (step->marks == kHead) {
        return base::Conflict(
            "branch '{}' has commits that {} lacks, so it cannot be moved forward to it; merge "
            "them",
            branch_.name, to_.id);
      }
      if (step->marks == kTarget) commits.push_back(std::move(step->commit));
    }
    ARROW_RETURN_NOT_OK(AddChanges(catalog_.ledger(), &commits));
    std::set<TableName> names;
    for (const PondCommit& commit : commits) {
      for (const TableChange& change : commit.changes) names.insert(change.table);
    }
    return std::vector<TableName>(names.begin(), names.end());
  }

  Result<std::map<TableName, TableChange>> StatesAt(const LanePoint& end,
                                                    const std::vector<TableName>& names) {
    ARROW_ASSIGN_OR_RAISE(CommitPath path, PathTo(catalog_.ledger(), end));
    return LastChanges(catalog_.ledger(), path, names);
  }

  // What another engine wrote to the branch would be lost.
  Status CheckRecorded(const TableName& name, const std::optional<Table>& stored,
                       const std::optional<TableChange>& last) {
    ARROW_ASSIGN_OR_RAISE(auto view, ViewOn(catalog_, name, branch_.name, stored, last));
    const bool was_there = last && last->operation != kDropOperation;
    if (view ? IsRecorded(last, *view) : !was_there) return Status::OK();
    return base::Conflict(
        "another engine changed {} on branch '{}'; record that with `millpond commit --branch {}` "
        "and merge",
        name.ToString(), branch_.name, branch_.name);
  }

  Status Drop(const std::optional<Table>& stored) {
    const bool shows =
        stored && (branch_.name == kMainBranch ? IsOnMain(*stored->metadata)
                                               : stored->metadata->refs.contains(branch_.name));
    if (!shows) return Status::OK();
    ARROW_ASSIGN_OR_RAISE(auto branches, BranchesOf(catalog_.ledger(), stored->name));
    RemoveBranchTable(branch_.name, stored->name, &attempt_.transaction);
    if (auto next = WithoutBranch(*stored->metadata, branch_.name, branches)) {
      return attempt_.Swap(*stored, *std::move(next));
    }
    attempt_.Retire(*stored);
    return Status::OK();
  }

  Status Move(const std::optional<Table>& stored, const TableChange& change) {
    ARROW_ASSIGN_OR_RAISE(TableVersion version, RecordedVersion(catalog_, change));
    // Format v1 cannot be written; a branch other than main finds its snapshot in the history.
    if (version.table.metadata->format_version < 2 && branch_.name != kMainBranch) {
      return Status::OK();
    }
    ARROW_ASSIGN_OR_RAISE(TableMetadata view, ViewAt(version, stored));
    const TableMetadata* others = stored ? stored->metadata.get() : nullptr;
    ARROW_ASSIGN_OR_RAISE(TableMetadata next,
                          StoreView(change.table, std::move(view), others, branch_.name));
    AddBranchTable(branch_.name, change.table, &attempt_.transaction);
    if (!stored) return attempt_.Add(version.table, std::move(next));
    return SameRefs(next, *others) ? Status::OK() : attempt_.Swap(*stored, std::move(next));
  }

  static bool SameRefs(const TableMetadata& a, const TableMetadata& b) {
    auto same = [](const auto& x, const auto& y) {
      return x.first == y.first && x.second.snapshot_id == y.second.snapshot_id &&
             x.second.is_tag == y.second.is_tag;
    };
    return a.current_snapshot_id == b.current_snapshot_id &&
           a.current_schema_id == b.current_schema_id && a.properties == b.properties &&
           std::equal(a.refs.begin(), a.refs.end(), b.refs.begin(), b.refs.end(), same);
  }

  Catalog& catalog_;
  const PondCommit& to_;
  RefAttempt& attempt_;
  PondRef branch_;
};

}  // namespace

Result<PondRef> History::CreateBranch(const std::string& name, const std::string& ref,
                                      const std::string& author, const std::string& message) {
  ARROW_RETURN_NOT_OK(CheckRefName(name, kBranchKind));
  if (author.empty()) return base::Invalid("a branch needs an author");
  ARROW_ASSIGN_OR_RAISE(auto commit, Resolve(ref));
  PondRef branch{.name = name,
                 .kind = kBranchKind,
                 .commit_id = commit ? std::optional(commit->id) : std::nullopt,
                 .author = author,
                 .message = message,
                 .created_ms = base::NowMs()};
  ledger::Transaction transaction;
  AddRefRow(branch, &transaction);
  Status made = catalog_->ledger().Apply(transaction);
  if (base::KindOf(made) == base::ErrorKind::kAlreadyExists) {
    return base::AlreadyExists("a branch or tag '{}' exists; choose another name", name);
  }
  ARROW_RETURN_NOT_OK(made);
  return branch;
}

Status History::DeleteBranch(const std::string& name, bool force) {
  ARROW_RETURN_NOT_OK(RefuseMain(name, "deleted"));
  return LandRefs(*catalog_, [&](RefAttempt* attempt) {
    return BuildDeletion(*this, *catalog_, name, force, attempt);
  });
}

Status History::RenameBranch(const std::string& from, const std::string& to) {
  ARROW_RETURN_NOT_OK(RefuseMain(from, "renamed"));
  ARROW_RETURN_NOT_OK(CheckRefName(to, kBranchKind));
  return LandRefs(*catalog_,
                  [&](RefAttempt* attempt) { return BuildRenaming(*catalog_, from, to, attempt); });
}

Status History::ProtectBranch(const std::string& name, bool is_protected) {
  ARROW_RETURN_NOT_OK(FindBranch(catalog_->ledger(), name).status());
  ledger::Transaction transaction;
  transaction.Update("pond_ref", {{"protected", int64_t{is_protected ? 1 : 0}}},
                     {{"name", Compare::kEqual, name}}, 1,
                     "branch '" + name + "' was deleted meanwhile");
  return catalog_->ledger().Apply(transaction);
}

Result<PondRef> History::FastForward(const std::string& branch, const std::string& ref) {
  ARROW_ASSIGN_OR_RAISE(auto to, Resolve(ref));
  if (!to) return base::Invalid("'{}' has no commit to move forward to", ref);
  ARROW_RETURN_NOT_OK(LandRefs(*catalog_, [&](RefAttempt* attempt) {
    return Forwarding(catalog_.get(), *to, attempt).Build(branch);
  }));
  return FindBranch(catalog_->ledger(), branch);
}

}  // namespace millpond::table
