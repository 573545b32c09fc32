// How the pond's history is kept in the ledger: rows of pond_commit, pond_commit_table and pond_ref
// as values, the queries that find them, and the key of a table's catalog row. Used by history,
// commit and upkeep only; the ledger's words stay in this file.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "base/error.h"
#include "ledger/ledger.h"
#include "table/history.h"
#include "table/table_name.h"

namespace millpond::table {

inline constexpr const char* kMainBranch = "main";
inline constexpr const char* kDropOperation = "drop";
inline constexpr const char* kRecordOperation = "record";

/// Conditions that pick a table's row of iceberg_tables.
ledger::Conditions CatalogKey(const TableName& name);
/// The row of a new table, pointing to `metadata_location`.
ledger::Row CatalogRow(const TableName& name, const std::string& metadata_location);

/// A commit without its changes.
Result<PondCommit> CommitFromRow(const ledger::Row& row);
Result<TableChange> ChangeFromRow(const ledger::Row& row);
Result<PondRef> RefFromRow(const ledger::Row& row);

/// Adds the commit and its changes, and moves main from the commit's parent to it. A head that
/// moved meanwhile, or a taken sequence or idempotency key, fails the transaction.
void AddCommitRows(const PondCommit& commit, ledger::Transaction* transaction);

/// The last change of one table at or before `sequence` (any: the newest).
ledger::Query LastChangeQuery(const TableName& name, std::optional<int64_t> sequence);
ledger::Query RefQuery(const std::string& name);
ledger::Query CommitQuery(const std::string& commit_id);

/// The newest commit of main without its changes; nullopt in an empty pond.
Result<std::optional<PondCommit>> HeadCommit(ledger::Ledger& ledger);
/// The newest change of one table; nullopt where no pond commit touched it.
Result<std::optional<TableChange>> LastChange(ledger::Ledger& ledger, const TableName& name);
/// A commit with its changes; nullopt where there is none of that id.
Result<std::optional<PondCommit>> FindCommit(ledger::Ledger& ledger, const std::string& commit_id);

/// For each table that existed after the commit of that `sequence` (none: now), as far as pond
/// commits know, its newest change by then.
Result<std::map<TableName, TableChange>> LastChangesAt(ledger::Ledger& ledger,
                                                       std::optional<int64_t> sequence);

/// True where `last`, the newest change of a table, describes what the catalog points to: same
/// snapshot and schema. Metadata files that only moved a tag or a property count as the same.
bool IsRecorded(const std::optional<TableChange>& last, const Table& current);

}  // namespace millpond::table
