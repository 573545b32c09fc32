// A file on its way to its name: buffered writes to a temporary path, made durable by Sync, then
// linked or renamed by the owner. Used by the local store's writer and by ReplaceFile. One thread
// at a time.
#pragma once

#include <arrow/io/interfaces.h>

#include <memory>
#include <string>

#include "base/error.h"

namespace millpond::store {

/// fsyncs a folder, so that the names in it survive power loss.
Status SyncFolder(const std::string& path);

/// fsyncs an open file or folder; `path` is for the error.
Status SyncDescriptor(int descriptor, const std::string& path);

class PendingFile : public arrow::io::OutputStream {
 public:
  /// Creates `path`, which must not exist, and locks it (flock) for as long as this object lives: a
  /// locked pending file has a living writer.
  static Result<std::unique_ptr<PendingFile>> Create(const std::string& path);

  ~PendingFile() override;

  using arrow::io::OutputStream::Write;
  Status Write(const void* data, int64_t size) override;
  Status Flush() override;
  /// Writes out what is buffered; the file stays open until Sync or Discard.
  Status Close() override;
  bool closed() const override { return closed_; }
  Result<int64_t> Tell() const override { return position_; }

  /// Flushes and fsyncs. Fails where any write before it failed, so a torn file is never published.
  Status Sync();

  /// Removes the temporary name; also done on destruction.
  void Discard();

  /// The temporary name is gone by a rename: nothing to remove any more.
  void Renamed() { discarded_ = true; }

  const std::string& path() const { return path_; }

 private:
  PendingFile(std::string path, int descriptor);
  Status WriteOut(const char* data, int64_t size);

  std::string path_;
  int descriptor_;
  std::string buffer_;
  int64_t position_ = 0;
  Status failure_;  // The first failed write; every later call repeats it.
  bool closed_ = false;
  bool discarded_ = false;
};

}  // namespace millpond::store
