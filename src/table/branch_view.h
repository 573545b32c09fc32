// How one table's metadata carries all branches of the pond: main is what `current-snapshot-id` and
// `current-schema-id` say, any other branch an Iceberg branch of that name, set with the first
// commit that changes the table there. A view is that metadata as one branch sees it: its snapshot
// and schema as the current ones, so that writers need not know of branches. Used by commit and
// history.
#pragma once

#include <optional>
#include <set>
#include <string>

#include "base/error.h"
#include "table/catalog.h"
#include "table/history.h"

namespace millpond::table {

/// The property of a table that main does not have: the branch that keeps it.
inline constexpr const char* kBranchOnlyProperty = "millpond.branch-only";

/// False for a table that only branches other than main have.
bool IsOnMain(const TableMetadata& metadata);

/// The table at the end of `branch`, other engines' commits included; nullopt where it has none of
/// that name. `stored`: what the catalog points to; `last`: the newest change on the branch's path.
Result<std::optional<Table>> ViewOn(Catalog& catalog, const TableName& name,
                                    const std::string& branch, const std::optional<Table>& stored,
                                    const std::optional<TableChange>& last);

/// The table as a version of the past has it, in the metadata that the catalog points to, so that a
/// branch may go on from there. kConflict where the catalog has another table of that name, or
/// metadata from which another engine expired the version's snapshot.
Result<TableMetadata> ViewAt(const TableVersion& version, const std::optional<Table>& stored);

/// kConflict where the catalog has another table of the name that a branch knows `metadata` by.
Status CheckSameTable(const TableMetadata& metadata, const std::optional<Table>& stored);

/// The metadata to store where `view` is what `branch` should see from now on; all other branches
/// keep what they have in `stored` (null: nothing, the table is new to the catalog).
/// kAlreadyExists where the table has a tag of the branch's name.
Result<TableMetadata> StoreView(const TableName& name, TableMetadata view,
                                const TableMetadata* stored, const std::string& branch);

/// The metadata to store where `branch` no longer has the table; nullopt where neither main nor any
/// of the pond's `branches` does.
std::optional<TableMetadata> WithoutBranch(const TableMetadata& stored, const std::string& branch,
                                           const std::set<std::string>& branches);

/// The table as a pond commit left it, from the newest metadata that still knows that. kNotFound
/// where another engine expired it.
Result<TableVersion> RecordedVersion(Catalog& catalog, const TableChange& change);

}  // namespace millpond::table
