// The list of pools exists because pthread_atfork takes plain functions. Only plain mutexes are
// held across the fork: the child may unlock those, unlike a reader-writer lock, and no condition
// variable is left with waiters that are gone.
#include "ledger/sqlite_pool.h"

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <thread>

namespace millpond::ledger {
namespace {

// Idle connections beyond this are closed; so many threads seldom read at once.
constexpr size_t kMaxIdle = 8;

struct Pools {
  std::mutex mutex;
  std::vector<SqlitePool*> all;
};

// Never destroyed: a fork may come after static destructors began.
Pools& AllPools() {
  static Pools* pools = new Pools;
  return *pools;
}

void BeforeFork() {
  AllPools().mutex.lock();
  for (SqlitePool* pool : AllPools().all) pool->BeginFork();
}

void AfterFork() {
  for (SqlitePool* pool : AllPools().all) pool->EndFork();
  AllPools().mutex.unlock();
}

void Register(SqlitePool* pool) {
  static std::once_flag installed;
  std::call_once(installed, [] { pthread_atfork(BeforeFork, AfterFork, AfterFork); });
  std::lock_guard lock(AllPools().mutex);
  AllPools().all.push_back(pool);
}

}  // namespace

SqlitePool::SqlitePool(std::string path, int busy_ms) : path_(std::move(path)), busy_ms_(busy_ms) {
  Register(this);
}

SqlitePool::~SqlitePool() {
  std::lock_guard lock(AllPools().mutex);
  std::erase(AllPools().all, this);
}

Result<SqlitePool::Lease> SqlitePool::Take() {
  {
    std::lock_guard lock(mutex_);
    ++in_use_;
    if (!idle_.empty()) {
      Lease lease(this, std::move(idle_.back()));
      idle_.pop_back();
      return lease;
    }
  }
  auto opened = SqliteConnection::Open(path_, /*create=*/false, busy_ms_);
  if (!opened.ok()) {
    Return(nullptr);
    return opened.status();
  }
  return Lease(this, *std::move(opened));
}

void SqlitePool::Return(std::unique_ptr<SqliteConnection> connection) {
  std::lock_guard lock(mutex_);
  if (connection != nullptr && idle_.size() < kMaxIdle) idle_.push_back(std::move(connection));
  connection.reset();  // Closed under the lock, so that a fork does not begin before.
  --in_use_;
}

void SqlitePool::BeginFork() {
  mutex_.lock();
  while (in_use_ > 0) {
    mutex_.unlock();
    std::this_thread::sleep_for(std::chrono::microseconds(200));
    mutex_.lock();
  }
  idle_.clear();
}

void SqlitePool::EndFork() { mutex_.unlock(); }

}  // namespace millpond::ledger
