// Folders and small files that survive power loss: MakeFolders and ReplaceFile of local_store.h,
// SyncFolder of pending_file.h.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "base/random_id.h"
#include "store/local_store.h"
#include "store/pending_file.h"

namespace millpond::store {
namespace {

// "" -> ".", so that the result can always be opened.
std::string ParentOf(const std::string& path) {
  std::string parent = std::filesystem::path(path).parent_path().string();
  return parent.empty() ? "." : parent;
}

}  // namespace

Status SyncFolder(const std::string& path) {
  int descriptor = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return base::FromErrno(errno, "open the folder " + path);
  Status status = SyncDescriptor(descriptor, path);
  ::close(descriptor);
  return status;
}

Status ReplaceFile(const std::string& path, std::string_view bytes) {
  ARROW_ASSIGN_OR_RAISE(auto file, PendingFile::Create(path + ".new-" + base::NewUuid()));
  ARROW_RETURN_NOT_OK(file->Write(bytes.data(), static_cast<int64_t>(bytes.size())));
  ARROW_RETURN_NOT_OK(file->Sync());
  if (::rename(file->path().c_str(), path.c_str()) != 0) {
    return base::FromErrno(errno, "replace " + path);
  }
  file->Renamed();
  return SyncFolder(ParentOf(path));
}

Status MakeFolders(const std::string& path) {
  const std::string parent = ParentOf(path);
  if (::mkdir(path.c_str(), 0755) == 0) return SyncFolder(parent);
  if (errno == ENOENT && parent != path && parent != ".") {
    ARROW_RETURN_NOT_OK(MakeFolders(parent));
    if (::mkdir(path.c_str(), 0755) == 0) return SyncFolder(parent);
  }
  const int error = errno;
  struct stat info{};
  if (error == EEXIST && ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) {
    return Status::OK();
  }
  if (error == EEXIST) return base::AlreadyExists("{} exists and is not a folder", path);
  return base::FromErrno(error, "make the folder " + path);
}

}  // namespace millpond::store
