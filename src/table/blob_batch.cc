// Writes blobs in parallel; see the header.
#include "table/blob_batch.h"

#include <algorithm>
#include <atomic>
#include <future>

namespace millpond::table {
namespace {

// Enough for the disk to gather flushes, few enough threads for a commit over hundreds of tables.
constexpr size_t kWriters = 8;

}  // namespace

Status BlobBatch::Write(store::BlobStore& store) {
  auto write = [&](const std::pair<std::string, std::string>& blob) -> Status {
    ARROW_ASSIGN_OR_RAISE(std::string path, store.PathOf(blob.first));
    return store::WriteBlob(store, path, blob.second);
  };
  std::atomic<size_t> next = 0;
  auto work = [&]() -> Status {
    for (size_t i = next++; i < blobs_.size(); i = next++) ARROW_RETURN_NOT_OK(write(blobs_[i]));
    return Status::OK();
  };
  std::vector<std::future<Status>> others;
  for (size_t i = 1; i < std::min(kWriters, blobs_.size()); ++i) {
    others.push_back(std::async(std::launch::async, work));
  }
  Status status = work();
  for (auto& other : others) status &= other.get();
  blobs_.clear();
  return status;
}

}  // namespace millpond::table
