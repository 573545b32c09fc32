// Keeps other processes out of a folder while something is made or changed in it. Used where a
// ledger file or a pond is made, and where a ledger is moved. POSIX flock(2) on the folder itself.
#pragma once

#include <memory>
#include <string>

#include "base/error.h"

namespace millpond::base {

/// A lock on a folder for as long as this object lives; a process that dies lets go, and programs
/// that it starts do not inherit it.
class FolderLock {
 public:
  /// `operation`: flock's LOCK_SH or LOCK_EX, with LOCK_NB to not wait. An error only where the
  /// folder cannot be opened: ask held().
  static Result<std::unique_ptr<FolderLock>> Take(const std::string& folder, int operation);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

  /// False where someone else has it, and where the file system has no locks for folders (NFS).
  bool held() const { return error_ == 0; }
  /// Whether someone else has it.
  bool is_taken() const;
  /// Whether `folder` still names what was locked: its owner may have removed it meanwhile.
  bool IsOn(const std::string& folder) const;

 private:
  FolderLock(int descriptor, int error) : descriptor_(descriptor), error_(error) {}

  int descriptor_;
  int error_;  // errno of flock; 0: held.
};

}  // namespace millpond::base
