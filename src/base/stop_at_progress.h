// For tests: long work that is cancelled as soon as it says how far it is.
#pragma once

#include <cstdint>
#include <stop_token>

#include "base/context.h"

namespace millpond::base {

class StopAtProgress {
 public:
  StopAtProgress() {
    context_.stop = stop_.get_token();
    context_.progress = [this](const Progress& step) {
      done_ = step.done;
      stop_.request_stop();
    };
  }
  StopAtProgress(const StopAtProgress&) = delete;
  StopAtProgress& operator=(const StopAtProgress&) = delete;

  const Context& context() const { return context_; }
  /// Of the last step that was reported.
  int64_t done() const { return done_; }

 private:
  std::stop_source stop_;
  Context context_;
  int64_t done_ = 0;
};

}  // namespace millpond::base
