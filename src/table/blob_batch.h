// Small blobs that one commit writes, written together: each must be durable before the ledger
// points to it, and waiting for the disk once for all of them is most of what a commit costs. One
// thread at a time.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "store/blob_store.h"

namespace millpond::table {

class BlobBatch {
 public:
  void Add(std::string uri, std::string bytes) {
    blobs_.emplace_back(std::move(uri), std::move(bytes));
  }

  /// Writes and publishes all at once, in parallel; empties the batch. After a failure some may be
  /// there.
  Status Write(store::BlobStore& store);

 private:
  std::vector<std::pair<std::string, std::string>> blobs_;
};

}  // namespace millpond::table
