// How long and how often a lost race is run again: doubling waits with jitter, bounded by time, so
// that many writers get through.
#pragma once

#include <chrono>
#include <random>

#include "base/context.h"
#include "base/error.h"

namespace millpond::table {

/// Whether a ledger transaction failed because someone else's came first. It has changed nothing;
/// after most other errors it may have landed.
bool LostRace(const Status& status);

/// Counts from the first Wait; not thread safe.
class Retry {
 public:
  explicit Retry(std::chrono::milliseconds budget);

  /// Sleeps before the next attempt. Once the budget is spent it returns `lost` with what to do;
  /// kCancelled where the caller asked to stop.
  Status Wait(const Status& lost, const base::Context& context);

 private:
  std::chrono::milliseconds budget_;
  std::chrono::milliseconds next_;
  std::chrono::steady_clock::time_point started_;
  int attempts_ = 0;
  std::minstd_rand random_;
};

}  // namespace millpond::table
