// The pond's history as callers ask for it: the log, refs resolved to commits, and how two refs
// stand to each other. Tables at refs are in table_versions.cc, tags in tags.cc, branches in
// branches.cc.
#include "table/history.h"

#include <arrow/api.h>

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "base/time.h"
#include "table/commit_path.h"
#include "table/commit_walk.h"
#include "table/history_rows.h"
#include "table/ref_expression.h"

namespace millpond::table {
namespace {

using ledger::Compare;

Result<std::optional<PondCommit>> ByPrefix(ledger::Ledger& ledger, const std::string& prefix) {
  ARROW_ASSIGN_OR_RAISE(auto rows,
                        ledger.Select({.table = "pond_commit",
                                       .where = {{"commit_id", Compare::kStartsWith, prefix}},
                                       .order_by = {{"sequence", true}},
                                       .limit = 3}));
  if (rows.size() > 1) {
    std::vector<std::string> ids;
    for (const auto& row : rows) {
      ARROW_ASSIGN_OR_RAISE(std::string id, ledger::TextOf(row, "commit_id"));
      ids.push_back(std::move(id));
    }
    return base::Invalid("'{}' is the start of several commit ids ({}…); give more digits", prefix,
                         base::Join(ids, ", "));
  }
  if (rows.empty()) return std::nullopt;
  return CommitFromRow(rows[0]);
}

Status UnknownRef(ledger::Ledger& ledger, const std::string& ref) {
  ARROW_ASSIGN_OR_RAISE(auto rows, ledger.Select({.table = "pond_ref"}));
  std::vector<std::string> names;
  for (const auto& row : rows) {
    ARROW_ASSIGN_OR_RAISE(std::string name, ledger::TextOf(row, "name"));
    names.push_back(std::move(name));
  }
  return base::NotFound(
      "no ref '{}': it is no branch, tag, commit id, or time of a commit.{} They are listed by "
      "`millpond branch` and `millpond tag`",
      ref, base::DidYouMean(ref, names));
}

// The head of main, along which times and "~N" are read.
Result<std::optional<PondCommit>> HeadOfMain(ledger::Ledger& ledger) {
  ARROW_ASSIGN_OR_RAISE(PondRef main, FindBranch(ledger, kMainBranch));
  if (!main.commit_id) return std::nullopt;
  return CommitById(ledger, *main.commit_id);
}

Result<PondCommit> AtTime(ledger::Ledger& ledger, int64_t ms) {
  ARROW_ASSIGN_OR_RAISE(auto head, HeadOfMain(ledger));
  ARROW_ASSIGN_OR_RAISE(CommitPath path, PathTo(ledger, PointOf(head)));
  ARROW_ASSIGN_OR_RAISE(auto then, CommitBy(ledger, path, ms));
  if (then) return *std::move(then);
  return base::NotFound("the pond had no commit yet at {}", base::FormatUtc(ms));
}

// What `name` (without "~N") names, without its changes; nullopt: a branch without commits.
Result<std::optional<PondCommit>> ResolveName(ledger::Ledger& ledger, const RefExpression& ref,
                                              const std::string& text) {
  if (ref.NamesHead()) return HeadOfMain(ledger);
  ARROW_ASSIGN_OR_RAISE(auto rows, ledger.Select(RefQuery(ref.name)));
  if (!rows.empty()) {
    ARROW_ASSIGN_OR_RAISE(PondRef named, RefFromRow(rows[0]));
    if (!named.commit_id) return std::nullopt;
    return CommitById(ledger, *named.commit_id);
  }
  if (auto ms = ref.AsTime()) return AtTime(ledger, *ms);
  if (auto prefix = ref.AsCommitPrefix()) {
    ARROW_ASSIGN_OR_RAISE(auto found, ByPrefix(ledger, *prefix));
    if (found) return found;
  }
  return UnknownRef(ledger, text);
}

// Marks of the two sides of a comparison.
constexpr unsigned kFirst = 1, kSecond = 2, kBoth = kFirst | kSecond, kBelowBase = 4;

Result<CommitWalk> WalkFromBoth(History& history, Catalog& catalog, const std::string& ref,
                                const std::string& other) {
  ARROW_ASSIGN_OR_RAISE(auto first, history.Resolve(ref));
  ARROW_ASSIGN_OR_RAISE(auto second, history.Resolve(other));
  CommitWalk walk(catalog.ledger());
  ARROW_RETURN_NOT_OK(walk.Add(PointOf(first), kFirst));
  ARROW_RETURN_NOT_OK(walk.Add(PointOf(second), kSecond));
  walk.MarkParents(kBoth, kBelowBase);
  return walk;
}

}  // namespace

Result<std::vector<PondCommit>> History::Log(const LogRequest& request) {
  CommitWalk walk(catalog_->ledger(), request.table);
  for (const std::string& ref : request.refs) {
    ARROW_ASSIGN_OR_RAISE(auto end, Resolve(ref));
    ARROW_RETURN_NOT_OK(walk.Add(PointOf(end)));
  }
  std::vector<PondCommit> commits;
  while (request.limit < 0 || static_cast<int64_t>(commits.size()) < request.limit) {
    ARROW_ASSIGN_OR_RAISE(auto step, walk.Next());
    if (!step) break;
    commits.push_back(std::move(step->commit));
  }
  ARROW_RETURN_NOT_OK(AddChanges(catalog_->ledger(), &commits));
  return commits;
}

Result<std::vector<PondCommit>> History::Log(int64_t limit, const std::optional<TableName>& table) {
  return Log({.limit = limit, .table = table});
}

Result<std::optional<PondCommit>> History::Resolve(const std::string& text) {
  ledger::Ledger& ledger = catalog_->ledger();
  ARROW_ASSIGN_OR_RAISE(RefExpression ref, ParseRef(text));
  ARROW_ASSIGN_OR_RAISE(auto named, ResolveName(ledger, ref, text));
  if (named && ref.back > 0) {
    ARROW_ASSIGN_OR_RAISE(CommitPath path, PathTo(ledger, PointOf(named)));
    const int64_t commits = named->generation;
    ARROW_ASSIGN_OR_RAISE(named, CommitOn(ledger, path, commits - ref.back));
    if (!named) {
      return base::NotFound("'{}' goes back further than the first commit: there are {} up to '{}'",
                            text, commits, ref.NamesHead() ? kMainBranch : ref.name);
    }
  }
  if (!named) {
    if (ref.back == 0) return std::nullopt;
    return base::NotFound("'{}': the branch has no commits yet", text);
  }
  std::vector<PondCommit> commits = {*std::move(named)};
  ARROW_RETURN_NOT_OK(AddChanges(ledger, &commits));
  return std::move(commits[0]);
}

Result<Divergence> History::Compare(const std::string& ref, const std::string& other) {
  ARROW_ASSIGN_OR_RAISE(CommitWalk walk, WalkFromBoth(*this, *catalog_, ref, other));
  Divergence divergence;
  // What comes after a common commit may still be on one side only: a merge reaches past it.
  while (!walk.AllCarry(kBoth)) {
    ARROW_ASSIGN_OR_RAISE(auto step, walk.Next());
    if (!step) break;
    if (step->marks == kBoth) {
      divergence.bases.push_back(step->commit.id);
    } else if ((step->marks & kBelowBase) == 0) {
      ++(step->marks == kFirst ? divergence.ahead : divergence.behind);
    }
  }
  return divergence;
}

Result<std::vector<PondRef>> History::Refs() {
  ARROW_ASSIGN_OR_RAISE(auto rows,
                        catalog_->ledger().Select(
                            {.table = "pond_ref", .order_by = {{"kind", false}, {"name", false}}}));
  std::vector<PondRef> refs;
  for (const auto& row : rows) {
    ARROW_ASSIGN_OR_RAISE(PondRef ref, RefFromRow(row));
    refs.push_back(std::move(ref));
  }
  return refs;
}

}  // namespace millpond::table
