// Connections must not cross fork(): SQLite keeps its locks in process-wide tables, and two
// processes on one socket would read each other's answers. What holds connections is told before
// and after every fork of the process.
#pragma once

namespace millpond::ledger {

class ForkGuard {
 public:
  ForkGuard(const ForkGuard&) = delete;
  ForkGuard& operator=(const ForkGuard&) = delete;

  /// Waits until nothing is in use, closes what is idle, and stays locked until EndFork.
  virtual void BeginFork() = 0;
  virtual void EndFork() = 0;

 protected:
  ForkGuard() = default;
  ~ForkGuard() = default;

  // The whole object must exist between these two.
  void Register();
  void Unregister();
};

}  // namespace millpond::ledger
