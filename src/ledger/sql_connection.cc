// What is the same for both databases.
#include "ledger/sql_connection.h"

namespace millpond::ledger {

Status CheckChanged(const Transaction::Change& change, int64_t changed) {
  if (!change.expected_rows || *change.expected_rows == changed) return Status::OK();
  if (!change.conflict_message.empty()) return base::Conflict("{}", change.conflict_message);
  return base::Conflict("{} rows of '{}' were changed where {} were expected", changed,
                        change.table, *change.expected_rows);
}

Status FinishTransaction(SqlConnection* connection, const std::function<Status()>& work) {
  Status status = work();
  if (status.ok()) status = connection->Execute("COMMIT");
  if (status.ok() || !connection->in_transaction())
    return status;  // A full disk rolls back itself.
  Status rolled_back = connection->Execute("ROLLBACK");
  return rolled_back.ok() ? status : base::WithContext(status.message(), rolled_back);
}

}  // namespace millpond::ledger
