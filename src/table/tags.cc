// Tags over the whole pond, and the Iceberg tags of the same name that keep other engines from
// expiring what they hold. Implements that part of History. Both land in one ledger transaction
// with the pointers of all tables concerned.
#include <arrow/api.h>

#include <chrono>
#include <functional>
#include <utility>

#include "base/time.h"
#include "table/history.h"
#include "table/history_rows.h"
#include "table/ref_expression.h"
#include "table/retry.h"
#include "table/table_folder.h"

namespace millpond::table {
namespace {

using ledger::Compare;

constexpr std::chrono::seconds kRetryBudget{30};

/// One attempt: the ledger changes and the metadata files they point to.
struct Attempt {
  ledger::Transaction transaction;
  std::vector<WrittenMetadata> written;
  BlobBatch blobs;
};

Status AddSwap(const Table& table, TableMetadata next, Attempt* attempt) {
  ARROW_ASSIGN_OR_RAISE(WrittenMetadata written,
                        WriteMetadata(&table, table.name, std::move(next), &attempt->blobs));
  ledger::Conditions row = CatalogKey(table.name);
  row.push_back({"metadata_location", Compare::kEqual, table.metadata_location});
  attempt->transaction.Update("iceberg_tables",
                              {{"metadata_location", written.table.metadata_location},
                               {"previous_metadata_location", table.metadata_location}},
                              row, 1, table.name.ToString() + " changed meanwhile");
  attempt->written.push_back(std::move(written));
  return Status::OK();
}

void Discard(Catalog& catalog, const Attempt& attempt) {
  for (const WrittenMetadata& written : attempt.written) {
    DeleteQuietly(catalog.store(), {written.table.metadata_location});
  }
}

// Runs `build` and applies what it made, again and again while tables move under it. `build` itself
// reports what cannot be.
Status Land(Catalog& catalog, const std::function<Status(Attempt*)>& build) {
  const base::Context context;
  Retry retry(kRetryBudget);
  while (true) {
    Attempt attempt;
    Status built = build(&attempt);
    if (built.ok()) built = attempt.blobs.Write(catalog.store());
    if (!built.ok()) {
      Discard(catalog, attempt);
      return built;
    }
    Status landed = catalog.ledger().Apply(attempt.transaction);
    if (landed.ok()) {
      for (const WrittenMetadata& written : attempt.written) {
        catalog.Remember(written.table.metadata_location, written.table.metadata);
        DeleteQuietly(catalog.store(), written.expired);
      }
      return landed;
    }
    // After any other error the transaction may have landed: what it points to must stay.
    const base::ErrorKind kind = base::KindOf(landed);
    if (kind != base::ErrorKind::kConflict && kind != base::ErrorKind::kAlreadyExists) {
      return landed;
    }
    Discard(catalog, attempt);
    ARROW_RETURN_NOT_OK(retry.Wait(landed, context));
  }
}

/// The tables of a commit that still hold the snapshot they had then, with that snapshot's id.
Result<std::vector<std::pair<Table, int64_t>>> TablesHolding(Catalog& catalog, int64_t sequence) {
  ARROW_ASSIGN_OR_RAISE(auto changes, LastChangesAt(catalog.ledger(), sequence));
  ARROW_ASSIGN_OR_RAISE(auto pointers, catalog.Pointers());
  std::vector<std::pair<Table, int64_t>> tables;
  for (const auto& [name, change] : changes) {
    auto pointer = pointers.find(name);
    if (pointer == pointers.end() || !change.snapshot_after) continue;
    ARROW_ASSIGN_OR_RAISE(Table table, catalog.LoadAt(name, pointer->second));
    // Format v1 cannot be written without upgrading it, which is its owner's to decide.
    if (table.metadata->format_version < 2) continue;
    if (table.metadata->SnapshotById(*change.snapshot_after) == nullptr) continue;
    tables.emplace_back(std::move(table), *change.snapshot_after);
  }
  return tables;
}

Status BuildTag(Catalog& catalog, const PondRef& tag, int64_t sequence, Attempt* attempt) {
  ARROW_ASSIGN_OR_RAISE(auto taken, catalog.ledger().Select(RefQuery(tag.name)));
  if (!taken.empty()) {
    return base::AlreadyExists("the tag '{}' exists; delete it first or choose another name",
                               tag.name);
  }
  ARROW_ASSIGN_OR_RAISE(auto tables, TablesHolding(catalog, sequence));
  for (const auto& [table, snapshot_id] : tables) {
    const auto& refs = table.metadata->refs;
    if (auto found = refs.find(tag.name); found != refs.end()) {
      if (found->second.is_tag && found->second.snapshot_id == snapshot_id) continue;
      return base::AlreadyExists(
          "{} has a branch or tag '{}' already, set by another engine; choose another name",
          table.name.ToString(), tag.name);
    }
    TableMetadata next = *table.metadata;
    next.refs[tag.name] = {snapshot_id, true};
    ARROW_RETURN_NOT_OK(AddSwap(table, std::move(next), attempt));
  }
  attempt->transaction.Insert("pond_ref",
                              {{"name", tag.name},
                               {"kind", tag.kind},
                               {"commit_id", *tag.commit_id},
                               {"author", tag.author},
                               {"message", tag.message},
                               {"created_ms", tag.created_ms}},
                              "the tag '" + tag.name + "' exists");
  return Status::OK();
}

Status BuildRemoval(Catalog& catalog, const std::string& name, Attempt* attempt) {
  ARROW_ASSIGN_OR_RAISE(auto rows, catalog.ledger().Select(RefQuery(name)));
  if (rows.empty()) return base::NotFound("no tag '{}'", name);
  ARROW_ASSIGN_OR_RAISE(PondRef ref, RefFromRow(rows[0]));
  if (ref.kind != "tag") return base::Invalid("'{}' is a {}, not a tag", name, ref.kind);
  if (ref.commit_id) {
    ARROW_ASSIGN_OR_RAISE(auto commit, FindCommit(catalog.ledger(), *ref.commit_id));
    if (!commit) return base::Corrupt("the tag '{}' names a commit that the ledger lacks", name);
    ARROW_ASSIGN_OR_RAISE(auto tables, TablesHolding(catalog, commit->sequence));
    for (const auto& [table, snapshot_id] : tables) {
      auto found = table.metadata->refs.find(name);
      if (found == table.metadata->refs.end() || found->second.snapshot_id != snapshot_id) continue;
      TableMetadata next = *table.metadata;
      next.refs.erase(name);
      ARROW_RETURN_NOT_OK(AddSwap(table, std::move(next), attempt));
    }
  }
  attempt->transaction.Delete("pond_ref", {{"name", Compare::kEqual, name}}, 1,
                              "the tag '" + name + "' changed meanwhile");
  return Status::OK();
}

}  // namespace

Result<PondRef> History::CreateTag(const std::string& name, const std::string& ref,
                                   const std::string& author, const std::string& message) {
  ARROW_RETURN_NOT_OK(CheckTagName(name));
  if (author.empty()) return base::Invalid("a tag needs an author");
  ARROW_ASSIGN_OR_RAISE(auto commit, Resolve(ref));
  if (!commit) {
    return base::Invalid("the pond has no commit to tag yet; load or commit something first");
  }
  PondRef tag{name, "tag", commit->id, author, message, base::NowMs()};
  ARROW_RETURN_NOT_OK(Land(*catalog_, [&](Attempt* attempt) {
    return BuildTag(*catalog_, tag, commit->sequence, attempt);
  }));
  return tag;
}

Status History::DeleteTag(const std::string& name) {
  return Land(*catalog_, [&](Attempt* attempt) { return BuildRemoval(*catalog_, name, attempt); });
}

}  // namespace millpond::table
