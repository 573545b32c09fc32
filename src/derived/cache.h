// The content-addressed cache of everything that can be rebuilt from truth: training segments,
// indexes, statistics. Callers: train, query, and later vector and graph. An artefact is a folder
// <root>/<kind>/<key>/ whose key is the hash of all that it was made from; many processes share one
// root, one of them builds, the others wait. The whole root may be deleted at any time. Thread
// safe. Layout: docs/formats/derived.md.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/context.h"
#include "base/error.h"
#include "base/json.h"

namespace millpond::derived {

/// A published artefact in use: while this object lives, eviction leaves its folder alone.
class Artefact {
 public:
  virtual ~Artefact() = default;
  /// The folder with what the builder wrote; read only.
  const std::string& folder() const { return folder_; }
  const std::string& kind() const { return kind_; }
  const std::string& key() const { return key_; }
  std::string FilePath(const std::string& name) const { return folder_ + "/" + name; }

 protected:
  Artefact(std::string folder, std::string kind, std::string key)
      : folder_(std::move(folder)), kind_(std::move(kind)), key_(std::move(key)) {}

 private:
  std::string folder_, kind_, key_;
};

/// One line of `List`.
struct ArtefactInfo {
  std::string kind, key;
  int64_t bytes = 0;
  int64_t created_ms = 0, used_ms = 0;
  bool in_use = false;  ///< By any process.
  base::Json inputs;    ///< What the key was made from.
};

struct CacheStats {
  int64_t hits = 0, builds = 0, rebuilt_corrupt = 0, evicted = 0;
};

/// Fills an empty folder with files (sub-folders are allowed).
using Builder = std::function<Status(const std::string& folder, const base::Context& context)>;

/// The key of these inputs: XXH3-128 of their canonical JSON, 32 hex digits.
std::string KeyOf(const base::Json& inputs);

class Cache {
 public:
  /// `root` is created on the first build. `budget_bytes`: what all artefacts may hold together
  /// before the least recently used ones go; what is in use never goes, so a working set beyond the
  /// budget stays whole. 0: no limit.
  static Result<std::shared_ptr<Cache>> Open(std::string root, int64_t budget_bytes);
  virtual ~Cache() = default;

  /// The artefact of `kind` made from `inputs` (which must name everything it depends on, a format
  /// version too). Where it is absent, or its checksums do not hold, `build` runs once across all
  /// processes; the others wait, cancellably. A failed build publishes nothing.
  virtual Result<std::shared_ptr<const Artefact>> GetOrBuild(const std::string& kind,
                                                             const base::Json& inputs,
                                                             const Builder& build,
                                                             const base::Context& context) = 0;

  virtual Result<std::vector<ArtefactInfo>> List() = 0;
  /// Removes the least recently used artefacts that nobody uses until the rest fits `budget_bytes`
  /// (0: all that is unused), and what killed builders left. Returns the bytes freed.
  virtual Result<int64_t> Evict(int64_t budget_bytes) = 0;
  virtual CacheStats stats() const = 0;
  virtual const std::string& root() const = 0;

 protected:
  Cache() = default;
};

}  // namespace millpond::derived
