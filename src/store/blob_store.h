// Where truth's immutable files live: a flat space of paths below a root, each written once and
// published whole. Implementations pass tests in store/blob_store_contract.h. Thread safe.
#pragma once

#include <arrow/io/interfaces.h>
#include <arrow/type_fwd.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace millpond::store {

struct BlobInfo {
  std::string path;  ///< Relative to the store's root, '/' separated.
  int64_t size = 0;  ///< Bytes.
  int64_t modified_ms = 0;
};

/// A blob being written: invisible until Publish. Destroying it unpublished leaves nothing behind.
class BlobWriter {
 public:
  virtual ~BlobWriter() = default;
  /// The stream to write to; owned by the writer.
  virtual arrow::io::OutputStream* stream() = 0;
  /// Makes the bytes durable, then visible under the path, atomically. kAlreadyExists where the
  /// path is taken. Call once.
  virtual Status Publish() = 0;
};

/// While it lives, others can tell that a write of several blobs runs; it ends with its process
/// too.
class WriteMark {
 public:
  virtual ~WriteMark() = default;
};

class BlobStore {
 public:
  virtual ~BlobStore() = default;

  virtual Result<std::unique_ptr<BlobWriter>> Create(const std::string& path) = 0;
  virtual Result<std::shared_ptr<arrow::io::RandomAccessFile>> OpenRead(
      const std::string& path) = 0;
  virtual Result<BlobInfo> Stat(const std::string& path) = 0;

  /// Calls `visit` for each published blob whose path starts with `prefix`; stops at the first
  /// failure. Order is unspecified.
  virtual Status List(const std::string& prefix,
                      const std::function<Status(const BlobInfo&)>& visit) = 0;

  /// Removes a blob; an absent one is not an error.
  virtual Status Delete(const std::string& path) = 0;

  /// Marks that blobs are being written that nothing names yet. Take it before the first is
  /// created.
  virtual Result<std::unique_ptr<WriteMark>> MarkWrite() = 0;
  /// When the oldest marked write that still runs began, by the clock of `modified_ms`; nullopt:
  /// none runs. What is older than that and reached by nothing belongs to no marked write.
  virtual Result<std::optional<int64_t>> OldestWrite() = 0;

  /// Removes what writers that died left behind and that is older than `age_ms`; returns how many.
  virtual Result<int64_t> RemoveAbandoned(int64_t age_ms) = 0;

  /// The absolute URI others use for a path ("file:///pond/truth/shop/orders/data/x.parquet"), and
  /// back; kInvalid for a URI outside the root.
  virtual std::string UriOf(const std::string& path) const = 0;
  virtual Result<std::string> PathOf(std::string_view uri) const = 0;
};

/// Create + write + Publish.
Status WriteBlob(BlobStore& store, const std::string& path, std::string_view bytes);

/// A whole blob in memory; kExhausted where it is larger than `limit` bytes.
Result<std::string> ReadBlob(BlobStore& store, const std::string& path, int64_t limit = 1LL << 30);

}  // namespace millpond::store
