// A bounded pool: Submit blocks while the queue is full, so producers cannot outrun memory.
// Used by readers, writers and the loader. Destruction runs what was queued and joins.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <thread>
#include <type_traits>
#include <vector>

#include "base/error.h"

namespace millpond::base {

class ThreadPool {
 public:
  /// `threads` >= 1 workers and at most `queue_limit` >= 1 waiting tasks.
  static Result<std::unique_ptr<ThreadPool>> Make(int threads, size_t queue_limit);

  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;
  ~ThreadPool();

  /// Runs `task` on a worker; blocks while the queue is full. The future holds what it returns.
  /// Never call from one of this pool's own workers.
  template <class F>
  std::future<std::invoke_result_t<F>> Submit(F task) {
    auto packaged =
        std::make_shared<std::packaged_task<std::invoke_result_t<F>()>>(std::move(task));
    auto future = packaged->get_future();
    Enqueue([packaged] { (*packaged)(); });
    return future;
  }

  int threads() const { return static_cast<int>(workers_.size()); }

 private:
  explicit ThreadPool(size_t queue_limit) : queue_limit_(queue_limit) {}
  void Enqueue(std::function<void()> task);
  void Work();

  const size_t queue_limit_;
  std::mutex mutex_;
  std::condition_variable has_task_, has_room_;
  std::deque<std::function<void()>> queue_;
  bool closing_ = false;
  std::vector<std::thread> workers_;
};

}  // namespace millpond::base
