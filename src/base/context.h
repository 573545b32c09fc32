// What a caller hands to long work: a way to stop it, a listener for progress, and its limits.
// Passed by const reference down every floor; cheap to copy; safe to use from many threads.
#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>

#include "base/error.h"

namespace millpond::base {

/// One step of progress; `total` < 0 when it is not known.
struct Progress {
  std::string phase;  ///< "read reviews.csv", "write shop.reviews"
  int64_t done = 0;
  int64_t total = -1;
  std::string unit;  ///< "bytes", "rows", "files"
};

using ProgressListener = std::function<void(const Progress&)>;

struct Context {
  std::stop_token stop;  ///< Empty token: never cancelled.
  ProgressListener
      progress;     ///< May be empty. Called from worker threads, one call at a time per operation.
  int threads = 0;  ///< 0: as many as the machine has.
  int64_t memory_limit = 512LL << 20;  ///< Bytes that one operation may hold.

  /// kCancelled once stop was requested. Call it in every loop over rows, batches or files.
  Status CheckStop() const;

  void Report(const Progress& step) const {
    if (progress) progress(step);
  }

  /// `threads`, or the machine's count where it is 0; at least 1.
  int ThreadCount() const;
};

}  // namespace millpond::base
