// flock on folders; see the header.
#include "base/folder_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace millpond::base {

Result<std::unique_ptr<FolderLock>> FolderLock::Take(const std::string& folder, int operation) {
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return FromErrno(errno, "open the folder " + folder);
  int result = 0;
  do {
    result = ::flock(descriptor, operation);
  } while (result != 0 && errno == EINTR);
  return std::unique_ptr<FolderLock>(new FolderLock(descriptor, result == 0 ? 0 : errno));
}

FolderLock::~FolderLock() { ::close(descriptor_); }

bool FolderLock::is_taken() const { return error_ == EWOULDBLOCK; }

bool FolderLock::IsOn(const std::string& folder) const {
  struct stat locked{};
  struct stat named{};
  return ::fstat(descriptor_, &locked) == 0 && ::stat(folder.c_str(), &named) == 0 &&
         locked.st_ino == named.st_ino;
}

}  // namespace millpond::base
