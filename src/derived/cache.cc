// The cache over a folder. Per artefact: <root>/<kind>/<key>/ (published), <key>.lock (who builds,
// who uses, when it was last used), <key>.building-<uuid>/ (of a builder at work, or of one that
// died). Publishing is a rename under the exclusive lock; a reader holds the shared one for life.
#include "derived/cache.h"

#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

#include "base/hash.h"
#include "base/log.h"
#include "base/random_id.h"
#include "base/text.h"
#include "derived/file_lock.h"
#include "derived/manifest.h"
#include "derived/scratch_folder.h"

namespace millpond::derived {
namespace {

namespace fs = std::filesystem;
using base::ErrorKind;

constexpr int kAttempts = 3;
constexpr std::string_view kBuilding = ".building-";
constexpr std::string_view kTrash = ".trash-";

class HeldArtefact final : public Artefact {
 public:
  HeldArtefact(std::string folder, std::string kind, std::string key,
               std::unique_ptr<FileLock> lock)
      : Artefact(std::move(folder), std::move(kind), std::move(key)), lock_(std::move(lock)) {}

 private:
  std::unique_ptr<FileLock> lock_;
};

bool Exists(const std::string& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

void RemoveAll(const std::string& path) {
  std::error_code ignored;
  fs::remove_all(path, ignored);
}

// Takes a folder out of sight in one step, so that nobody opens it half deleted.
void Discard(const std::string& folder) {
  std::string trash = folder + std::string(kTrash) + base::NewUuid();
  std::error_code error;
  fs::rename(folder, trash, error);
  RemoveAll(error ? folder : trash);
}

int64_t ModifiedMs(const std::string& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) return 0;
  return static_cast<int64_t>(info.st_mtim.tv_sec) * 1000 + info.st_mtim.tv_nsec / 1000000;
}

class FolderCache final : public Cache {
 public:
  FolderCache(std::string root, int64_t budget) : root_(std::move(root)), budget_(budget) {}

  Result<std::shared_ptr<const Artefact>> GetOrBuild(const std::string& kind,
                                                     const base::Json& inputs, const Builder& build,
                                                     const base::Context& context) override {
    ARROW_RETURN_NOT_OK(base::CheckName(kind, "kind of derived artefact"));
    if (kind == kScratchKind) {
      return base::Invalid("no kind of derived artefact may be called '{}'", kScratchKind);
    }
    std::string key = KeyOf(inputs);
    std::string folder = root_ + "/" + kind + "/" + key;
    if (auto open = FindOpen(folder)) return open;
    // Whoever deletes derived/ under us costs a second attempt, nothing else.
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
      ARROW_ASSIGN_OR_RAISE(auto artefact, OpenOrBuild(kind, key, folder, inputs, build, context));
      if (artefact == nullptr) continue;
      Remember(folder, artefact);
      return artefact;
    }
    return base::Unavailable("{} was deleted {} times while it was built; try again", folder,
                             kAttempts);
  }

  Result<std::vector<ArtefactInfo>> List() override {
    std::vector<ArtefactInfo> infos;
    ForEachEntry([&](const std::string& kind, const std::string& name, const std::string& path) {
      if (name.find('.') != name.npos) return;
      auto manifest = ReadManifest(path);
      ArtefactInfo info;
      info.kind = kind;
      info.key = name;
      // A manifest that does not parse is listed with what is known: evicting it needs its name.
      if (manifest.ok()) {
        info.bytes = manifest->bytes();
        info.created_ms = manifest->created_ms;
        info.inputs = manifest->inputs;
      }
      info.used_ms = ModifiedMs(path + ".lock");
      auto lock = FileLock::TryExclusive(path + ".lock");
      info.in_use = lock.ok() && *lock == nullptr && Exists(path + ".lock");
      infos.push_back(std::move(info));
    });
    return infos;
  }

  Result<int64_t> Evict(int64_t budget_bytes) override {
    int64_t freed = SweepAbandoned();
    ARROW_ASSIGN_OR_RAISE(std::vector<ArtefactInfo> infos, List());
    int64_t total = 0;
    for (const ArtefactInfo& info : infos) total += info.bytes;
    std::ranges::sort(infos, {}, &ArtefactInfo::used_ms);
    for (const ArtefactInfo& info : infos) {
      if (total <= budget_bytes) break;
      if (!Remove(root_ + "/" + info.kind + "/" + info.key)) continue;
      total -= info.bytes;
      freed += info.bytes;
      ++evicted_;
      base::Log(base::LogLevel::kInfo, "derived artefact evicted",
                {{"kind", info.kind}, {"key", info.key}, {"bytes", info.bytes}});
    }
    return freed;
  }

  CacheStats stats() const override { return {hits_, builds_, rebuilt_corrupt_, evicted_}; }
  const std::string& root() const override { return root_; }

 private:
  // An artefact that this process has open already was verified when it was opened.
  std::shared_ptr<const Artefact> FindOpen(const std::string& folder) {
    std::lock_guard guard(mutex_);
    auto found = open_.find(folder);
    if (found == open_.end()) return nullptr;
    auto artefact = found->second.lock();
    if (artefact == nullptr || !Exists(folder + "/manifest.json")) {
      open_.erase(found);
      return nullptr;
    }
    ++hits_;
    return artefact;
  }

  void Remember(const std::string& folder, const std::shared_ptr<const Artefact>& artefact) {
    std::lock_guard guard(mutex_);
    open_[folder] = artefact;
  }

  // True: there and sound. False: absent. A damaged one is reported in `damage`.
  Result<bool> Verify(const std::string& folder, const base::Context& context,
                      std::string* damage) {
    auto manifest = ReadManifest(folder);
    if (!manifest.ok() && base::KindOf(manifest.status()) == ErrorKind::kNotFound) {
      if (Exists(folder)) *damage = manifest.status().message();
      return false;
    }
    Status status = manifest.ok() ? VerifyFiles(folder, *manifest, context) : manifest.status();
    if (status.ok()) return true;
    if (base::KindOf(status) == ErrorKind::kCancelled) return status;
    *damage = status.message();
    return false;
  }

  // Null: it was swept away meanwhile.
  Result<std::shared_ptr<const Artefact>> OpenOrBuild(
      const std::string& kind, const std::string& key, const std::string& folder,
      const base::Json& inputs, const Builder& build, const base::Context& context) {
    std::string lock_path = folder + ".lock", damage;
    ARROW_ASSIGN_OR_RAISE(auto lock,
                          FileLock::Acquire(lock_path, FileLock::Mode::kShared, context));
    ARROW_ASSIGN_OR_RAISE(bool sound, Verify(folder, context, &damage));
    if (sound) {
      lock->Touch();
      ++hits_;
      return std::make_shared<HeldArtefact>(folder, kind, key, std::move(lock));
    }
    lock.reset();
    ARROW_ASSIGN_OR_RAISE(lock, FileLock::Acquire(lock_path, FileLock::Mode::kExclusive, context));
    // Whoever had the lock before us may have built it meanwhile.
    damage.clear();
    ARROW_ASSIGN_OR_RAISE(sound, Verify(folder, context, &damage));
    if (sound) {
      ++hits_;
    } else {
      if (!damage.empty()) {
        base::Log(base::LogLevel::kWarning, "derived artefact damaged, building it again",
                  {{"kind", kind}, {"key", key}, {"damage", damage}});
        Discard(folder);
        ++rebuilt_corrupt_;
      }
      ARROW_ASSIGN_OR_RAISE(bool built, Build(kind, folder, inputs, build, context));
      if (!built) return nullptr;
      ++builds_;
    }
    lock->Touch();
    ARROW_RETURN_NOT_OK(lock->Share());
    auto artefact = std::make_shared<HeldArtefact>(folder, kind, key, std::move(lock));
    if (!sound && budget_ > 0) ARROW_RETURN_NOT_OK(Evict(budget_).status());
    // Sharing the lock lets go of it for a moment, in which an eviction may have come.
    if (!Exists(folder)) return nullptr;
    return artefact;
  }

  // False: the folder was deleted under the builder.
  Result<bool> Build(const std::string& kind, const std::string& folder, const base::Json& inputs,
                     const Builder& build, const base::Context& context) {
    std::string building = folder + std::string(kBuilding) + base::NewUuid();
    Status status = BuildInto(building, kind, inputs, build, context);
    if (!Exists(building)) return false;
    if (status.ok()) {
      std::error_code error;
      fs::rename(building, folder, error);
      // The lock file was deleted and somebody else built the same meanwhile: theirs serves too.
      bool lost = error && Exists(folder + "/manifest.json");
      if (error && !lost) status = base::FromErrno(error.value(), "publish " + folder);
    }
    RemoveAll(building);
    ARROW_RETURN_NOT_OK(status);
    return true;
  }

  static Status BuildInto(const std::string& building, const std::string& kind,
                          const base::Json& inputs, const Builder& build,
                          const base::Context& context) {
    std::error_code error;
    fs::create_directories(building, error);
    if (error) return base::FromErrno(error.value(), "create " + building);
    ARROW_RETURN_NOT_OK(build(building, context));
    return WriteManifest(building, kind, inputs, context);
  }

  template <class Visit>
  void ForEachEntry(Visit visit) {
    std::error_code error;
    for (fs::directory_iterator kind(root_, error), end; !error && kind != end;
         kind.increment(error)) {
      if (!kind->is_directory(error) || kind->path().filename() == kScratchKind) continue;
      std::error_code inner;
      for (fs::directory_iterator entry(kind->path(), inner); !inner && entry != end;
           entry.increment(inner)) {
        if (!entry->is_directory(inner)) continue;
        visit(kind->path().filename().string(), entry->path().filename().string(),
              entry->path().string());
      }
    }
  }

  // Removes an artefact nobody uses; false where somebody does.
  bool Remove(const std::string& folder) {
    auto lock = FileLock::TryExclusive(folder + ".lock");
    if (!lock.ok()) return false;
    if (*lock == nullptr && Exists(folder + ".lock")) return false;
    Discard(folder);
    if (*lock != nullptr) (*lock)->Unlink();
    return true;
  }

  // A building folder whose lock is free has no builder any more.
  int64_t SweepAbandoned() {
    int64_t freed = 0;
    ForEachEntry([&](const std::string&, const std::string& name, const std::string& path) {
      size_t dot = name.find('.');
      if (dot == name.npos) return;
      std::string rest = name.substr(dot);
      if (!rest.starts_with(kBuilding) && !rest.starts_with(kTrash)) return;
      std::string lock_path = path.substr(0, path.size() - rest.size()) + ".lock";
      auto lock = FileLock::TryExclusive(lock_path);
      if (!lock.ok() || (*lock == nullptr && Exists(lock_path))) return;
      std::error_code ignored;
      for (const auto& file : fs::recursive_directory_iterator(path, ignored)) {
        if (file.is_regular_file(ignored)) freed += static_cast<int64_t>(file.file_size(ignored));
      }
      RemoveAll(path);
    });
    return freed;
  }

  const std::string root_;
  const int64_t budget_;
  std::mutex mutex_;
  std::map<std::string, std::weak_ptr<const Artefact>> open_;
  std::atomic<int64_t> hits_ = 0, builds_ = 0, rebuilt_corrupt_ = 0, evicted_ = 0;
};

}  // namespace

std::string KeyOf(const base::Json& inputs) {
  return base::Hash128Hex(base::CanonicalJson(inputs));
}

Result<std::shared_ptr<Cache>> Cache::Open(std::string root, int64_t budget_bytes) {
  if (root.empty()) return base::Invalid("the folder of derived state has no name");
  if (budget_bytes < 0) {
    return base::Invalid("the budget of derived state is {} bytes; give 0 for no limit",
                         budget_bytes);
  }
  std::error_code error;
  if (fs::exists(root, error) && !fs::is_directory(root, error)) {
    return base::Invalid("{} is a file, but derived state needs a folder there", root);
  }
  return std::make_shared<FolderCache>(std::move(root), budget_bytes);
}

}  // namespace millpond::derived
