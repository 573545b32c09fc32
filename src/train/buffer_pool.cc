// Free buffers are kept by capacity, rounded so that batches of nearly one size share them.
#include "train/buffer_pool.h"

#include <arrow/buffer.h>
#include <arrow/memory_pool.h>

#include <map>
#include <mutex>
#include <utility>

namespace millpond::train {

// What the pool and its buffers share.
struct BufferPool::Shelf {
  // Enough for the columns of a few batches; beyond that memory goes back to the system.
  static constexpr size_t kMostKept = 64;

  std::mutex mutex;
  std::multimap<int64_t, std::unique_ptr<arrow::Buffer>> free;
};

namespace {

constexpr int64_t kGrain = 4096;

// A view of a pooled buffer that puts it back on the shelf.
class Lease final : public arrow::MutableBuffer {
 public:
  Lease(std::unique_ptr<arrow::Buffer> buffer, int64_t size, std::weak_ptr<BufferPool::Shelf> shelf)
      : MutableBuffer(buffer->mutable_data(), size),
        buffer_(std::move(buffer)),
        shelf_(std::move(shelf)) {}
  ~Lease() override {
    auto shelf = shelf_.lock();
    if (shelf == nullptr) return;
    // A buffer that finds the shelf busy is freed; so nothing waits for a lock that a fork left
    // shut.
    const std::unique_lock guard(shelf->mutex, std::try_to_lock);
    if (guard && shelf->free.size() < BufferPool::Shelf::kMostKept) {
      int64_t size = buffer_->size();
      shelf->free.emplace(size, std::move(buffer_));
    }
  }

 private:
  std::unique_ptr<arrow::Buffer> buffer_;
  std::weak_ptr<BufferPool::Shelf> shelf_;
};

}  // namespace

BufferPool::BufferPool() : shelf_(std::make_shared<Shelf>()) {}
BufferPool::~BufferPool() = default;

Result<std::shared_ptr<arrow::MutableBuffer>> BufferPool::Allocate(int64_t size) {
  int64_t capacity = (std::max<int64_t>(size, 1) + kGrain - 1) / kGrain * kGrain;
  std::unique_ptr<arrow::Buffer> buffer;
  {
    std::lock_guard guard(shelf_->mutex);
    if (auto found = shelf_->free.find(capacity); found != shelf_->free.end()) {
      buffer = std::move(found->second);
      shelf_->free.erase(found);
    }
  }
  if (buffer == nullptr) {
    ARROW_ASSIGN_OR_RAISE(buffer, arrow::AllocateBuffer(capacity));
  }
  return std::make_shared<Lease>(std::move(buffer), size, shelf_);
}

}  // namespace millpond::train
