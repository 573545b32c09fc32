// The version is read again inside the transaction: another process may have migrated meanwhile.
#include "ledger/migration.h"

#include "ledger/freeze.h"

namespace millpond::ledger {
namespace {

Status RunMissing(SqlConnection* connection, int64_t version,
                  std::span<const Migration> migrations) {
  for (const Migration& migration : migrations) {
    if (migration.version <= version) continue;
    for (std::string_view statement : migration.statements) {
      ARROW_RETURN_NOT_OK(base::WithContext(fmt::format("migrate to version {}", migration.version),
                                            connection->Execute(connection->Adapt(statement))));
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

int64_t LatestVersion() { return Migrations().back().version; }

Result<int64_t> ReadVersion(SqlConnection* connection) {
  ARROW_ASSIGN_OR_RAISE(const bool found, connection->HasTable("ledger_version"));
  if (!found) {
    return base::Corrupt(
        "{} is not a Millpond ledger: it has no table ledger_version; restore it from a backup",
        connection->name());
  }
  ARROW_ASSIGN_OR_RAISE(std::vector<Row> rows,
                        connection->Select({"SELECT version FROM ledger_version", {}}));
  if (rows.size() != 1) {
    return base::Corrupt("the ledger {} names {} versions instead of one; restore it from a backup",
                         connection->name(), rows.size());
  }
  return IntOf(rows[0], "version");
}

Status CreateSchema(SqlConnection* connection, std::span<const Migration> migrations) {
  ARROW_RETURN_NOT_OK(connection->Execute(kVersionTable));
  ARROW_RETURN_NOT_OK(connection->Execute("INSERT INTO ledger_version VALUES (0)"));
  return RunMissing(connection, 0, migrations);
}

Status MigrateFrozen(SqlConnection* connection, std::span<const Migration> migrations) {
  const int64_t latest = migrations.back().version;
  ARROW_ASSIGN_OR_RAISE(int64_t version, ReadVersion(connection));
  if (version > latest) {
    return base::Invalid(
        "the ledger {} is at version {}, made by a newer Millpond; this one knows versions up to "
        "{}: upgrade it",
        connection->name(), version, latest);
  }
  if (version == latest) return Status::OK();
  ARROW_RETURN_NOT_OK(connection->BeginAlone());
  return FinishTransaction(connection, [&]() -> Status {
    ARROW_ASSIGN_OR_RAISE(int64_t current, ReadVersion(connection));
    if (current >= latest) return Status::OK();
    ARROW_ASSIGN_OR_RAISE(auto frozen, FrozenFor(connection));
    ARROW_RETURN_NOT_OK(Unfreeze(connection));
    ARROW_RETURN_NOT_OK(RunMissing(connection, current, migrations));
    return frozen ? FreezeWithin(connection, *frozen) : Status::OK();
  });
}

Status Migrate(SqlConnection* connection, std::span<const Migration> migrations) {
  ARROW_RETURN_NOT_OK(MigrateFrozen(connection, migrations));
  return CheckNotFrozen(connection);
}

}  // namespace millpond::ledger
