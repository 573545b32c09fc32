// The version is read again inside the transaction: another process may have migrated meanwhile.
#include "ledger/sqlite_migration.h"

#include "ledger/sql_text.h"

namespace millpond::ledger {
namespace {

Status RunMissing(SqliteConnection* connection, int64_t version,
                  std::span<const Migration> migrations) {
  for (const Migration& migration : migrations) {
    if (migration.version <= version) continue;
    for (std::string_view statement : migration.statements) {
      ARROW_RETURN_NOT_OK(base::WithContext(fmt::format("migrate to version {}", migration.version),
                                            connection->Execute(statement)));
    }
  }
  return connection->Apply({Transaction::Kind::kUpdate,
                            "ledger_version",
                            {{"version", int64_t{migrations.back().version}}},
                            {},
                            1,
                            "the ledger's version table must hold one row"});
}

}  // namespace

Result<int64_t> ReadVersion(SqliteConnection* connection, const std::string& path) {
  ARROW_ASSIGN_OR_RAISE(
      std::vector<Row> tables,
      connection->Select({"SELECT name FROM sqlite_schema WHERE name = 'ledger_version'", {}}));
  if (tables.empty()) {
    return base::Corrupt(
        "{} is not a Millpond ledger: it has no table ledger_version; restore it from a backup",
        path);
  }
  ARROW_ASSIGN_OR_RAISE(std::vector<Row> rows,
                        connection->Select({"SELECT version FROM ledger_version", {}}));
  if (rows.size() != 1) {
    return base::Corrupt("the ledger {} names {} versions instead of one; restore it from a backup",
                         path, rows.size());
  }
  return IntOf(rows[0], "version");
}

Status CreateSchema(SqliteConnection* connection, std::span<const Migration> migrations) {
  return InTransaction(connection, "BEGIN IMMEDIATE", [&]() -> Status {
    ARROW_RETURN_NOT_OK(connection->Execute(kVersionTable));
    ARROW_RETURN_NOT_OK(connection->Execute("INSERT INTO ledger_version VALUES (0)"));
    return RunMissing(connection, 0, migrations);
  });
}

Status Migrate(SqliteConnection* connection, const std::string& path,
               std::span<const Migration> migrations) {
  const int64_t latest = migrations.back().version;
  ARROW_ASSIGN_OR_RAISE(int64_t version, ReadVersion(connection, path));
  if (version > latest) {
    return base::Invalid(
        "the ledger {} is at version {}, made by a newer Millpond; this one knows versions up to "
        "{}: upgrade it",
        path, version, latest);
  }
  if (version == latest) return Status::OK();
  return InTransaction(connection, "BEGIN IMMEDIATE", [&]() -> Status {
    ARROW_ASSIGN_OR_RAISE(int64_t current, ReadVersion(connection, path));
    return current >= latest ? Status::OK() : RunMissing(connection, current, migrations);
  });
}

}  // namespace millpond::ledger
