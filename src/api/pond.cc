// Finding, making and wiring a pond. The layout is docs/formats/pond.md.
#include "api/pond.h"

#include <pwd.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <memory>
#include <vector>

#include "base/folder_lock.h"
#include "derived/scratch_folder.h"
#include "store/local_store.h"

namespace millpond::api {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kTomlName = "millpond.toml";
constexpr std::string_view kTomlText =
    R"(# A Millpond pond. Settings here are weaker than MILLPOND_* variables and flags;
# `millpond config` lists them all with their values and where each comes from.
)";

Result<fs::path> AbsolutePath(const std::string& path) {
  std::error_code error;
  fs::path absolute = fs::absolute(path.empty() ? "." : path, error).lexically_normal();
  if (error)
    return base::Invalid("cannot make an absolute path of '{}': {}", path, error.message());
  if (!absolute.has_filename()) absolute = absolute.parent_path();
  return absolute;
}

Result<std::string> FindFolder(const std::string& start) {
  ARROW_ASSIGN_OR_RAISE(fs::path folder, AbsolutePath(start));
  std::error_code error;
  if (!fs::exists(folder, error)) {
    return base::NotFound("there is no folder '{}'; make a pond with 'millpond init {}'",
                          folder.string(), start);
  }
  for (fs::path at = folder;; at = at.parent_path()) {
    if (fs::exists(at / kTomlName, error)) return at.string();
    if (at == at.parent_path()) break;
  }
  return base::NotFound(
      "'{}' is not a pond (no {} here or above); make one with 'millpond init', or name one with "
      "--pond",
      folder.string(), kTomlName);
}

std::string LocalIdentity() {
  std::array<char, 256> host{};
  if (gethostname(host.data(), host.size() - 1) != 0) host[0] = '\0';
  std::array<char, 4096> buffer{};
  passwd entry{};
  passwd* user = nullptr;
  getpwuid_r(geteuid(), &entry, buffer.data(), buffer.size(), &user);
  const std::string name = user != nullptr ? user->pw_name : std::to_string(geteuid());
  return host[0] == '\0' ? name : name + "@" + host.data();
}

bool IsPartOfPond(const std::string& name) {
  return name == "truth" || name == "derived" || name.starts_with("ledger.db") ||
         name.starts_with(fmt::format("{}.new-", kTomlName));
}

/// What an init that was interrupted left: parts of a pond without its millpond.toml and without
/// data. Whatever else is in the folder is not ours to build on.
bool IsUnfinishedPond(const fs::path& folder) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (!IsPartOfPond(entry.path().filename().string())) return false;
  }
  for (const auto& entry : fs::directory_iterator(folder / "truth", error)) {
    if (entry.path().filename() != ".pending") return false;
  }
  return true;
}

/// Whether `folder` exists; a pond may be made in it.
Result<bool> CheckFolder(const fs::path& folder) {
  std::error_code error;
  if (fs::exists(folder / kTomlName, error)) {
    return base::AlreadyExists("there is a pond at '{}' already", folder.string());
  }
  const bool existed = fs::exists(folder, error);
  if (existed && !fs::is_directory(folder, error)) {
    return base::Invalid("'{}' is a file; a pond needs a folder", folder.string());
  }
  if (existed && !IsUnfinishedPond(folder)) {
    return base::Invalid("'{}' is not empty; a pond needs a new or empty folder", folder.string());
  }
  return existed;
}

/// Holds off every other init of the same folder.
Result<std::unique_ptr<base::FolderLock>> LockForInit(const std::string& folder) {
  ARROW_ASSIGN_OR_RAISE(auto lock, base::FolderLock::Take(folder, LOCK_EX | LOCK_NB));
  // Another folder of that name: an init that failed took the locked one away meanwhile.
  if (!lock->is_taken() && lock->IsOn(folder)) return lock;
  return base::AlreadyExists("another 'millpond init' is making a pond here ({})", folder);
}

/// Takes back what a failed init made: all of a new folder, in an older one the parts of a pond.
void TakeBack(const fs::path& folder, bool existed) {
  std::error_code ignored;
  if (!existed) {
    fs::remove_all(folder, ignored);
    return;
  }
  std::vector<fs::path> parts;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    if (IsPartOfPond(entry.path().filename().string())) parts.push_back(entry.path());
  }
  for (const fs::path& part : parts) fs::remove_all(part, ignored);
}

}  // namespace

std::string LedgerFileOf(const std::string& folder) { return folder + "/ledger.db"; }

std::string PondPlace::toml_path() const { return folder + "/" + std::string(kTomlName); }

ledger::LedgerPlace PondPlace::ledger() const {
  const std::string& url = config.GetString("ledger.url");
  return {.url = url.empty() ? LedgerFileOf(folder) : url,
          .busy_ms = static_cast<int>(config.GetInteger("ledger.busy_ms")),
          .connections = static_cast<int>(config.GetInteger("ledger.connections"))};
}

Result<PondPlace> FindPond(const OpenOptions& options) {
  PondPlace place;
  ARROW_ASSIGN_OR_RAISE(place.folder, FindFolder(options.path));
  ARROW_ASSIGN_OR_RAISE(
      place.config,
      base::Config::Load(place.toml_path(), base::MillpondEnvironment(), options.flags));
  return place;
}

Result<std::shared_ptr<Pond>> Pond::Init(const OpenOptions& options) {
  ARROW_ASSIGN_OR_RAISE(fs::path folder, AbsolutePath(options.path));
  ARROW_ASSIGN_OR_RAISE(base::Config config,
                        base::Config::Load("", base::MillpondEnvironment(), options.flags));
  ARROW_ASSIGN_OR_RAISE(const bool existed, CheckFolder(folder));
  ARROW_RETURN_NOT_OK(store::MakeFolders((folder / "truth").string()));
  ARROW_ASSIGN_OR_RAISE(auto lock, LockForInit((folder / "truth").string()));
  // Another init may have finished before the lock was ours.
  ARROW_RETURN_NOT_OK(CheckFolder(folder).status());
  std::string toml(kTomlText);
  if (auto url = options.flags.find("ledger.url"); url != options.flags.end()) {
    toml = base::WithSetting(toml, "ledger.url", url->second);
  }
  PondPlace place{folder.string(), std::move(config)};
  std::error_code error;
  const std::string file = LedgerFileOf(place.folder);
  const bool has_ledger = place.ledger().url == file && fs::exists(file, error);
  auto made = [&]() -> Result<std::shared_ptr<Pond>> {
    ARROW_RETURN_NOT_OK(store::MakeFolders((folder / "derived").string()));
    ARROW_ASSIGN_OR_RAISE(auto pond, Wire(std::move(place), !has_ledger));
    // Last, because this file is what makes the folder a pond.
    ARROW_RETURN_NOT_OK(store::ReplaceFile((folder / kTomlName).string(), toml));
    return pond;
  }();
  if (!made.ok() && !has_ledger) TakeBack(folder, existed);
  return made;
}

Result<std::shared_ptr<Pond>> Pond::Open(const OpenOptions& options) {
  ARROW_ASSIGN_OR_RAISE(PondPlace place, FindPond(options));
  return Wire(std::move(place), false);
}

Result<std::shared_ptr<Pond>> Pond::Wire(PondPlace place, bool create) {
  std::shared_ptr<Pond> pond(new Pond());
  ARROW_ASSIGN_OR_RAISE(pond->ledger_,
                        ledger::OpenLedger(place.ledger(), create ? ledger::OpenMode::kCreate
                                                                  : ledger::OpenMode::kExisting));
  auto& [folder, config] = place;
  ARROW_ASSIGN_OR_RAISE(pond->store_, store::OpenLocalStore(folder + "/truth"));
  const table::WriteSettings settings{
      .target_file_size = config.GetInteger("table.target_file_size"),
      .row_group_rows = config.GetInteger("table.row_group_rows"),
      .compression = config.GetString("table.compression"),
      .metadata_versions_max = static_cast<int>(config.GetInteger("table.metadata_versions_max"))};
  ARROW_ASSIGN_OR_RAISE(pond->catalog_,
                        table::Catalog::Open(pond->ledger_, pond->store_, settings));
  const std::string& author = config.GetString("author");
  pond->author_ = author.empty() ? LocalIdentity() : author;
  pond->folder_ = std::move(folder);
  pond->config_ = std::move(config);
  return pond;
}

Result<std::shared_ptr<query::Session>> Pond::session() {
  const std::lock_guard lock(opening_mutex_);
  if (session_ == nullptr) {
    const query::SessionSettings settings{
        .temp_folder = derived_folder() + "/" + derived::kScratchKind,
        .memory_limit = config_.GetInteger("query.memory_limit"),
        .threads = static_cast<int>(config_.GetInteger("threads"))};
    ARROW_ASSIGN_OR_RAISE(session_, query::Session::Open(query::Principal{author_, {}}, decisions_,
                                                         catalog_, settings));
  }
  return session_;
}

Result<std::shared_ptr<derived::Cache>> Pond::cache() {
  const std::lock_guard lock(opening_mutex_);
  if (cache_ == nullptr) {
    ARROW_ASSIGN_OR_RAISE(
        cache_, derived::Cache::Open(derived_folder(), config_.GetInteger("derived.budget")));
  }
  return cache_;
}

}  // namespace millpond::api
