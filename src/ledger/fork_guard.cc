// The list of guards exists because pthread_atfork takes plain functions.
#include "ledger/fork_guard.h"

#include <pthread.h>

#include <algorithm>
#include <mutex>
#include <vector>

namespace millpond::ledger {
namespace {

struct Guards {
  std::mutex mutex;
  std::vector<ForkGuard*> all;
};

// Never destroyed: a fork may come after static destructors began.
Guards& AllGuards() {
  static Guards* guards = new Guards;
  return *guards;
}

void BeforeFork() {
  AllGuards().mutex.lock();
  for (ForkGuard* guard : AllGuards().all) guard->BeginFork();
}

void AfterFork() {
  for (ForkGuard* guard : AllGuards().all) guard->EndFork();
  AllGuards().mutex.unlock();
}

}  // namespace

void ForkGuard::Register() {
  static std::once_flag installed;
  std::call_once(installed, [] { pthread_atfork(BeforeFork, AfterFork, AfterFork); });
  std::lock_guard lock(AllGuards().mutex);
  AllGuards().all.push_back(this);
}

void ForkGuard::Unregister() {
  std::lock_guard lock(AllGuards().mutex);
  std::erase(AllGuards().all, this);
}

}  // namespace millpond::ledger
