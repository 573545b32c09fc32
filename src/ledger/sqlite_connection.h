// One SQLite connection with its prepared statements. Used by one thread at a time; ConnectionPool
// hands it out.
#pragma once

#include <sqlite3.h>

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "ledger/sql_connection.h"

namespace millpond::ledger {

class SqliteConnection final : public SqlConnection {
 public:
  /// Opens the file, which exists where `create` is false. Sets WAL, synchronous=FULL, foreign
  /// keys, the busy limit.
  static Result<std::unique_ptr<SqliteConnection>> Open(const std::string& path, bool create,
                                                        int busy_ms);

  SqliteConnection(const SqliteConnection&) = delete;
  SqliteConnection& operator=(const SqliteConnection&) = delete;
  ~SqliteConnection() override;

  bool Usable() const { return true; }
  const std::string& name() const override { return path_; }
  Status Execute(std::string_view sql) override;
  Result<std::vector<Row>> Select(const SqlText& sql) override;
  Status Apply(const Transaction::Change& change) override;
  Status ApplyAll(const Transaction& transaction) override;
  Status DeferForeignKeys() override { return Execute("PRAGMA defer_foreign_keys = ON"); }
  Status CheckDeferredForeignKeys() override { return Status::OK(); }  // COMMIT does.
  std::vector<std::string> RefuseWrites(const std::vector<std::string>& tables,
                                        const std::string& message) const override;
  std::vector<std::string> AllowWrites(const std::vector<std::string>& tables) const override;
  Status BeginAlone() override { return Execute("BEGIN IMMEDIATE"); }
  Status BeginSnapshot() override { return Execute("BEGIN"); }
  bool in_transaction() const override { return sqlite3_get_autocommit(handle_) == 0; }
  Result<bool> HasTable(const std::string& table) override;
  Result<std::vector<std::string>> Tables() override;
  Result<std::vector<std::string>> PrimaryKeyOf(const std::string& table) override;
  Result<std::vector<std::string>> ColumnsOf(const std::string& table) override;

 private:
  // A cached statement with its values bound; given back clean, so that no lock outlives its use.
  class Use;

  SqliteConnection(std::string path, int busy_ms) : path_(std::move(path)), busy_ms_(busy_ms) {}
  Status Configure();
  Result<sqlite3_stmt*> Prepare(const std::string& sql);
  Result<std::vector<std::string>> NamesOf(const SqlText& sql);
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

}  // namespace millpond::ledger
