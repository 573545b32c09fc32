// The tables that must be there are those that a fresh SQLite ledger of this version has.
#include "ledger/postgres_check.h"

#include "base/text.h"
#include "ledger/migration.h"
#include "ledger/sqlite_connection.h"

namespace millpond::ledger {
namespace {

// Each foreign key, with the columns of both sides in their order.
constexpr std::string_view kForeignKeys = R"(SELECT c.conname::text AS key,
  t.relname::text AS child, p.relname::text AS parent,
  string_agg(format('c.%I = p.%I', ca.attname, pa.attname), ' AND ' ORDER BY k.place) AS matches,
  string_agg(format('c.%I IS NOT NULL', ca.attname), ' AND ' ORDER BY k.place) AS given
FROM pg_constraint c
JOIN pg_class t ON t.oid = c.conrelid
JOIN pg_class p ON p.oid = c.confrelid
CROSS JOIN LATERAL unnest(c.conkey, c.confkey) WITH ORDINALITY AS k(child, parent, place)
JOIN pg_attribute ca ON ca.attrelid = c.conrelid AND ca.attnum = k.child
JOIN pg_attribute pa ON pa.attrelid = c.confrelid AND pa.attnum = k.parent
WHERE c.contype = 'f' AND t.relnamespace = to_regnamespace($1)
GROUP BY 1, 2, 3 ORDER BY 1)";

Status FindMissing(PostgresConnection* connection, std::vector<std::string>* problems) {
  ARROW_ASSIGN_OR_RAISE(auto model, SqliteConnection::Open(":memory:", /*create=*/true, 0));
  ARROW_RETURN_NOT_OK(CreateSchema(model.get(), Migrations()));
  ARROW_ASSIGN_OR_RAISE(auto tables, model->Tables());
  for (const std::string& table : tables) {
    ARROW_ASSIGN_OR_RAISE(auto expected, model->ColumnsOf(table));
    ARROW_ASSIGN_OR_RAISE(auto found, connection->ColumnsOf(table));
    if (found.empty()) problems->push_back(fmt::format("the table '{}' is missing", table));
    if (found.empty()) continue;
    for (const std::string& column : expected) {
      if (std::find(found.begin(), found.end(), column) != found.end()) continue;
      problems->push_back(fmt::format("the column '{}' of '{}' is missing", column, table));
    }
    // Reads every page, so that a damaged one is found here.
    ARROW_RETURN_NOT_OK(
        connection->Execute("SELECT count(t.*) FROM " + base::QuoteIdentifier(table) + " AS t"));
  }
  return Status::OK();
}

Status FindDangling(PostgresConnection* connection, std::vector<std::string>* problems) {
  ARROW_ASSIGN_OR_RAISE(
      auto keys, connection->Select(
                     {std::string(kForeignKeys), {base::QuoteIdentifier(connection->schema())}}));
  for (const Row& key : keys) {
    ARROW_ASSIGN_OR_RAISE(std::string child, TextOf(key, "child"));
    ARROW_ASSIGN_OR_RAISE(std::string parent, TextOf(key, "parent"));
    ARROW_ASSIGN_OR_RAISE(std::string matches, TextOf(key, "matches"));
    ARROW_ASSIGN_OR_RAISE(std::string given, TextOf(key, "given"));
    ARROW_ASSIGN_OR_RAISE(
        auto rows, connection->Select({fmt::format("SELECT count(*) AS dangling FROM {} c WHERE {} "
                                                   "AND NOT EXISTS (SELECT 1 FROM {} p WHERE {})",
                                                   base::QuoteIdentifier(child), given,
                                                   base::QuoteIdentifier(parent), matches),
                                       {}}));
    ARROW_ASSIGN_OR_RAISE(const int64_t dangling, IntOf(rows[0], "dangling"));
    if (dangling == 0) continue;
    problems->push_back(fmt::format("{} rows of '{}' refer to one of '{}' that does not exist",
                                    dangling, child, parent));
  }
  return Status::OK();
}

}  // namespace

Status CheckPostgres(PostgresConnection* connection) {
  std::vector<std::string> problems;
  ARROW_RETURN_NOT_OK(connection->BeginSnapshot());
  ARROW_RETURN_NOT_OK(FinishTransaction(connection, [&]() -> Status {
    ARROW_RETURN_NOT_OK(ReadVersion(connection).status());
    ARROW_RETURN_NOT_OK(FindMissing(connection, &problems));
    return FindDangling(connection, &problems);
  }));
  if (problems.empty()) return Status::OK();
  return base::Corrupt("the ledger {} is damaged: {}; restore it from a backup", connection->name(),
                       base::Join(problems, "; "));
}

}  // namespace millpond::ledger
