// The pond's history as callers ask for it: the log, refs resolved to commits, and tables as they
// were at a ref. Tags are in tags.cc.
#include "table/history.h"

#include <arrow/api.h>

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "base/time.h"
#include "table/history_rows.h"
#include "table/ref_expression.h"

namespace millpond::table {
namespace {

using ledger::Compare;

// Below this many commits, one indexed look-up each beats reading all changes.
constexpr size_t kFewCommits = 200;

ledger::Query ChangesOf(const std::string& commit_id) {
  return {.table = "pond_commit_table",
          .where = {{"commit_id", Compare::kEqual, commit_id}},
          .order_by = {{"table_namespace", false}, {"table_name", false}}};
}

Status AddChanges(ledger::Ledger& ledger, std::vector<PondCommit>* commits) {
  if (commits->empty()) return Status::OK();
  std::vector<ledger::Query> queries;
  if (commits->size() <= kFewCommits) {
    for (const PondCommit& commit : *commits) queries.push_back(ChangesOf(commit.id));
  } else {
    queries.push_back({.table = "pond_commit_table",
                       .where = {{"sequence", Compare::kGreaterEqual, commits->back().sequence}},
                       .order_by = {{"table_namespace", false}, {"table_name", false}}});
  }
  ARROW_ASSIGN_OR_RAISE(auto found, ledger.SelectAll(queries));
  std::map<std::string, PondCommit*> by_id;
  for (PondCommit& commit : *commits) by_id[commit.id] = &commit;
  for (const auto& rows : found) {
    for (const ledger::Row& row : rows) {
      ARROW_ASSIGN_OR_RAISE(std::string id, ledger::TextOf(row, "commit_id"));
      auto owner = by_id.find(id);
      if (owner == by_id.end()) continue;
      ARROW_ASSIGN_OR_RAISE(TableChange change, ChangeFromRow(row));
      owner->second->changes.push_back(std::move(change));
    }
  }
  return Status::OK();
}

// Finds the one commit that `query` selects, with its changes.
Result<std::optional<PondCommit>> OneCommit(ledger::Ledger& ledger, const ledger::Query& query) {
  ARROW_ASSIGN_OR_RAISE(auto rows, ledger.Select(query));
  if (rows.empty()) return std::nullopt;
  std::vector<PondCommit> commits(1);
  ARROW_ASSIGN_OR_RAISE(commits[0], CommitFromRow(rows[0]));
  ARROW_RETURN_NOT_OK(AddChanges(ledger, &commits));
  return std::move(commits[0]);
}

Result<std::optional<PondCommit>> ByTag(ledger::Ledger& ledger, const std::string& name) {
  ARROW_ASSIGN_OR_RAISE(auto rows, ledger.Select(RefQuery(name)));
  if (rows.empty()) return std::nullopt;
  ARROW_ASSIGN_OR_RAISE(PondRef ref, RefFromRow(rows[0]));
  if (!ref.commit_id) return std::nullopt;
  return OneCommit(ledger, CommitQuery(*ref.commit_id));
}

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
  ARROW_ASSIGN_OR_RAISE(std::string id, ledger::TextOf(rows[0], "commit_id"));
  return OneCommit(ledger, CommitQuery(id));
}

ledger::Query AtTime(int64_t ms) {
  return {.table = "pond_commit",
          .where = {{"created_ms", Compare::kLessEqual, ms}},
          .order_by = {{"sequence", true}},
          .limit = 1};
}

Status UnknownRef(ledger::Ledger& ledger, const std::string& ref) {
  ARROW_ASSIGN_OR_RAISE(auto rows, ledger.Select({.table = "pond_ref"}));
  std::vector<std::string> names;
  for (const auto& row : rows) {
    ARROW_ASSIGN_OR_RAISE(std::string name, ledger::TextOf(row, "name"));
    names.push_back(std::move(name));
  }
  return base::NotFound(
      "no ref '{}': it is no tag, commit id, or time of a commit.{} Tags are listed by "
      "`millpond tag`",
      ref, base::DidYouMean(ref, names));
}

// What `name` (without "~N") names.
Result<PondCommit> ResolveName(ledger::Ledger& ledger, const RefExpression& ref,
                               const std::string& text) {
  ARROW_ASSIGN_OR_RAISE(auto tagged, ByTag(ledger, ref.name));
  if (tagged) return *tagged;
  if (auto ms = ref.AsTime()) {
    ARROW_ASSIGN_OR_RAISE(auto then, OneCommit(ledger, AtTime(*ms)));
    if (then) return *then;
    return base::NotFound("the pond had no commit yet at {}", base::FormatUtc(*ms));
  }
  if (auto prefix = ref.AsCommitPrefix()) {
    ARROW_ASSIGN_OR_RAISE(auto found, ByPrefix(ledger, *prefix));
    if (found) return *found;
  }
  return UnknownRef(ledger, text);
}

}  // namespace

Result<std::vector<PondCommit>> History::Log(int64_t limit, const std::optional<TableName>& table) {
  ledger::Ledger& ledger = catalog_->ledger();
  const auto bound = limit < 0 ? std::nullopt : std::optional(limit);
  std::vector<PondCommit> commits;
  if (!table) {
    ARROW_ASSIGN_OR_RAISE(
        auto rows,
        ledger.Select({.table = "pond_commit", .order_by = {{"sequence", true}}, .limit = bound}));
    for (const auto& row : rows) {
      ARROW_ASSIGN_OR_RAISE(PondCommit commit, CommitFromRow(row));
      commits.push_back(std::move(commit));
    }
  } else {
    ledger::Query changes = LastChangeQuery(*table, {});
    changes.limit = bound;
    ARROW_ASSIGN_OR_RAISE(auto rows, ledger.Select(changes));
    std::vector<ledger::Query> queries;
    for (const auto& row : rows) {
      ARROW_ASSIGN_OR_RAISE(std::string id, ledger::TextOf(row, "commit_id"));
      queries.push_back(CommitQuery(id));
    }
    ARROW_ASSIGN_OR_RAISE(auto found, ledger.SelectAll(queries));
    for (const auto& one : found) {
      if (one.empty()) return base::Corrupt("the ledger has changes of a commit that it lacks");
      ARROW_ASSIGN_OR_RAISE(PondCommit commit, CommitFromRow(one[0]));
      commits.push_back(std::move(commit));
    }
  }
  ARROW_RETURN_NOT_OK(AddChanges(ledger, &commits));
  return commits;
}

Result<std::optional<PondCommit>> History::Resolve(const std::string& text) {
  ledger::Ledger& ledger = catalog_->ledger();
  ARROW_ASSIGN_OR_RAISE(RefExpression ref, ParseRef(text));
  PondCommit commit;
  if (ref.NamesHead()) {
    ARROW_ASSIGN_OR_RAISE(auto head, HeadCommit(ledger));
    if (!head && ref.back == 0) return std::nullopt;
    if (!head) return base::NotFound("'{}': the pond has no commits yet", text);
    commit = *std::move(head);
  } else {
    ARROW_ASSIGN_OR_RAISE(commit, ResolveName(ledger, ref, text));
  }
  if (ref.back >= commit.sequence) {
    return base::NotFound("'{}' goes back further than the first commit: there are {} up to '{}'",
                          text, commit.sequence, ref.NamesHead() ? kMainBranch : ref.name);
  }
  return OneCommit(ledger, {.table = "pond_commit",
                            .where = {{"sequence", Compare::kEqual, commit.sequence - ref.back}}});
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
