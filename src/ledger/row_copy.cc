// Pages are cut by the primary key, which both databases order by its bytes.
#include "ledger/row_copy.h"

#include <algorithm>
#include <optional>

#include "base/text.h"
#include "ledger/migration.h"
#include "ledger/sqlite_connection.h"

namespace millpond::ledger {
namespace {

using base::QuoteIdentifier;

constexpr int64_t kPageRows = 2000;

// Rows of one table in the order of its key.
class Pages {
 public:
  Pages(SqlConnection* connection, std::string table, std::vector<std::string> key)
      : connection_(connection), table_(std::move(table)), key_(std::move(key)) {}

  // The next rows; none at the end.
  Result<std::vector<Row>> Next() {
    std::vector<std::string> columns, places;
    for (const std::string& column : key_) columns.push_back(QuoteIdentifier(column));
    const std::string order = base::Join(columns, ", ");
    SqlText sql{"SELECT * FROM " + QuoteIdentifier(table_), {}};
    if (last_) {
      for (const std::string& column : key_) {
        sql.values.push_back(last_->at(column));
        places.push_back("$" + std::to_string(sql.values.size()));
      }
      sql.text += " WHERE (" + order + ") > (" + base::Join(places, ", ") + ")";
    }
    sql.text += fmt::format(" ORDER BY {} LIMIT {}", order, kPageRows);
    ARROW_ASSIGN_OR_RAISE(std::vector<Row> rows, connection_->Select(sql));
    if (!rows.empty()) last_ = rows.back();
    return rows;
  }

 private:
  SqlConnection* connection_;
  const std::string table_;
  const std::vector<std::string> key_;
  std::optional<Row> last_;
};

Result<std::vector<std::string>> KeyOf(SqlConnection* connection, const std::string& table) {
  ARROW_ASSIGN_OR_RAISE(auto key, connection->PrimaryKeyOf(table));
  if (key.empty()) {
    return base::Corrupt("the table '{}' of the ledger {} has no primary key", table,
                         connection->name());
  }
  return key;
}

Result<int64_t> CopyTable(SqlConnection* from, SqlConnection* to, const std::string& table,
                          const base::Context& context) {
  ARROW_ASSIGN_OR_RAISE(auto key, KeyOf(from, table));
  Pages pages(from, table, std::move(key));
  int64_t copied = 0;
  while (true) {
    ARROW_RETURN_NOT_OK(context.CheckStop());
    ARROW_ASSIGN_OR_RAISE(std::vector<Row> rows, pages.Next());
    if (rows.empty()) return copied;
    Transaction inserts;
    for (Row& row : rows) inserts.Insert(table, std::move(row));
    ARROW_RETURN_NOT_OK(to->ApplyAll(inserts));
    copied += static_cast<int64_t>(inserts.changes().size());
    context.Report({"copy " + table, copied, -1, "rows"});
  }
}

Result<int64_t> CompareTable(SqlConnection* one, SqlConnection* other, const std::string& table,
                             const base::Context& context) {
  ARROW_ASSIGN_OR_RAISE(auto key, KeyOf(one, table));
  Pages left(one, table, key), right(other, table, key);
  int64_t compared = 0;
  while (true) {
    ARROW_RETURN_NOT_OK(context.CheckStop());
    ARROW_ASSIGN_OR_RAISE(std::vector<Row> ours, left.Next());
    ARROW_ASSIGN_OR_RAISE(std::vector<Row> theirs, right.Next());
    if (ours != theirs) {
      return base::Conflict("the ledgers {} and {} differ in the table '{}' after {} equal rows",
                            one->name(), other->name(), table, compared);
    }
    if (ours.empty()) return compared;
    compared += static_cast<int64_t>(ours.size());
    context.Report({"verify " + table, compared, -1, "rows"});
  }
}

}  // namespace

Result<std::vector<std::string>> LedgerTables() {
  ARROW_ASSIGN_OR_RAISE(auto model, SqliteConnection::Open(":memory:", /*create=*/true, 0));
  ARROW_RETURN_NOT_OK(CreateSchema(model.get(), Migrations()));
  ARROW_ASSIGN_OR_RAISE(auto tables, model->Tables());
  std::erase(tables, "ledger_version");  // It says how the tables look, and is no content.
  return tables;
}

Result<CopyReport> CompareRows(SqlConnection* one, SqlConnection* other,
                               const base::Context& context) {
  ARROW_ASSIGN_OR_RAISE(auto tables, LedgerTables());
  CopyReport report;
  for (const std::string& table : tables) {
    ARROW_ASSIGN_OR_RAISE(report[table], CompareTable(one, other, table, context));
  }
  return report;
}

Result<CopyReport> ReplaceRows(SqlConnection* from, SqlConnection* to,
                               const base::Context& context) {
  ARROW_ASSIGN_OR_RAISE(auto tables, LedgerTables());
  ARROW_RETURN_NOT_OK(to->DeferForeignKeys());
  for (const std::string& table : tables) {
    ARROW_RETURN_NOT_OK(to->Execute("DELETE FROM " + QuoteIdentifier(table)));
  }
  for (const std::string& table : tables) {
    ARROW_RETURN_NOT_OK(CopyTable(from, to, table, context).status());
  }
  ARROW_RETURN_NOT_OK(to->CheckDeferredForeignKeys());
  auto compared = CompareRows(from, to, context);
  if (base::KindOf(compared.status()) == base::ErrorKind::kConflict) {
    return base::WithKind(base::ErrorKind::kCorrupt, compared.status());
  }
  return compared;
}

}  // namespace millpond::ledger
