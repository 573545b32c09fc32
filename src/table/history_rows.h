// How the pond's history is kept in the ledger: rows of pond_commit, pond_commit_table and pond_ref
// as values, the queries that find them, and the key of a table's catalog row. Used by history,
// commit and upkeep only; the ledger's words stay in this file.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "ledger/ledger.h"
#include "table/history.h"
#include "table/table_name.h"

namespace millpond::table {

inline constexpr const char* kDropOperation = "drop";
inline constexpr const char* kRecordOperation = "record";
inline constexpr const char* kMoveOperation = "move";
inline constexpr const char* kExpireOperation = "expire";

/// The table that a row of the history speaks of.
Result<TableName> NameFromRow(const ledger::Row& row);
/// Conditions that pick a table's row of iceberg_tables.
ledger::Conditions CatalogKey(const TableName& name);
/// The row of a new table, pointing to `metadata_location`.
ledger::Row CatalogRow(const TableName& name, const std::string& metadata_location);

/// Puts a table into the catalog, and its namespace where it is new; `conflict`: what a taken name
/// says.
void AddCatalogRow(const TableName& name, const std::string& metadata_location,
                   const std::string& conflict, ledger::Transaction* transaction);

/// A commit without its changes.
Result<PondCommit> CommitFromRow(const ledger::Row& row);
Result<TableChange> ChangeFromRow(const ledger::Row& row);
Result<PondRef> RefFromRow(const ledger::Row& row);

/// Adds a branch or tag; a taken name fails the transaction.
void AddRefRow(const PondRef& ref, ledger::Transaction* transaction);

/// Adds the commit and its changes, and moves `branch` from the commit's parent to it. A head that
/// moved meanwhile, or a taken sequence, place on the lane or idempotency key, fails the
/// transaction.
void AddCommitRows(const PondCommit& commit, const std::string& branch,
                   ledger::Transaction* transaction);

/// The last change of one table among the commits of one lane up to `generation`.
ledger::Query LastChangeQuery(const TableName& name, const std::string& lane, int64_t generation);
ledger::Query RefQuery(const std::string& name);
ledger::Query CommitQuery(const std::string& commit_id);
/// The commit that landed last, on whichever branch.
ledger::Query NewestCommitQuery();

/// The branch's own row; kNotFound names near branches, kInvalid where it is a tag.
Result<PondRef> FindBranch(ledger::Ledger& ledger, const std::string& name);
/// The error of FindBranch where there is none of that name.
Status NoSuchBranch(ledger::Ledger& ledger, const std::string& name);
/// The pond's branches that a table's metadata speaks of, main left out.
Result<std::set<std::string>> BranchesOf(ledger::Ledger& ledger, const TableName& name);
ledger::Query BranchesQuery(const TableName& name);
/// Notes that a table's metadata speaks of a branch, or no longer does. Nothing for main.
void AddBranchTable(const std::string& branch, const TableName& name,
                    ledger::Transaction* transaction);
void RemoveBranchTable(const std::string& branch, const TableName& name,
                       ledger::Transaction* transaction);

/// A commit without its changes; kCorrupt where there is none of that id.
Result<PondCommit> CommitById(ledger::Ledger& ledger, const std::string& commit_id);
/// A commit with its changes; nullopt where there is none of that id.
Result<std::optional<PondCommit>> FindCommit(ledger::Ledger& ledger, const std::string& commit_id);
/// Fills in the changes of commits read without them.
Status AddChanges(ledger::Ledger& ledger, std::vector<PondCommit>* commits);

/// True where `last`, the newest change of a table on a branch, describes what the table is there:
/// same snapshot and schema. Metadata files that only moved a tag or a property count as the same.
bool IsRecorded(const std::optional<TableChange>& last, const Table& current);

}  // namespace millpond::table
