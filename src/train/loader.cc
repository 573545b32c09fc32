// The loader: which positions come next, and a queue of batches in the making.
#include "train/loader.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <deque>
#include <future>
#include <optional>
#include <utility>

#include "base/thread_pool.h"
#include "train/gather.h"

namespace millpond::train {
namespace {

using base::Json;
using Clock = std::chrono::steady_clock;
using BatchResult = Result<std::shared_ptr<const Batch>>;

constexpr int64_t kStateFormat = 1;
constexpr std::chrono::milliseconds kStopCheck{20};

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

Status CheckOptions(const LoaderOptions& options) {
  if (options.batch_size < 1 || options.batch_size > int64_t{1} << 31) {
    return base::Invalid("batch_size is {}; expected 1 or more", options.batch_size);
  }
  if (options.world_size < 1 || options.rank < 0 || options.rank >= options.world_size) {
    return base::Invalid("rank {} of world size {}: ranks go from 0 to world size - 1",
                         options.rank, options.world_size);
  }
  if (options.workers < 1 || options.worker < 0 || options.worker >= options.workers) {
    return base::Invalid("worker {} of {}: workers go from 0 to their number - 1", options.worker,
                         options.workers);
  }
  if (options.prefetch < 1) {
    return base::Invalid("prefetch is {}; expected 1 or more", options.prefetch);
  }
  if (options.threads < 1) {
    return base::Invalid("threads is {}; expected 1 or more", options.threads);
  }
  return Status::OK();
}

// Where a batch begins.
struct Cursor {
  int64_t epoch = 0;
  int64_t position = 0;  // In samples of all ranks.
  int64_t step = 0;
};

class NativeLoader final : public Loader {
 public:
  NativeLoader(std::shared_ptr<const Segment> segment, LoaderOptions options,
               std::unique_ptr<Gatherer> gatherer)
      : segment_(std::move(segment)),
        options_(std::move(options)),
        gatherer_(std::move(gatherer)) {}
  ~NativeLoader() override {
    Forget();
    LeaveThreadsOfParent();
  }

  BatchResult Next(const base::Context& context) override {
    ARROW_RETURN_NOT_OK(context.CheckStop());
    ARROW_RETURN_NOT_OK(MakeOwnAfterFork());
    if (pool_ == nullptr) {
      ARROW_ASSIGN_OR_RAISE(
          pool_, base::ThreadPool::Make(options_.threads, static_cast<size_t>(options_.prefetch)));
      process_ = getpid();
      started_ = Clock::now();
    }
    FillQueue();
    if (queue_.empty()) {
      next_ = ahead_ = {next_.epoch + 1, 0, 0};
      return nullptr;
    }
    auto asked = Clock::now();
    while (queue_.front().batch.wait_for(kStopCheck) != std::future_status::ready) {
      ARROW_RETURN_NOT_OK(context.CheckStop());
    }
    ARROW_RETURN_NOT_OK(context.CheckStop());  // Nobody takes the batch: it stays the next one.
    wait_seconds_ += SecondsSince(asked);
    BatchResult batch = queue_.front().batch.get();
    if (!batch.ok()) {
      // Nothing is skipped: the next call tries the same batch again.
      Forget();
      ahead_ = next_;
      return batch;
    }
    next_ = queue_.front().after;
    queue_.pop_front();
    FillQueue();
    ++batches_;
    samples_ += (*batch)->rows;
    broken_ += static_cast<int64_t>((*batch)->broken.size());
    return batch;
  }

  Status SetEpoch(int64_t epoch) override {
    if (epoch < 0) return base::Invalid("epoch is {}; epochs count from 0", epoch);
    Forget();
    next_ = ahead_ = {epoch, 0, 0};
    return Status::OK();
  }

  Status Skip(int64_t steps) override {
    if (steps < 0) return base::Invalid("cannot skip {} steps; expected 0 or more", steps);
    Forget();
    const int64_t left = StepsFrom(segment_->rows(), next_.position, GlobalBatch(), options_.last);
    steps = std::min(steps, left);
    next_.position += steps * GlobalBatch();
    next_.step += steps;
    ahead_ = next_;
    return Status::OK();
  }

  Json StateDict() const override {
    return {{"format", kStateFormat},
            {"dataset", segment_->dataset_name()},
            {"dataset_hash", segment_->dataset_hash()},
            {"part", segment_->part()},
            {"shuffle", options_.shuffle},
            {"seed", options_.seed},
            {"epoch", next_.epoch},
            {"position", next_.position},
            {"step", next_.step},
            {"batch_size", options_.batch_size},
            {"world_size", options_.world_size}};
  }

  Status LoadStateDict(const Json& state) override {
    constexpr std::string_view kOrigin = "state of a loader";
    auto format = base::GetInt(state, "format", kOrigin);
    if (!format.ok()) return base::WithKind(base::ErrorKind::kInvalid, format.status());
    if (*format != kStateFormat) {
      return base::Invalid("the state has format {}; this Millpond reads {}", *format,
                           kStateFormat);
    }
    // These make the order; any other would be a different epoch.
    const Json mine = StateDict();
    for (const char* key : {"dataset_hash", "part", "shuffle", "seed"}) {
      const Json theirs = state.value(key, Json());
      if (theirs != mine[key]) {
        return base::Invalid("the state was saved with {} {}, but this loader has {}", key,
                             theirs.dump(), mine[key].dump());
      }
    }
    Cursor cursor;
    for (auto [key, value] : {std::pair{"epoch", &cursor.epoch},
                              {"position", &cursor.position},
                              {"step", &cursor.step}}) {
      auto number = base::GetInt(state, key, kOrigin);
      if (!number.ok()) return base::WithKind(base::ErrorKind::kInvalid, number.status());
      if (*number < 0) return base::Invalid("the state's {} is {}", key, *number);
      *value = *number;
    }
    Forget();
    next_ = ahead_ = cursor;
    return Status::OK();
  }

  int64_t steps_per_epoch() const override {
    return StepsFrom(segment_->rows(), 0, GlobalBatch(), options_.last);
  }
  std::vector<ColumnSpec> columns() const override { return gatherer_->Specs(); }
  const LoaderOptions& options() const override { return options_; }
  const std::shared_ptr<const Segment>& segment() const override { return segment_; }
  LoaderStats stats() const override {
    return {samples_, batches_, broken_, started_ ? SecondsSince(*started_) : 0, wait_seconds_};
  }

 private:
  struct Pending {
    Cursor after;  // Where the following batch begins.
    std::future<BatchResult> batch;
  };

  int64_t GlobalBatch() const { return options_.batch_size * options_.world_size; }

  // Sends this worker's steps of the running epoch to the threads, as many as may wait.
  void FillQueue() {
    while (static_cast<int>(queue_.size()) < options_.prefetch) {
      while (ahead_.step % options_.workers != options_.worker) Advance();
      if (StepsFrom(segment_->rows(), ahead_.position, GlobalBatch(), options_.last) == 0) return;
      Cursor at = ahead_;
      Advance();
      queue_.push_back(
          {ahead_, pool_->Submit([this, at, generation = generation_.load()]() -> BatchResult {
             if (generation != generation_.load()) return base::Cancelled("not wanted any more");
             return Make(at);
           })});
    }
  }

  void Advance() {
    ahead_.position += GlobalBatch();
    ++ahead_.step;
  }

  // Runs on the pool's threads.
  BatchResult Make(Cursor at) const {
    const int64_t count = segment_->rows();
    Order order(count, options_.shuffle, options_.seed, at.epoch);
    Slice slice = SliceOf(count, at.position, options_.batch_size, options_.rank,
                          options_.world_size, options_.last);
    auto batch = std::make_shared<Batch>();
    batch->epoch = at.epoch;
    batch->step = at.step;
    std::vector<int64_t> rows;
    rows.reserve(static_cast<size_t>(slice.end - slice.begin));
    for (int64_t position = slice.begin; position < slice.end; ++position) {
      rows.push_back(order.At(position % count));
      batch->padded += position >= count ? 1 : 0;
    }
    ARROW_RETURN_NOT_OK(gatherer_->Gather(rows, batch.get()));
    return batch;
  }

  bool IsForked() const { return pool_ != nullptr && process_ != getpid(); }

  // Threads do not cross a fork: joining them in the child would wait for ever.
  void LeaveThreadsOfParent() {
    if (IsForked()) static_cast<void>(pool_.release());
  }

  // In a forked child: what the parent's threads were making, and the buffers whose lock they may
  // have held, are left alone.
  Status MakeOwnAfterFork() {
    if (!IsForked()) return Status::OK();
    Forget();
    ahead_ = next_;
    LeaveThreadsOfParent();
    ARROW_ASSIGN_OR_RAISE(auto gatherer, Gatherer::Make(segment_, options_));
    static_cast<void>(gatherer_.release());
    gatherer_ = std::move(gatherer);
    return Status::OK();
  }

  // Drops what is being made; batches under way finish unseen.
  void Forget() {
    ++generation_;
    queue_.clear();
  }

  const std::shared_ptr<const Segment> segment_;
  const LoaderOptions options_;
  std::unique_ptr<Gatherer> gatherer_;  // Changes only where no thread uses it.
  Cursor next_;                         // Of the batch that Next hands out.
  Cursor ahead_;                        // Of the batch that is sent to the threads next.
  std::deque<Pending> queue_;
  std::atomic<int64_t> generation_ = 0;
  std::optional<Clock::time_point> started_;
  double wait_seconds_ = 0;
  int64_t samples_ = 0, batches_ = 0, broken_ = 0;
  pid_t process_ = 0;                       // That pool_'s threads live in.
  std::unique_ptr<base::ThreadPool> pool_;  // Last: its threads use the rest.
};

}  // namespace

Result<std::unique_ptr<Loader>> Loader::Make(std::shared_ptr<const Segment> segment,
                                             LoaderOptions options) {
  if (segment == nullptr) return base::Invalid("a loader needs a segment");
  ARROW_RETURN_NOT_OK(CheckOptions(options));
  ARROW_ASSIGN_OR_RAISE(auto gatherer, Gatherer::Make(segment, options));
  return std::make_unique<NativeLoader>(std::move(segment), std::move(options),
                                        std::move(gatherer));
}

}  // namespace millpond::train
