// The connections of one ledger, handed out for one operation each; safe across fork(), before
// which all are closed. Only plain mutexes are held across a fork: the child may unlock those,
// unlike a reader-writer lock, and no condition variable is left with waiters that are gone.
// Thread safe.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/error.h"
#include "ledger/fork_guard.h"

namespace millpond::ledger {

struct PoolLimits {
  int open = 0;      ///< Connections at once; 0: no limit.
  size_t idle = 8;   ///< Kept open between operations.
  int wait_ms = 0;   ///< For one to become free, then kUnavailable.
  std::string name;  ///< Of the ledger, for errors.
};

/// `Connection` has `bool Usable()`: whether it may serve another operation.
template <class Connection>
class ConnectionPool final : private ForkGuard {
 public:
  using Opener = std::function<Result<std::unique_ptr<Connection>>()>;

  ConnectionPool(Opener open, PoolLimits limits)
      : open_(std::move(open)), limits_(std::move(limits)) {
    Register();
  }
  ~ConnectionPool() { Unregister(); }

  /// A connection for one operation; it returns to the pool when this goes away.
  class Lease {
   public:
    Lease(ConnectionPool* pool, std::unique_ptr<Connection> connection)
        : pool_(pool), connection_(std::move(connection)) {}
    Lease(Lease&& other) noexcept = default;
    Lease& operator=(Lease&&) = delete;
    ~Lease() {
      if (connection_ != nullptr) pool_->Return(std::move(connection_));
    }
    Connection* operator->() { return connection_.get(); }
    Connection* get() { return connection_.get(); }

   private:
    ConnectionPool* pool_;
    std::unique_ptr<Connection> connection_;
  };

  Result<Lease> Take() {
    ARROW_ASSIGN_OR_RAISE(std::unique_ptr<Connection> idle, Enter());
    if (idle != nullptr) return Lease(this, std::move(idle));
    auto opened = open_();
    if (!opened.ok()) {
      Return(nullptr);
      return opened.status();
    }
    return Lease(this, *std::move(opened));
  }

 private:
  static constexpr std::chrono::microseconds kPoll{200};

  // Counts the caller as a user; an idle connection, or nothing where one is to be opened.
  Result<std::unique_ptr<Connection>> Enter() {
    const auto deadline =
        std::chrono::steady_clock::now() + std::chrono::milliseconds(limits_.wait_ms);
    std::unique_lock lock(mutex_);
    while (limits_.open > 0 && in_use_ >= limits_.open) {
      if (std::chrono::steady_clock::now() >= deadline) {
        return base::Unavailable(
            "all {} connections to the ledger {} were in use for more than {} ms; try again, or "
            "raise the setting ledger.connections",
            limits_.open, limits_.name, limits_.wait_ms);
      }
      lock.unlock();
      std::this_thread::sleep_for(kPoll);
      lock.lock();
    }
    ++in_use_;
    while (!idle_.empty()) {
      std::unique_ptr<Connection> connection = std::move(idle_.back());
      idle_.pop_back();
      if (connection->Usable()) return connection;
    }
    return nullptr;
  }

  void Return(std::unique_ptr<Connection> connection) {
    std::lock_guard lock(mutex_);
    if (connection != nullptr && connection->Usable() && idle_.size() < limits_.idle) {
      idle_.push_back(std::move(connection));
    }
    connection.reset();  // Closed under the lock, so that a fork does not begin before.
    --in_use_;
  }

  void BeginFork() override {
    mutex_.lock();
    while (in_use_ > 0) {
      mutex_.unlock();
      std::this_thread::sleep_for(kPoll);
      mutex_.lock();
    }
    idle_.clear();
  }
  void EndFork() override { mutex_.unlock(); }

  const Opener open_;
  const PoolLimits limits_;
  std::mutex mutex_;  // Guards what follows.
  int in_use_ = 0;
  std::vector<std::unique_ptr<Connection>> idle_;
};

}  // namespace millpond::ledger
