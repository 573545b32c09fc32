// The folder store. Threads share nothing but the set of folders known to be durable.
#include "store/local_store.h"

#include <arrow/io/file.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <mutex>
#include <set>

#include "base/random_id.h"
#include "base/text.h"
#include "base/time.h"
#include "store/pending_file.h"

namespace millpond::store {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPending = ".pending";
constexpr std::string_view kMark = "write-";

int64_t ModifiedMs(const struct stat& info) {
  return int64_t{info.st_mtim.tv_sec} * 1000 + info.st_mtim.tv_nsec / 1'000'000;
}

Status CheckSegments(std::string_view path) {
  for (const std::string& segment : base::Split(path, '/')) {
    if (segment.empty() || segment == "." || segment == "..") {
      return base::Invalid("'{}' is not a path inside a store: it has an empty, '.' or '..' part",
                           path);
    }
    if (segment.size() > 255) {
      return base::Invalid("'{}' has a part of {} bytes; at most 255 are allowed", path,
                           segment.size());
    }
  }
  return Status::OK();
}

Status CheckPath(std::string_view path) {
  if (path.find('\0') != path.npos) return base::Invalid("a path in a store holds no NUL bytes");
  ARROW_RETURN_NOT_OK(CheckSegments(path));
  if (path == kPending || path.starts_with(std::string(kPending) + "/")) {
    return base::Invalid("'{}': {} belongs to writers at work", path, kPending);
  }
  return Status::OK();
}

std::string ParentOf(const std::string& path) { return fs::path(path).parent_path().string(); }

// Gives `from` the name `to` unless it is taken; `from` may be left as a second name.
int LinkWithoutReplacing(const std::string& from, const std::string& to) {
  if (::link(from.c_str(), to.c_str()) == 0) return 0;
  if (errno != EPERM && errno != EOPNOTSUPP && errno != ENOSYS) return errno;
  // File systems without hard links (exFAT, some FUSE).
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return 0;
  return errno;
}

class LocalStore : public BlobStore, public std::enable_shared_from_this<LocalStore> {
 public:
  // `root` without symbolic links, `alias` as the caller named it (absolute).
  LocalStore(std::string root, std::string alias)
      : root_(std::move(root)), alias_(std::move(alias)) {}

  Result<std::unique_ptr<BlobWriter>> Create(const std::string& path) override;
  Result<std::shared_ptr<arrow::io::RandomAccessFile>> OpenRead(const std::string& path) override;
  Result<BlobInfo> Stat(const std::string& path) override;
  Status List(const std::string& prefix,
              const std::function<Status(const BlobInfo&)>& visit) override;
  Status Delete(const std::string& path) override;
  Result<std::unique_ptr<WriteMark>> MarkWrite() override;
  Result<std::optional<int64_t>> OldestWrite() override;
  Result<int64_t> RemoveAbandoned(int64_t age_ms) override;
  std::string UriOf(const std::string& path) const override { return "file://" + FileOf(path); }
  Result<std::string> PathOf(std::string_view uri) const override;

  std::string FileOf(const std::string& path) const { return root_ + "/" + path; }

  // Makes `folder` and everything between it and the root durable, once per process. Even a folder
  // that exists is synced: whoever made it may have died before doing so.
  Status PrepareFolder(const std::string& folder);
  void ForgetFolder(const std::string& folder);

 private:
  // A new locked file among the pending ones.
  Result<std::unique_ptr<PendingFile>> CreatePending(const std::string& name);

  const std::string root_;
  const std::string alias_;
  std::mutex mutex_;
  std::set<std::string> durable_;
};

class LocalWriter : public BlobWriter {
 public:
  LocalWriter(std::shared_ptr<LocalStore> store, std::string path,
              std::unique_ptr<PendingFile> file)
      : store_(std::move(store)), path_(std::move(path)), file_(std::move(file)) {}

  arrow::io::OutputStream* stream() override { return file_.get(); }

  Status Publish() override {
    if (published_) return base::Internal("{} was published twice", path_);
    published_ = true;
    ARROW_RETURN_NOT_OK(file_->Sync());
    const std::string target = store_->FileOf(path_);
    const std::string folder = ParentOf(target);
    ARROW_RETURN_NOT_OK(store_->PrepareFolder(folder));
    int error = LinkWithoutReplacing(file_->path(), target);
    if (error == ENOENT) {
      // Somebody removed the folder since we last saw it.
      store_->ForgetFolder(folder);
      ARROW_RETURN_NOT_OK(store_->PrepareFolder(folder));
      error = LinkWithoutReplacing(file_->path(), target);
    }
    if (error == EEXIST) return base::AlreadyExists("{} exists already", target);
    if (error != 0) return base::FromErrno(error, "publish " + target);
    if (Status durable = SyncFolder(folder); !durable.ok()) {
      ::unlink(target.c_str());
      return durable;
    }
    file_->Discard();
    return Status::OK();
  }

 private:
  std::shared_ptr<LocalStore> store_;
  std::string path_;
  std::unique_ptr<PendingFile> file_;
  bool published_ = false;
};

// A pending file that is never published: its lock says that the write runs.
class LocalMark : public WriteMark {
 public:
  explicit LocalMark(std::unique_ptr<PendingFile> file) : file_(std::move(file)) {}

 private:
  std::unique_ptr<PendingFile> file_;
};

Result<std::unique_ptr<PendingFile>> LocalStore::CreatePending(const std::string& name) {
  const std::string pending = FileOf(std::string(kPending));
  ARROW_RETURN_NOT_OK(PrepareFolder(pending));
  auto file = PendingFile::Create(pending + "/" + name);
  if (file.ok() || base::KindOf(file.status()) != base::ErrorKind::kNotFound) return file;
  ForgetFolder(pending);
  ARROW_RETURN_NOT_OK(PrepareFolder(pending));
  return PendingFile::Create(pending + "/" + name);
}

Result<std::unique_ptr<BlobWriter>> LocalStore::Create(const std::string& path) {
  ARROW_RETURN_NOT_OK(CheckPath(path));
  auto file = CreatePending(base::NewUuid());
  ARROW_RETURN_NOT_OK(base::WithContext("start writing " + FileOf(path), file.status()));
  return std::make_unique<LocalWriter>(shared_from_this(), path, *std::move(file));
}

Result<std::unique_ptr<WriteMark>> LocalStore::MarkWrite() {
  auto file = CreatePending(std::string(kMark) + base::NewUuid());
  ARROW_RETURN_NOT_OK(base::WithContext("start writing to " + root_, file.status()));
  return std::make_unique<LocalMark>(*std::move(file));
}

Result<std::optional<int64_t>> LocalStore::OldestWrite() {
  const std::string pending = FileOf(std::string(kPending));
  std::optional<int64_t> oldest;
  std::error_code error;
  fs::directory_iterator entries(pending, error);
  for (; !error && entries != fs::directory_iterator(); entries.increment(error)) {
    if (!entries->path().filename().string().starts_with(kMark)) continue;
    const std::string file = entries->path().string();
    const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (descriptor < 0) continue;  // It ended while we looked.
    struct stat info{};
    const bool runs = ::flock(descriptor, LOCK_SH | LOCK_NB) != 0;
    if (runs && ::fstat(descriptor, &info) == 0) {
      oldest = std::min(oldest.value_or(ModifiedMs(info)), ModifiedMs(info));
    }
    ::close(descriptor);
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    return base::FromErrno(error.value(), "list " + pending);
  }
  return oldest;
}

Result<std::shared_ptr<arrow::io::RandomAccessFile>> LocalStore::OpenRead(const std::string& path) {
  ARROW_RETURN_NOT_OK(Stat(path).status());  // Arrow's error for a folder has no kind.
  auto file = arrow::io::ReadableFile::Open(FileOf(path));
  ARROW_RETURN_NOT_OK(base::WithContext("open " + FileOf(path), file.status()));
  return *std::move(file);
}

Result<BlobInfo> LocalStore::Stat(const std::string& path) {
  ARROW_RETURN_NOT_OK(CheckPath(path));
  struct stat info{};
  if (::stat(FileOf(path).c_str(), &info) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) {
      return base::NotFound("{} does not exist", FileOf(path));
    }
    return base::FromErrno(errno, "look at " + FileOf(path));
  }
  if (!S_ISREG(info.st_mode)) return base::NotFound("{} is not a file", FileOf(path));
  return BlobInfo{path, info.st_size, ModifiedMs(info)};
}

Status LocalStore::List(const std::string& prefix,
                        const std::function<Status(const BlobInfo&)>& visit) {
  const size_t slash = prefix.rfind('/');
  const std::string folder = slash == prefix.npos ? "" : prefix.substr(0, slash);
  if (slash != prefix.npos) ARROW_RETURN_NOT_OK(CheckPath(folder));
  std::vector<std::string> waiting = {folder};
  while (!waiting.empty()) {
    const std::string current = std::move(waiting.back());
    waiting.pop_back();
    std::error_code error;
    fs::directory_iterator entries(FileOf(current), error);
    for (; !error && entries != fs::directory_iterator(); entries.increment(error)) {
      const std::string name = entries->path().filename().string();
      const std::string path = current.empty() ? name : current + "/" + name;
      // A folder matters if it lies below the prefix or the prefix below it.
      if (!path.starts_with(prefix) && !prefix.starts_with(path + "/")) continue;
      if (path == kPending) continue;
      struct stat info{};
      if (::lstat(FileOf(path).c_str(), &info) != 0) continue;  // Deleted while we looked.
      if (S_ISDIR(info.st_mode)) waiting.push_back(path);
      if (S_ISREG(info.st_mode) && path.starts_with(prefix)) {
        ARROW_RETURN_NOT_OK(visit(BlobInfo{path, info.st_size, ModifiedMs(info)}));
      }
    }
    if (error && error != std::errc::no_such_file_or_directory &&
        error != std::errc::not_a_directory) {
      return base::FromErrno(error.value(), "list " + FileOf(current));
    }
  }
  return Status::OK();
}

Status LocalStore::Delete(const std::string& path) {
  ARROW_RETURN_NOT_OK(CheckPath(path));
  if (::unlink(FileOf(path).c_str()) == 0 || errno == ENOENT || errno == ENOTDIR) {
    return Status::OK();
  }
  return base::FromErrno(errno, "delete " + FileOf(path));
}

Result<int64_t> LocalStore::RemoveAbandoned(int64_t age_ms) {
  const std::string pending = FileOf(std::string(kPending));
  int64_t removed = 0;
  std::error_code error;
  fs::directory_iterator entries(pending, error);
  for (; !error && entries != fs::directory_iterator(); entries.increment(error)) {
    const std::string file = entries->path().string();
    int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (descriptor < 0) continue;  // Published or removed while we looked.
    struct stat info{};
    // A living writer holds the lock, however long ago it wrote.
    if (::flock(descriptor, LOCK_EX | LOCK_NB) == 0 && ::fstat(descriptor, &info) == 0 &&
        ModifiedMs(info) <= base::NowMs() - age_ms && ::unlink(file.c_str()) == 0) {
      ++removed;
    }
    ::close(descriptor);
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    return base::FromErrno(error.value(), "list " + pending);
  }
  return removed;
}

Result<std::string> LocalStore::PathOf(std::string_view uri) const {
  std::string_view file = uri;
  // "file:///x" is the standard form, "file:/x" Hadoop's, "/x" what some tools write.
  if (file.starts_with("file://")) {
    file.remove_prefix(7);
  } else if (file.starts_with("file:/")) {
    file.remove_prefix(5);
  }
  for (const std::string& root : {root_, alias_}) {
    if (!file.starts_with(root + "/")) continue;
    std::string path(file.substr(root.size() + 1));
    ARROW_RETURN_NOT_OK(CheckPath(path));
    return path;
  }
  return base::Invalid("'{}' lies outside {}; was the pond moved after this was written?", uri,
                       root_);
}

Status LocalStore::PrepareFolder(const std::string& folder) {
  std::lock_guard lock(mutex_);
  if (durable_.contains(folder)) return Status::OK();
  ARROW_RETURN_NOT_OK(MakeFolders(folder));
  for (std::string at = folder; at.size() > root_.size() && !durable_.contains(at);
       at = ParentOf(at)) {
    ARROW_RETURN_NOT_OK(SyncFolder(ParentOf(at)));
    durable_.insert(at);
  }
  return Status::OK();
}

void LocalStore::ForgetFolder(const std::string& folder) {
  std::lock_guard lock(mutex_);
  for (std::string at = folder; at.size() > root_.size(); at = ParentOf(at)) durable_.erase(at);
}

}  // namespace

Result<std::shared_ptr<BlobStore>> OpenLocalStore(const std::string& root) {
  std::error_code error;
  const fs::path canonical = fs::canonical(root, error);
  if (error) return base::FromErrno(error.value(), "open the store in " + root);
  if (!fs::is_directory(canonical, error)) {
    return base::Invalid("{} is not a folder; a store needs one", root);
  }
  fs::path alias = fs::absolute(root, error).lexically_normal();
  if (!alias.has_filename()) alias = alias.parent_path();  // "/pond/" -> "/pond"
  return std::make_shared<LocalStore>(canonical.string(), alias.string());
}

}  // namespace millpond::store
