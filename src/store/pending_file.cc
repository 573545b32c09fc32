// POSIX writes with their errors kept; nothing here retries except after EINTR.
#include "store/pending_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace millpond::store {
namespace {

constexpr size_t kBufferSize = 256 << 10;

}  // namespace

Status SyncDescriptor(int descriptor, const std::string& path) {
  while (::fsync(descriptor) != 0) {
    if (errno != EINTR) return base::FromErrno(errno, "make durable " + path);
  }
  return Status::OK();
}

Result<std::unique_ptr<PendingFile>> PendingFile::Create(const std::string& path) {
  while (true) {
    int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (descriptor < 0) return base::FromErrno(errno, "create " + path);
    std::unique_ptr<PendingFile> file(new PendingFile(path, descriptor));
    struct stat info{};
    if (::flock(descriptor, LOCK_EX) != 0 || ::fstat(descriptor, &info) != 0) {
      return base::FromErrno(errno, "lock " + path);
    }
    // Upkeep may have removed the name between creation and lock.
    if (info.st_nlink > 0) return file;
  }
}

PendingFile::PendingFile(std::string path, int descriptor)
    : path_(std::move(path)), descriptor_(descriptor) {}

PendingFile::~PendingFile() {
  Discard();
  ::close(descriptor_);
}

Status PendingFile::WriteOut(const char* data, int64_t size) {
  while (size > 0 && failure_.ok()) {
    ssize_t written = ::write(descriptor_, data, static_cast<size_t>(size));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      failure_ = base::FromErrno(errno, "write " + path_);
      break;
    }
    data += written;
    size -= written;
  }
  return failure_;
}

Status PendingFile::Write(const void* data, int64_t size) {
  if (closed_) return base::Internal("write to {} after it was closed", path_);
  ARROW_RETURN_NOT_OK(failure_);
  position_ += size;
  const char* bytes = static_cast<const char*>(data);
  if (buffer_.size() + static_cast<size_t>(size) < kBufferSize) {
    buffer_.append(bytes, static_cast<size_t>(size));
    return Status::OK();
  }
  ARROW_RETURN_NOT_OK(Flush());
  return WriteOut(bytes, size);
}

Status PendingFile::Flush() {
  ARROW_RETURN_NOT_OK(failure_);
  ARROW_RETURN_NOT_OK(WriteOut(buffer_.data(), static_cast<int64_t>(buffer_.size())));
  buffer_.clear();
  return Status::OK();
}

Status PendingFile::Close() {
  if (closed_) return failure_;
  Status status = Flush();
  closed_ = true;
  return status;
}

Status PendingFile::Sync() {
  ARROW_RETURN_NOT_OK(Flush());
  // After a failed fsync the kernel may have dropped the pages: trying again would lie.
  failure_ = SyncDescriptor(descriptor_, path_);
  return failure_;
}

void PendingFile::Discard() {
  if (discarded_) return;
  discarded_ = true;
  ::unlink(path_.c_str());  // What cannot be removed now, RemoveAbandoned removes.
}

}  // namespace millpond::store
