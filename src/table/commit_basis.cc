// Reads the pond's state that an attempt at a commit builds on; see the header.
#include "table/commit_basis.h"

#include "table/history_rows.h"

namespace millpond::table {

Result<CommitBasis> CommitBasis::Read(Catalog& catalog, const std::vector<TableName>& names) {
  std::vector<ledger::Query> queries = {
      {.table = "pond_commit", .order_by = {{"sequence", true}}, .limit = 1}};
  for (const TableName& name : names) {
    queries.push_back({.table = "iceberg_tables", .where = CatalogKey(name)});
    queries.push_back(LastChangeQuery(name, {}));
  }
  ARROW_ASSIGN_OR_RAISE(auto found, catalog.ledger().SelectAll(queries));
  CommitBasis basis;
  if (!found[0].empty()) {
    ARROW_ASSIGN_OR_RAISE(basis.head, CommitFromRow(found[0][0]));
  }
  for (size_t i = 0; i < names.size(); ++i) {
    TableBasis& table = basis.tables[names[i]];
    if (const auto& rows = found[1 + 2 * i]; !rows.empty()) {
      ARROW_ASSIGN_OR_RAISE(std::string location, ledger::TextOf(rows[0], "metadata_location"));
      ARROW_ASSIGN_OR_RAISE(table.current, catalog.LoadAt(names[i], location));
    }
    if (const auto& rows = found[2 + 2 * i]; !rows.empty()) {
      ARROW_ASSIGN_OR_RAISE(table.last, ChangeFromRow(rows[0]));
    }
  }
  return basis;
}

bool CommitBasis::MovedIn(const CommitBasis& later) const {
  auto id = [](const CommitBasis& basis) { return basis.head ? basis.head->id : std::string(); };
  if (id(*this) != id(later)) return true;
  for (const auto& [name, table] : tables) {
    auto location = [](const TableBasis& basis) {
      return basis.current ? basis.current->metadata_location : std::string();
    };
    if (location(table) != location(later.tables.at(name))) return true;
  }
  return false;
}

}  // namespace millpond::table
