// Waiting between attempts; see the header.
#include "table/retry.h"

#include <algorithm>
#include <thread>

#include "base/log.h"
#include "base/random_id.h"

namespace millpond::table {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// The first wait is about as long as one attempt; the last keeps waiters from sleeping through a
// quiet moment.
constexpr milliseconds kFirstWait{10};
constexpr milliseconds kLongestWait{320};

}  // namespace

bool LostRace(const Status& status) {
  const base::ErrorKind kind = base::KindOf(status);
  return kind == base::ErrorKind::kConflict || kind == base::ErrorKind::kAlreadyExists;
}

Retry::Retry(milliseconds budget)
    : budget_(budget),
      next_(kFirstWait),
      random_(static_cast<std::minstd_rand::result_type>(base::NewPositiveId())) {}

Status Retry::Wait(const Status& lost, const base::Context& context) {
  ARROW_RETURN_NOT_OK(context.CheckStop());
  if (attempts_++ == 0) started_ = steady_clock::now();
  const auto spent = std::chrono::duration_cast<milliseconds>(steady_clock::now() - started_);
  if (spent >= budget_) {
    return base::Conflict("{} (gave up after {} attempts in {} s); try again when fewer write",
                          lost.message(), attempts_,
                          std::chrono::duration_cast<std::chrono::seconds>(spent).count());
  }
  base::Log(base::LogLevel::kDebug, "commit retried",
            {{"attempt", attempts_}, {"reason", lost.message()}});
  std::uniform_int_distribution<milliseconds::rep> jitter(next_.count() / 2, next_.count());
  std::this_thread::sleep_for(milliseconds(jitter(random_)));
  next_ = std::min(next_ * 2, kLongestWait);
  return context.CheckStop();
}

}  // namespace millpond::table
