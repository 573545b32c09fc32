// Buffers for batches, 64-byte aligned and used again and again, so that a running loader touches
// no fresh memory. A buffer finds its way back when its last user drops it, in whatever thread;
// buffers may outlive the pool. Thread safe.
#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <memory>

#include "base/error.h"

namespace millpond::train {

class BufferPool {
 public:
  BufferPool();
  ~BufferPool();

  /// `size` bytes of unspecified content.
  Result<std::shared_ptr<arrow::MutableBuffer>> Allocate(int64_t size);

  struct Shelf;

 private:
  std::shared_ptr<Shelf> shelf_;
};

}  // namespace millpond::train
