// Tags over the whole pond, and the Iceberg tags of the same name that keep other engines from
// expiring what they hold. Implements that part of History. Both land in one ledger transaction
// with the pointers of all tables concerned.
#include <arrow/api.h>

#include <utility>

#include "base/time.h"
#include "table/commit_path.h"
#include "table/history.h"
#include "table/history_rows.h"
#include "table/ref_expression.h"
#include "table/ref_landing.h"

namespace millpond::table {
namespace {

using ledger::Compare;

/// The tables of a commit that still hold the snapshot they had then, with that snapshot's id.
Result<std::map<TableName, std::pair<Table, int64_t>>> TablesHolding(Catalog& catalog,
                                                                     const PondCommit& commit) {
  ARROW_ASSIGN_OR_RAISE(CommitPath path, PathTo(catalog.ledger(), PointOf(commit)));
  ARROW_ASSIGN_OR_RAISE(auto changes, LiveTables(catalog.ledger(), path));
  ARROW_ASSIGN_OR_RAISE(auto pointers, catalog.Pointers());
  std::map<TableName, std::pair<Table, int64_t>> tables;
  for (const auto& [name, change] : changes) {
    auto pointer = pointers.find(name);
    if (pointer == pointers.end() || !change.snapshot_after) continue;
    ARROW_ASSIGN_OR_RAISE(Table table, catalog.LoadAt(name, pointer->second));
    // Format v1 cannot be written without upgrading it, which is its owner's to decide.
    if (table.metadata->format_version < 2) continue;
    if (table.metadata->SnapshotById(*change.snapshot_after) == nullptr) continue;
    tables.emplace(name, std::pair(std::move(table), *change.snapshot_after));
  }
  return tables;
}

// What the tables of a tag's commit show of it; none where there is no such tag.
Result<std::optional<PondRef>> FindTag(ledger::Ledger& ledger, const std::string& name) {
  ARROW_ASSIGN_OR_RAISE(auto rows, ledger.Select(RefQuery(name)));
  if (rows.empty()) return std::nullopt;
  ARROW_ASSIGN_OR_RAISE(PondRef ref, RefFromRow(rows[0]));
  if (ref.kind != kTagKind) return base::Invalid("'{}' is a {}, not a tag", name, ref.kind);
  return ref;
}

// Plans the move of a tag from one commit (none: it is new) to another (none: it goes): each table
// that changes by it is written once.
Status MoveTag(Catalog& catalog, const std::string& name, const std::optional<PondCommit>& from,
               const std::optional<PondCommit>& to, RefAttempt* attempt) {
  std::map<TableName, std::pair<Table, int64_t>> old_tables, new_tables;
  if (from) {
    ARROW_ASSIGN_OR_RAISE(old_tables, TablesHolding(catalog, *from));
  }
  if (to) {
    ARROW_ASSIGN_OR_RAISE(new_tables, TablesHolding(catalog, *to));
  }
  for (const auto& [table_name, held] : old_tables) {
    const auto& [table, snapshot_id] = held;
    if (new_tables.contains(table_name)) continue;
    auto found = table.metadata->refs.find(name);
    if (found == table.metadata->refs.end() || found->second.snapshot_id != snapshot_id) continue;
    TableMetadata next = *table.metadata;
    next.refs.erase(name);
    ARROW_RETURN_NOT_OK(attempt->Swap(table, std::move(next)));
  }
  for (const auto& [table_name, held] : new_tables) {
    const auto& [table, snapshot_id] = held;
    const auto& refs = table.metadata->refs;
    if (auto found = refs.find(name); found != refs.end()) {
      if (found->second.is_tag && found->second.snapshot_id == snapshot_id) continue;
      const auto old = old_tables.find(table_name);
      const bool ours = old != old_tables.end() && found->second.is_tag &&
                        found->second.snapshot_id == old->second.second;
      if (!ours) {
        return base::AlreadyExists(
            "{} has a branch or tag '{}' already, set by another engine; choose another name",
            table_name.ToString(), name);
      }
    }
    TableMetadata next = *table.metadata;
    next.refs[name] = {snapshot_id, true};
    ARROW_RETURN_NOT_OK(attempt->Swap(table, std::move(next)));
  }
  return Status::OK();
}

Result<std::optional<PondCommit>> CommitOfTag(ledger::Ledger& ledger, const PondRef& tag) {
  if (!tag.commit_id) return std::nullopt;
  return CommitById(ledger, *tag.commit_id);
}

Status BuildTag(Catalog& catalog, const PondRef& tag, const PondCommit& commit, bool move,
                RefAttempt* attempt) {
  ARROW_ASSIGN_OR_RAISE(auto taken, FindTag(catalog.ledger(), tag.name));
  if (taken && !move) {
    return base::AlreadyExists("the tag '{}' exists; choose another name, or move it with --force",
                               tag.name);
  }
  std::optional<PondCommit> from;
  if (taken) {
    ARROW_ASSIGN_OR_RAISE(from, CommitOfTag(catalog.ledger(), *taken));
    attempt->transaction.Delete(
        "pond_ref",
        {{"name", Compare::kEqual, tag.name}, {"commit_id", Compare::kEqual, *taken->commit_id}}, 1,
        "the tag '" + tag.name + "' changed meanwhile");
  }
  ARROW_RETURN_NOT_OK(MoveTag(catalog, tag.name, from, commit, attempt));
  AddRefRow(tag, &attempt->transaction);
  return Status::OK();
}

Status BuildRemoval(Catalog& catalog, const std::string& name, RefAttempt* attempt) {
  ARROW_ASSIGN_OR_RAISE(auto tag, FindTag(catalog.ledger(), name));
  if (!tag) return base::NotFound("no tag '{}'", name);
  ARROW_ASSIGN_OR_RAISE(auto commit, CommitOfTag(catalog.ledger(), *tag));
  ARROW_RETURN_NOT_OK(MoveTag(catalog, name, commit, {}, attempt));
  attempt->transaction.Delete("pond_ref", {{"name", Compare::kEqual, name}}, 1,
                              "the tag '" + name + "' changed meanwhile");
  return Status::OK();
}

}  // namespace

Result<PondRef> History::CreateTag(const std::string& name, const std::string& ref,
                                   const std::string& author, const std::string& message,
                                   bool move) {
  ARROW_RETURN_NOT_OK(CheckRefName(name, kTagKind));
  if (author.empty()) return base::Invalid("a tag needs an author");
  ARROW_ASSIGN_OR_RAISE(auto commit, Resolve(ref));
  if (!commit) {
    return base::Invalid("the pond has no commit to tag yet; load or commit something first");
  }
  PondRef tag{.name = name,
              .kind = kTagKind,
              .commit_id = commit->id,
              .author = author,
              .message = message,
              .created_ms = base::NowMs()};
  ARROW_RETURN_NOT_OK(LandRefs(*catalog_, [&](RefAttempt* attempt) {
    return BuildTag(*catalog_, tag, *commit, move, attempt);
  }));
  return tag;
}

Status History::DeleteTag(const std::string& name) {
  return LandRefs(*catalog_,
                  [&](RefAttempt* attempt) { return BuildRemoval(*catalog_, name, attempt); });
}

}  // namespace millpond::table
