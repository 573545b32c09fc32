// Finding, making and wiring a pond. The layout is docs/formats/pond.md.
#include "api/pond.h"

#include <pwd.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>

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

/// The empty folder that a new pond goes into; remembers whether it was there before.
Result<bool> PrepareFolder(const fs::path& folder) {
  std::error_code error;
  if (fs::exists(folder / kTomlName, error)) {
    return base::AlreadyExists("there is a pond at '{}' already", folder.string());
  }
  const bool existed = fs::exists(folder, error);
  if (existed && !fs::is_directory(folder, error)) {
    return base::Invalid("'{}' is a file; a pond needs a folder", folder.string());
  }
  if (existed && !fs::is_empty(folder, error)) {
    return base::Invalid("'{}' is not empty; a pond needs a new or empty folder", folder.string());
  }
  ARROW_RETURN_NOT_OK(store::MakeFolders(folder.string()));
  return existed;
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
  ARROW_ASSIGN_OR_RAISE(const bool existed, PrepareFolder(folder));
  std::string toml(kTomlText);
  if (auto url = options.flags.find("ledger.url"); url != options.flags.end()) {
    toml = base::WithSetting(toml, "ledger.url", url->second);
  }
  auto made = [&]() -> Result<std::shared_ptr<Pond>> {
    ARROW_RETURN_NOT_OK(store::MakeFolders((folder / "truth").string()));
    ARROW_RETURN_NOT_OK(store::MakeFolders((folder / "derived").string()));
    ARROW_ASSIGN_OR_RAISE(auto pond, Wire({folder.string(), std::move(config)}, true));
    // Last, because this file is what makes the folder a pond.
    ARROW_RETURN_NOT_OK(store::ReplaceFile((folder / kTomlName).string(), toml));
    return pond;
  }();
  if (!made.ok()) {
    std::error_code ignored;
    if (existed) {
      for (const auto& entry : fs::directory_iterator(folder, ignored))
        fs::remove_all(entry, ignored);
    } else {
      fs::remove_all(folder, ignored);
    }
  }
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
        .temp_folder = derived_folder() + "/tmp",
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
