// Scratch folders; see the header.
#include "derived/scratch_folder.h"

#include <sys/file.h>

#include <filesystem>

#include "base/random_id.h"

namespace millpond::derived {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "query-";
constexpr int kAttempts = 10;

// A folder whose lock is free has no owner any more. Where the file system has no locks for folders
// that cannot be told, and all stay.
void SweepDead(const std::string& parent) {
  std::error_code error;
  for (fs::directory_iterator entry(parent, error), end; !error && entry != end;
       entry.increment(error)) {
    if (!entry->path().filename().string().starts_with(kPrefix)) continue;
    auto lock = base::FolderLock::Take(entry->path().string(), LOCK_EX | LOCK_NB);
    if (!lock.ok() || !(*lock)->held()) continue;
    std::error_code ignored;
    fs::remove_all(entry->path(), ignored);
  }
}

}  // namespace

Result<std::unique_ptr<ScratchFolder>> ScratchFolder::Make(const std::string& parent) {
  std::error_code error;
  fs::create_directories(parent, error);
  if (error) return base::FromErrno(error.value(), "create " + parent);
  SweepDead(parent);
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    std::string path = parent + "/" + std::string(kPrefix) + base::NewUuid();
    fs::create_directory(path, error);
    if (error) return base::FromErrno(error.value(), "create " + path);
    auto lock = base::FolderLock::Take(path, LOCK_EX | LOCK_NB);
    // Until it is locked, somebody else's sweep may take it for a dead one.
    if (!lock.ok() || (*lock)->is_taken() || !(*lock)->IsOn(path)) continue;
    return std::unique_ptr<ScratchFolder>(new ScratchFolder(std::move(path), *std::move(lock)));
  }
  return base::Unavailable("{} was swept {} times while a folder was made in it; try again", parent,
                           kAttempts);
}

ScratchFolder::~ScratchFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

}  // namespace millpond::derived
