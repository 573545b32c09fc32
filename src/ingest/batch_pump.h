// Reads a source's stream on a thread of its own into a short queue, so that reading overlaps with
// writing while only a few batches are held. Used by sync; one consumer.
#pragma once

#include <arrow/type_fwd.h>

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "base/error.h"
#include "source/source.h"

namespace millpond::ingest {

class BatchPump {
 public:
  struct Item {
    std::shared_ptr<arrow::RecordBatch> batch;  ///< Null at the end, which may carry rejects too.
    std::vector<source::Reject> rejects;
  };

  /// `reader` must outlive the pump and is not to be touched before the end was seen.
  BatchPump(source::StreamReader* reader, size_t queue_limit);
  /// Waits for the read in progress.
  ~BatchPump();
  BatchPump(const BatchPump&) = delete;
  BatchPump& operator=(const BatchPump&) = delete;

  /// The next item in order; after a null batch or a failure there is no more.
  Result<Item> Next();

 private:
  void Read();
  bool Push(Result<Item> item);

  source::StreamReader* reader_;
  const size_t queue_limit_;
  std::mutex mutex_;
  std::condition_variable has_item_, has_room_;
  std::deque<Result<Item>> queue_;
  bool closing_ = false;
  std::thread thread_;
};

}  // namespace millpond::ingest
