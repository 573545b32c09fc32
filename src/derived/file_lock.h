// An advisory lock on a file, shared or exclusive, that the kernel drops with the process: how
// processes agree on one build of an artefact and on what is in use. Used by the cache only. A lock
// belongs to its object, not to the process, so threads exclude each other too.
#pragma once

#include <memory>
#include <string>

#include "base/context.h"
#include "base/error.h"

namespace millpond::derived {

class FileLock {
 public:
  enum class Mode { kShared, kExclusive };

  /// Waits for the lock, cancellably; makes the file and its folder where they are absent.
  static Result<std::unique_ptr<FileLock>> Acquire(const std::string& path, Mode mode,
                                                   const base::Context& context);
  /// Null where somebody holds it in a way that forbids `mode`, or the file does not exist.
  static Result<std::unique_ptr<FileLock>> TryExclusive(const std::string& path);

  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;
  ~FileLock();

  /// Exclusive becomes shared. Others may take their turn in between.
  Status Share();
  /// Sets the file's time of change to now: when it was last used.
  void Touch();
  /// Removes the file; only under an exclusive lock. Whoever waits for it takes a new file.
  void Unlink();

 private:
  FileLock(int descriptor, std::string path) : descriptor_(descriptor), path_(std::move(path)) {}
  int descriptor_;
  std::string path_;
};

}  // namespace millpond::derived
