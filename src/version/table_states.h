// What a table is at a ref, or that there is none, and which tables differ between two commits.
// What merge, revert, cherry-pick, restore and diff begin with.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "table/catalog.h"
#include "table/history.h"

namespace millpond::version {

/// nullopt: there is no such table.
using TableState = std::optional<table::TableVersion>;

/// Same table, same snapshot, same columns.
bool SameState(const TableState& a, const TableState& b);

/// nullopt where the table did not exist at the ref. Anything else is an error: an unknown ref, and
/// a version that history knows and whose snapshot or metadata file is gone.
Result<TableState> StateAt(const std::shared_ptr<table::Catalog>& catalog,
                           const table::TableName& name, const std::string& ref);

/// All tables at a ref; none before the first commit.
Result<std::map<table::TableName, TableState>> StatesAt(table::History& history,
                                                        const std::string& ref);

/// Tables that are not the same at two commits (nullopt: before the first one), by what the pond's
/// history says of them; no table is loaded.
Result<std::vector<table::TableName>> DifferingTables(table::Catalog& catalog,
                                                      const std::optional<table::PondCommit>& a,
                                                      const std::optional<table::PondCommit>& b);

/// Columns of the first schema that the other lacks, by field id.
std::vector<std::string> ColumnsOnlyIn(const arrow::Schema& schema, const arrow::Schema& other);

/// Rows by the snapshot's own summary; 0 where there is no table or no snapshot.
int64_t RowsOf(const TableState& state);

/// The identifier columns of a version.
std::vector<int32_t> KeyFieldsOf(const table::TableVersion& version);

/// "shop"."orders"@"v1": a table at a ref as SQL.
std::string SqlAt(const table::TableName& name, const std::string& ref);

}  // namespace millpond::version
