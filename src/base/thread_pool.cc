// Workers take tasks from one queue; `closing_` lets them leave once it is empty. All state is
// under `mutex_`.
#include "base/thread_pool.h"

#include <system_error>

namespace millpond::base {

Result<std::unique_ptr<ThreadPool>> ThreadPool::Make(int threads, size_t queue_limit) {
  if (threads < 1) return Invalid("a thread pool needs at least 1 thread, not {}", threads);
  if (queue_limit < 1) return Invalid("a thread pool's queue must hold at least 1 task");
  std::unique_ptr<ThreadPool> pool(new ThreadPool(queue_limit));
  try {
    for (int i = 0; i < threads; ++i) {
      pool->workers_.emplace_back([raw = pool.get()] { raw->Work(); });
    }
  } catch (const std::system_error& error) {
    return Exhausted("could not start thread {} of {}: {}; lower the setting 'threads'",
                     pool->workers_.size() + 1, threads, error.what());
  }
  return pool;
}

ThreadPool::~ThreadPool() {
  {
    std::lock_guard lock(mutex_);
    closing_ = true;
  }
  has_task_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::Enqueue(std::function<void()> task) {
  {
    std::unique_lock lock(mutex_);
    has_room_.wait(lock, [this] { return queue_.size() < queue_limit_; });
    queue_.push_back(std::move(task));
  }
  has_task_.notify_one();
}

void ThreadPool::Work() {
  while (true) {
    std::function<void()> task;
    {
      std::unique_lock lock(mutex_);
      has_task_.wait(lock, [this] { return closing_ || !queue_.empty(); });
      if (queue_.empty()) return;
      task = std::move(queue_.front());
      queue_.pop_front();
    }
    has_room_.notify_one();
    task();
  }
}

}  // namespace millpond::base
