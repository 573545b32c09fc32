// Units of base/thread_pool.h and base/context.h.
#include "base/thread_pool.h"

#include <atomic>
#include <stdexcept>

#include "base/context.h"
#include "base/error_matchers.h"

namespace millpond::base {
namespace {

TEST(ThreadPoolTest, RefusesNoThreadsAndNoQueue) {
  EXPECT_THAT(ThreadPool::Make(0, 1).status(), IsError(ErrorKind::kInvalid));
  EXPECT_THAT(ThreadPool::Make(1, 0).status(), IsError(ErrorKind::kInvalid));
}

TEST(ThreadPoolTest, RunsEverythingAndReturnsResults) {
  auto pool = ThreadPool::Make(3, 4).ValueOrDie();
  EXPECT_EQ(pool->threads(), 3);
  std::vector<std::future<int>> futures;
  for (int i = 0; i < 200; ++i) futures.push_back(pool->Submit([i] { return i * i; }));
  for (int i = 0; i < 200; ++i) EXPECT_EQ(futures[i].get(), i * i);
}

TEST(ThreadPoolTest, SubmitBlocksWhileTheQueueIsFull) {
  auto pool = ThreadPool::Make(1, 1).ValueOrDie();
  std::promise<void> started, open;
  std::shared_future<void> gate(open.get_future());
  auto first = pool->Submit([&started, gate] {
    started.set_value();
    gate.wait();
  });
  started.get_future().wait();
  auto second = pool->Submit([] {});  // Fills the queue.
  std::atomic<bool> third_submitted = false;
  std::thread producer([&] {
    pool->Submit([] {}).wait();
    third_submitted = true;
  });
  EXPECT_EQ(second.wait_for(std::chrono::milliseconds(30)), std::future_status::timeout);
  EXPECT_FALSE(third_submitted);
  open.set_value();
  producer.join();
  EXPECT_TRUE(third_submitted);
}

TEST(ThreadPoolTest, DestructionRunsWhatWasQueued) {
  std::atomic<int> ran = 0;
  {
    auto pool = ThreadPool::Make(2, 100).ValueOrDie();
    for (int i = 0; i < 50; ++i) pool->Submit([&] { ++ran; });
  }
  EXPECT_EQ(ran, 50);
}

TEST(ThreadPoolTest, ATasksExceptionReachesItsFutureOnly) {
  auto pool = ThreadPool::Make(1, 2).ValueOrDie();
  auto bad = pool->Submit([]() -> int { throw std::runtime_error("x"); });
  EXPECT_THROW(bad.get(), std::runtime_error);
  EXPECT_EQ(pool->Submit([] { return 1; }).get(), 1);
}

TEST(ContextTest, StopsWhenAskedAndNotBefore) {
  Context context;
  EXPECT_THAT(context.CheckStop(), IsOk());
  EXPECT_GE(context.ThreadCount(), 1);
  std::stop_source source;
  context.stop = source.get_token();
  context.threads = 3;
  EXPECT_THAT(context.CheckStop(), IsOk());
  source.request_stop();
  EXPECT_THAT(context.CheckStop(), IsError(ErrorKind::kCancelled));
  EXPECT_EQ(context.ThreadCount(), 3);
  context.Report({.phase = "nobody listens", .unit = "rows"});
}

}  // namespace
}  // namespace millpond::base
