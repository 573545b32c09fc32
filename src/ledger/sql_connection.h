// One connection to a ledger's database, as both kinds offer it: what migrations, copies and checks
// are written against. Used by one thread at a time; ConnectionPool hands it out.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "ledger/ledger.h"
#include "ledger/sql_text.h"

namespace millpond::ledger {

class SqlConnection {
 public:
  virtual ~SqlConnection() = default;

  /// Whose database this is, for errors: a file, or a server without its password.
  virtual const std::string& name() const = 0;

  /// Runs one statement to its end; rows are dropped.
  virtual Status Execute(std::string_view sql) = 0;
  /// Runs one statement and returns its rows.
  virtual Result<std::vector<Row>> Select(const SqlText& sql) = 0;
  /// Runs one change; checks its expected row count and names its conflict.
  virtual Status Apply(const Transaction::Change& change) = 0;
  /// Runs all changes, as Apply does each; within the caller's transaction.
  virtual Status ApplyAll(const Transaction& transaction) = 0;

  /// Begins a transaction in which no other one migrates, copies or freezes the ledger.
  virtual Status BeginAlone() = 0;
  /// Begins a transaction that sees one state from its start to its end.
  virtual Status BeginSnapshot() = 0;
  virtual bool in_transaction() const = 0;

  virtual Result<bool> HasTable(const std::string& table) = 0;
  /// Every table of the ledger, ours and the Iceberg catalog's, sorted.
  virtual Result<std::vector<std::string>> Tables() = 0;
  /// In the order of the key; empty for a table without one.
  virtual Result<std::vector<std::string>> PrimaryKeyOf(const std::string& table) = 0;
  /// In their order.
  virtual Result<std::vector<std::string>> ColumnsOf(const std::string& table) = 0;

  /// Until the transaction's end, or CheckDeferredForeignKeys, rows may refer to ones that come
  /// later.
  virtual Status DeferForeignKeys() = 0;
  virtual Status CheckDeferredForeignKeys() = 0;

  /// Statements that make every write to these tables fail with `message` (freeze.h), and back.
  virtual std::vector<std::string> RefuseWrites(const std::vector<std::string>& tables,
                                                const std::string& message) const = 0;
  virtual std::vector<std::string> AllowWrites(const std::vector<std::string>& tables) const = 0;

  /// A statement of schema.cc in this database's words.
  virtual std::string Adapt(std::string_view statement) const { return std::string(statement); }
};

/// kConflict, in the change's words, where it changed other than the expected number of rows.
Status CheckChanged(const Transaction::Change& change, int64_t changed);

/// Runs `work` in the transaction that `connection` has begun, then COMMIT; any failure rolls back.
Status FinishTransaction(SqlConnection* connection, const std::function<Status()>& work);

}  // namespace millpond::ledger
