// The connections of one ledger file. SQLite connections must not cross fork(): before a fork the
// pool waits until none is in use and closes them all, so parent and child both open new ones.
// Thread safe.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "ledger/sqlite_connection.h"

namespace millpond::ledger {

class SqlitePool {
 public:
  SqlitePool(std::string path, int busy_ms);
  SqlitePool(const SqlitePool&) = delete;
  SqlitePool& operator=(const SqlitePool&) = delete;
  ~SqlitePool();

  /// A connection for one operation; it returns to the pool when this goes away.
  class Lease {
   public:
    Lease(SqlitePool* pool, std::unique_ptr<SqliteConnection> connection)
        : pool_(pool), connection_(std::move(connection)) {}
    Lease(Lease&& other) noexcept = default;
    Lease& operator=(Lease&&) = delete;
    ~Lease() {
      if (connection_ != nullptr) pool_->Return(std::move(connection_));
    }
    SqliteConnection* operator->() { return connection_.get(); }
    SqliteConnection* get() { return connection_.get(); }

   private:
    SqlitePool* pool_;
    std::unique_ptr<SqliteConnection> connection_;
  };

  Result<Lease> Take();

  /// Locks until no connection is in use and closes the idle ones; then EndFork. Called around
  /// fork() only.
  void BeginFork();
  void EndFork();

 private:
  void Return(std::unique_ptr<SqliteConnection> connection);

  const std::string path_;
  const int busy_ms_;
  std::mutex mutex_;  // Guards what follows.
  int in_use_ = 0;
  std::vector<std::unique_ptr<SqliteConnection>> idle_;
};

}  // namespace millpond::ledger
