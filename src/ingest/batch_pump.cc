// The queue between a source's thread and the writer; see the header.
#include "ingest/batch_pump.h"

#include <arrow/api.h>

#include <utility>

namespace millpond::ingest {

BatchPump::BatchPump(source::StreamReader* reader, size_t queue_limit)
    : reader_(reader), queue_limit_(queue_limit), thread_([this] { Read(); }) {}

BatchPump::~BatchPump() {
  {
    std::lock_guard lock(mutex_);
    closing_ = true;
  }
  has_room_.notify_all();
  thread_.join();
}

void BatchPump::Read() {
  while (true) {
    auto batch = reader_->Next();
    if (!batch.ok()) {
      Push(batch.status());
      return;
    }
    const bool end = *batch == nullptr;
    if (!Push(Item{*std::move(batch), reader_->TakeRejects()}) || end) return;
  }
}

bool BatchPump::Push(Result<Item> item) {
  std::unique_lock lock(mutex_);
  has_room_.wait(lock, [this] { return closing_ || queue_.size() < queue_limit_; });
  if (closing_) return false;
  queue_.push_back(std::move(item));
  has_item_.notify_one();
  return true;
}

Result<BatchPump::Item> BatchPump::Next() {
  std::unique_lock lock(mutex_);
  has_item_.wait(lock, [this] { return !queue_.empty(); });
  Result<Item> item = std::move(queue_.front());
  queue_.pop_front();
  has_room_.notify_one();
  return item;
}

}  // namespace millpond::ingest
