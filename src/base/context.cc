// Context's two questions: was I stopped, and how many threads may I use.
#include "base/context.h"

#include <algorithm>
#include <thread>

namespace millpond::base {

Status Context::CheckStop() const {
  if (stop.stop_requested()) return Cancelled("stopped at the caller's request");
  return Status::OK();
}

int Context::ThreadCount() const {
  if (threads > 0) return threads;
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

}  // namespace millpond::base
