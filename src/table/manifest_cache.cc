// Least recently used parts go first; see the header.
#include "table/manifest_cache.h"

#include <utility>

#include "table/snapshot_files.h"

namespace millpond::table {
namespace {

// About what one entry of a std::map takes beside its value.
constexpr int64_t kNodeBytes = 48;

int64_t SizeOf(const std::string& text) {
  return static_cast<int64_t>(sizeof(text) + text.capacity());
}

int64_t SizeOf(const std::map<int32_t, std::string>& bounds) {
  int64_t bytes = 0;
  for (const auto& [id, bound] : bounds) bytes += kNodeBytes + SizeOf(bound);
  return bytes;
}

int64_t SizeOf(const DataFile& file) {
  const size_t counts = file.column_sizes.size() + file.value_counts.size() +
                        file.null_counts.size() + file.nan_counts.size();
  return SizeOf(file.uri) + SizeOf(file.lower_bounds) + SizeOf(file.upper_bounds) +
         static_cast<int64_t>(counts) * (kNodeBytes + 8) +
         static_cast<int64_t>(file.split_offsets.size() * sizeof(int64_t));
}

int64_t SizeOf(const std::vector<ManifestFile>& list) {
  int64_t bytes = 0;
  for (const ManifestFile& file : list) {
    bytes += static_cast<int64_t>(sizeof(file)) + SizeOf(file.uri) + SizeOf(file.partitions);
  }
  return bytes;
}

int64_t SizeOf(const Manifest& manifest) {
  int64_t bytes = SizeOf(manifest.partition_type) + SizeOf(manifest.partition_fields);
  for (const ManifestEntry& entry : manifest.entries) {
    bytes += static_cast<int64_t>(sizeof(entry)) + SizeOf(entry.file) + SizeOf(entry.partition);
  }
  return bytes;
}

}  // namespace

Result<std::shared_ptr<const std::vector<ManifestFile>>> ManifestCache::List(
    const Snapshot& snapshot) {
  auto part = Find(snapshot.manifest_list);
  if (part == nullptr) {
    auto read = std::make_shared<Part>();
    ARROW_ASSIGN_OR_RAISE(read->list, LoadManifestList(*store_, snapshot));
    read->bytes = SizeOf(read->list);
    Keep(snapshot.manifest_list, read);
    part = std::move(read);
  }
  return std::shared_ptr<const std::vector<ManifestFile>>(part, &part->list);
}

Result<std::shared_ptr<const Manifest>> ManifestCache::Entries(const ManifestFile& file) {
  // Entries inherit the numbers from the list that names the manifest.
  const std::string key = fmt::format("{} {} {} {}", file.uri, file.added_snapshot_id,
                                      file.sequence_number, file.first_row_id.value_or(-1));
  auto part = Find(key);
  if (part == nullptr) {
    auto read = std::make_shared<Part>();
    ARROW_ASSIGN_OR_RAISE(read->manifest, LoadManifest(*store_, file));
    read->bytes = SizeOf(read->manifest);
    Keep(key, read);
    part = std::move(read);
  }
  return std::shared_ptr<const Manifest>(part, &part->manifest);
}

int64_t ManifestCache::bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

std::shared_ptr<const ManifestCache::Part> ManifestCache::Find(const std::string& key) {
  const std::lock_guard lock(mutex_);
  const auto found = kept_.find(key);
  if (found == kept_.end()) return nullptr;
  uses_.splice(uses_.begin(), uses_, found->second.use);
  return found->second.part;
}

void ManifestCache::Keep(const std::string& key, const std::shared_ptr<const Part>& part) {
  const std::lock_guard lock(mutex_);
  if (part->bytes > budget_ || kept_.contains(key)) return;
  uses_.push_front(key);
  kept_[key] = {part, uses_.begin()};
  bytes_ += part->bytes;
  while (bytes_ > budget_) {
    const auto oldest = kept_.find(uses_.back());
    bytes_ -= oldest->second.part->bytes;
    kept_.erase(oldest);
    uses_.pop_back();
  }
}

}  // namespace millpond::table
