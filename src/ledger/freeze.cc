// The mark is a table of its own, made with the triggers in one transaction.
#include "ledger/freeze.h"

namespace millpond::ledger {
namespace {

constexpr const char* kMark = "ledger_moved";

std::string Refusal(const std::string& target) {
  return fmt::format(
      "this ledger is moving or has moved to {}: open the pond again; if the move was interrupted, "
      "run 'millpond ledger move' again, or with --abort",
      target);
}

}  // namespace

Result<std::optional<std::string>> FrozenFor(SqlConnection* connection) {
  ARROW_ASSIGN_OR_RAISE(const bool frozen, connection->HasTable(kMark));
  if (!frozen) return std::nullopt;
  ARROW_ASSIGN_OR_RAISE(auto rows, connection->Select({"SELECT target FROM ledger_moved", {}}));
  if (rows.size() != 1) {
    return base::Corrupt("the ledger {} does not say where it has moved", connection->name());
  }
  return TextOf(rows[0], "target");
}

Status CheckNotFrozen(SqlConnection* connection) {
  ARROW_ASSIGN_OR_RAISE(auto target, FrozenFor(connection));
  if (!target) return Status::OK();
  return base::Unavailable("{}: {}", connection->name(), Refusal(*target));
}

Status FreezeWithin(SqlConnection* connection, const std::string& target) {
  ARROW_ASSIGN_OR_RAISE(auto tables, connection->Tables());
  for (const std::string& statement : connection->RefuseWrites(tables, Refusal(target))) {
    ARROW_RETURN_NOT_OK(connection->Execute(statement));
  }
  ARROW_RETURN_NOT_OK(connection->Execute("CREATE TABLE ledger_moved (target TEXT NOT NULL)"));
  return connection->Apply({Transaction::Kind::kInsert, kMark, {{"target", target}}, {}, {}, {}});
}

Status Freeze(SqlConnection* connection, const std::string& target) {
  ARROW_RETURN_NOT_OK(connection->BeginAlone());
  return FinishTransaction(connection, [&]() -> Status {
    ARROW_ASSIGN_OR_RAISE(auto frozen, FrozenFor(connection));
    if (!frozen) return FreezeWithin(connection, target);
    if (*frozen == target) return Status::OK();
    return base::Conflict("{}: {}", connection->name(), Refusal(*frozen));
  });
}

Status Unfreeze(SqlConnection* connection) {
  ARROW_ASSIGN_OR_RAISE(const bool frozen, connection->HasTable(kMark));
  if (!frozen) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(auto tables, connection->Tables());
  for (const std::string& statement : connection->AllowWrites(tables)) {
    ARROW_RETURN_NOT_OK(connection->Execute(statement));
  }
  return connection->Execute("DROP TABLE ledger_moved");
}

}  // namespace millpond::ledger
