// Creating, publishing and clearing up ledger files; see the header.
#include "ledger/ledger_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <vector>

#include "base/folder_lock.h"
#include "base/log.h"
#include "base/random_id.h"
#include "ledger/migration.h"
#include "ledger/sqlite_connection.h"

namespace millpond::ledger {
namespace {

namespace fs = std::filesystem;

constexpr const char* kNew = ".new-";

std::string FolderOf(const std::string& path) {
  const std::string folder = fs::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

// Gives `from` the name `to` unless it is taken, and makes that durable.
Status Publish(const std::string& from, const std::string& to) {
  int error = 0;
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) != 0)
    error = errno;
  if (error == EINVAL || error == ENOSYS) {
    // File systems without that flag (NFS) have hard links.
    error = ::link(from.c_str(), to.c_str()) == 0 ? 0 : errno;
    if (error == 0) ::unlink(from.c_str());
  }
  if (error == EEXIST) return base::AlreadyExists("the ledger {} exists already", to);
  if (error != 0) return base::FromErrno(error, "publish the ledger " + to);
  const std::string folder = FolderOf(to);
  int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return base::FromErrno(errno, "open the folder " + folder);
  Status synced = ::fsync(descriptor) == 0
                      ? Status::OK()
                      : base::FromErrno(errno, "make durable the folder " + folder);
  ::close(descriptor);
  return synced;
}

std::vector<fs::path> Leftovers(const std::string& path) {
  std::vector<fs::path> found;
  const std::string prefix = fs::path(path).filename().string() + kNew;
  std::error_code error;
  for (fs::directory_iterator at(FolderOf(path), error), end; !error && at != end;
       at.increment(error)) {
    if (at->path().filename().string().starts_with(prefix)) found.push_back(at->path());
  }
  return found;
}

}  // namespace

Status CreateLedgerFile(const std::string& path, int busy_ms, const LedgerFiller& fill) {
  const auto building = base::FolderLock::Take(FolderOf(path), LOCK_SH);  // Where it can be had.
  if (::access(path.c_str(), F_OK) == 0) {
    return base::AlreadyExists("the ledger {} exists already", path);
  }
  const std::string fresh = path + kNew + base::NewUuid();
  auto built = [&]() -> Status {
    ARROW_ASSIGN_OR_RAISE(auto connection, SqliteConnection::Open(fresh, /*create=*/true, busy_ms));
    ARROW_RETURN_NOT_OK(connection->BeginAlone());
    ARROW_RETURN_NOT_OK(FinishTransaction(connection.get(), [&]() -> Status {
      ARROW_RETURN_NOT_OK(CreateSchema(connection.get(), Migrations()));
      return fill ? fill(connection.get()) : Status::OK();
    }));
    // "MPND": lets file(1) and a person tell what this database is.
    return connection->Execute("PRAGMA application_id = 0x4d504e44");
  }();
  // Closing the only connection moved the log into the file.
  if (built.ok()) built = Publish(fresh, path);
  for (const char* suffix : {"", "-wal", "-shm"}) ::unlink((fresh + suffix).c_str());
  return built;
}

void RemoveAbandonedLedgers(const std::string& path) {
  if (Leftovers(path).empty()) return;
  const auto alone = base::FolderLock::Take(FolderOf(path), LOCK_EX | LOCK_NB);
  if (!alone.ok() || !(*alone)->held()) return;  // A creator lives.
  for (const fs::path& file : Leftovers(path)) {
    std::error_code error;
    if (fs::is_directory(file, error) || !fs::remove(file, error)) continue;
    base::Log(base::LogLevel::kInfo, "removed what an interrupted creation left",
              {{"file", file.string()}});
  }
}

}  // namespace millpond::ledger
