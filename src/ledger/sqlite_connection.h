// One SQLite connection with its prepared statements. Used by one thread at a time; SqlitePool
// hands it out.
#pragma once

#include <sqlite3.h>

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "ledger/ledger.h"
#include "ledger/sql_text.h"

namespace millpond::ledger {

class SqliteConnection {
 public:
  /// Opens the file, which exists where `create` is false. Sets WAL, synchronous=FULL, foreign
  /// keys, the busy limit.
  static Result<std::unique_ptr<SqliteConnection>> Open(const std::string& path, bool create,
                                                        int busy_ms);

  SqliteConnection(const SqliteConnection&) = delete;
  SqliteConnection& operator=(const SqliteConnection&) = delete;
  ~SqliteConnection();

  /// Runs one statement to its end; rows are dropped.
  Status Execute(std::string_view sql);

  /// Runs one statement and returns its rows.
  Result<std::vector<Row>> Select(const SqlText& sql);

  bool in_transaction() const { return sqlite3_get_autocommit(handle_) == 0; }

  /// Runs one change; checks its expected row count and names its conflict.
  Status Apply(const Transaction::Change& change);

 private:
  // A cached statement with its values bound; given back clean, so that no lock outlives its use.
  class Use;

  SqliteConnection(std::string path, int busy_ms) : path_(std::move(path)), busy_ms_(busy_ms) {}
  Status Configure();
  Result<sqlite3_stmt*> Prepare(const std::string& sql);
  Result<std::vector<std::string>> PrimaryKeyOf(const std::string& table);
  Result<Row> ReadRow(sqlite3_stmt* statement) const;
  // The current failure of the connection, with its kind.
  Status Failure(std::string_view doing) const;
  Status ChangeFailure(const Transaction::Change& change) const;

  std::string path_;
  int busy_ms_;
  sqlite3* handle_ = nullptr;
  std::unordered_map<std::string, sqlite3_stmt*> statements_;
  std::unordered_map<std::string, std::vector<std::string>> primary_keys_;
};

/// Runs `work` between `begin` ("BEGIN IMMEDIATE") and COMMIT; any failure rolls back.
Status InTransaction(SqliteConnection* connection, std::string_view begin,
                     const std::function<Status()>& work);

}  // namespace millpond::ledger
