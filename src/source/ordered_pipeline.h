// A bounded pipeline: one producer thread makes items in order, a pool works on them, Next hands
// the outcomes out in the same order. At most `in_flight` items exist at once, so memory does not
// depend on the input's size. Used by piece_reader.
#pragma once

#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <stop_token>
#include <thread>
#include <utility>

#include "base/error.h"
#include "base/thread_pool.h"

namespace millpond::source {

template <class Item, class Outcome>
class OrderedPipeline {
 public:
  using Produce = std::function<Result<std::optional<Item>>()>;
  using Work = std::function<Result<Outcome>(const Item&)>;

  /// `produce` runs on the producer thread only; `work` on many threads at once.
  static Result<std::unique_ptr<OrderedPipeline>> Start(Produce produce, Work work, int threads) {
    const size_t in_flight = static_cast<size_t>(threads) + 2;
    ARROW_ASSIGN_OR_RAISE(auto pool, base::ThreadPool::Make(threads, in_flight));
    std::unique_ptr<OrderedPipeline> pipeline(
        new OrderedPipeline(std::move(produce), std::move(work), std::move(pool), in_flight));
    pipeline->producer_ =
        std::jthread([self = pipeline.get()](const std::stop_token& stop) { self->Run(stop); });
    return pipeline;
  }

  OrderedPipeline(const OrderedPipeline&) = delete;
  OrderedPipeline& operator=(const OrderedPipeline&) = delete;

  /// Stops the producer, waits for what is in flight.
  ~OrderedPipeline() {
    producer_.request_stop();
    {
      std::lock_guard lock(mutex_);
      has_room_.notify_all();
    }
    if (producer_.joinable()) producer_.join();
    pool_.reset();
  }

  /// The next outcome, nothing at the end; a failure ends the stream.
  Result<std::optional<Outcome>> Next() {
    std::future<Result<Outcome>> next;
    {
      std::unique_lock lock(mutex_);
      has_item_.wait(lock, [&] { return !queue_.empty() || ended_; });
      if (queue_.empty()) {
        ARROW_RETURN_NOT_OK(failure_);
        return std::nullopt;
      }
      next = std::move(queue_.front());
      queue_.pop_front();
    }
    Result<Outcome> outcome = next.get();
    {
      std::lock_guard lock(mutex_);
      --in_flight_;
      has_room_.notify_one();
    }
    ARROW_RETURN_NOT_OK(outcome.status());
    return std::optional<Outcome>(std::move(outcome).MoveValueUnsafe());
  }

 private:
  OrderedPipeline(Produce produce, Work work, std::unique_ptr<base::ThreadPool> pool, size_t limit)
      : produce_(std::move(produce)),
        work_(std::move(work)),
        pool_(std::move(pool)),
        limit_(limit) {}

  void Run(const std::stop_token& stop) {
    Status failure;
    while (!stop.stop_requested()) {
      {
        std::unique_lock lock(mutex_);
        has_room_.wait(lock, [&] { return in_flight_ < limit_ || stop.stop_requested(); });
        if (stop.stop_requested()) break;
        ++in_flight_;
      }
      Result<std::optional<Item>> item = Guard<std::optional<Item>>(produce_);
      if (!item.ok()) failure = item.status();
      if (!item.ok() || !item->has_value()) break;
      auto shared = std::make_shared<Item>(std::move(**item));
      auto future =
          pool_->Submit([this, shared] { return Guard<Outcome>([&] { return work_(*shared); }); });
      std::lock_guard lock(mutex_);
      queue_.push_back(std::move(future));
      has_item_.notify_one();
    }
    std::lock_guard lock(mutex_);
    failure_ = failure;
    ended_ = true;
    has_item_.notify_all();
  }

  /// Foreign code may throw; nothing of it leaves this thread.
  template <class T, class F>
  static Result<T> Guard(const F& call) {
    try {
      return call();
    } catch (const std::bad_alloc&) {
      return base::Exhausted(
          "not enough memory to read the file: lower max_row_bytes or the number of threads");
    } catch (const std::exception& error) {
      return base::Internal("reading failed: {}", error.what());
    }
  }

  const Produce produce_;
  const Work work_;
  std::unique_ptr<base::ThreadPool> pool_;
  const size_t limit_;
  std::mutex mutex_;
  std::condition_variable has_item_, has_room_;
  std::deque<std::future<Result<Outcome>>> queue_;
  size_t in_flight_ = 0;
  bool ended_ = false;
  Status failure_;
  std::jthread producer_;
};

}  // namespace millpond::source
