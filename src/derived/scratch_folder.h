// A folder below derived/tmp for what a running query does not hold in memory. It is locked for as
// long as it is in use, so that nobody removes it under its owner; what dead processes left is
// removed when the next one is made. No artefact: the cache neither counts nor evicts it.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/folder_lock.h"

namespace millpond::derived {

/// The folder of `derived/` that holds scratch folders; no kind of artefact may have its name.
inline constexpr const char* kScratchKind = "tmp";

class ScratchFolder {
 public:
  /// A new empty folder below `parent`, which is created where it is absent.
  static Result<std::unique_ptr<ScratchFolder>> Make(const std::string& parent);
  ~ScratchFolder();  ///< Removes the folder and what is in it.
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

  const std::string& path() const { return path_; }

 private:
  ScratchFolder(std::string path, std::unique_ptr<base::FolderLock> lock)
      : path_(std::move(path)), lock_(std::move(lock)) {}

  std::string path_;
  std::unique_ptr<base::FolderLock> lock_;
};

}  // namespace millpond::derived
