// flock(2) on a file that may be deleted at any time: after each lock we look whether the path
// still names the file we hold, and start over where it does not.
#include "derived/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <optional>
#include <thread>

namespace millpond::derived {
namespace {

constexpr std::chrono::milliseconds kFirstWait{1}, kLongestWait{50};

Result<int> OpenLockFile(const std::string& path) {
  // The folder may vanish between making it and opening the file; a second loss is no accident.
  for (int attempt = 0;; ++attempt) {
    int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (descriptor >= 0) return descriptor;
    if (errno != ENOENT || attempt == 3) return base::FromErrno(errno, "open " + path);
    std::error_code error;
    std::filesystem::create_directories(std::filesystem::path(path).parent_path(), error);
    if (error) {
      return base::FromErrno(error.value(), "create the folder of " + path);
    }
  }
}

bool StillNamed(int descriptor, const std::string& path) {
  struct stat held{}, named{};
  return ::fstat(descriptor, &held) == 0 && ::stat(path.c_str(), &named) == 0 &&
         held.st_ino == named.st_ino && held.st_dev == named.st_dev;
}

// True: locked. False: somebody else holds it.
Result<bool> TryLock(int descriptor, int operation, const std::string& path) {
  while (::flock(descriptor, operation | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return false;
    if (errno != EINTR) return base::FromErrno(errno, "lock " + path);
  }
  return true;
}

}  // namespace

Result<std::unique_ptr<FileLock>> FileLock::Acquire(const std::string& path, Mode mode,
                                                    const base::Context& context) {
  int operation = mode == Mode::kShared ? LOCK_SH : LOCK_EX;
  while (true) {
    ARROW_ASSIGN_OR_RAISE(int descriptor, OpenLockFile(path));
    std::unique_ptr<FileLock> lock(new FileLock(descriptor, path));
    auto wait = kFirstWait;
    while (true) {
      ARROW_ASSIGN_OR_RAISE(bool locked, TryLock(descriptor, operation, path));
      if (locked) break;
      ARROW_RETURN_NOT_OK(context.CheckStop());
      std::this_thread::sleep_for(wait);
      wait = std::min(wait * 2, kLongestWait);
    }
    if (StillNamed(descriptor, path)) return lock;
  }
}

Result<std::unique_ptr<FileLock>> FileLock::TryExclusive(const std::string& path) {
  int descriptor = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (descriptor < 0) {
    if (errno == ENOENT) return nullptr;
    return base::FromErrno(errno, "open " + path);
  }
  std::unique_ptr<FileLock> lock(new FileLock(descriptor, path));
  ARROW_ASSIGN_OR_RAISE(bool locked, TryLock(descriptor, LOCK_EX, path));
  if (!locked || !StillNamed(descriptor, path)) return nullptr;
  return lock;
}

FileLock::~FileLock() { ::close(descriptor_); }

Status FileLock::Share() {
  while (::flock(descriptor_, LOCK_SH) != 0) {
    if (errno != EINTR) return base::FromErrno(errno, "share the lock " + path_);
  }
  return Status::OK();
}

void FileLock::Touch() { ::futimens(descriptor_, nullptr); }

void FileLock::Unlink() { ::unlink(path_.c_str()); }

}  // namespace millpond::derived
