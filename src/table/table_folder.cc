// Metadata files of one table; see the header.
#include "table/table_folder.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <limits>
#include <utility>

#include "base/log.h"
#include "base/random_id.h"
#include "base/text.h"
#include "base/time.h"
#include "table/metadata_document.h"

namespace millpond::table {
namespace {

constexpr const char* kVersionsMax = "write.metadata.previous-versions-max";
constexpr const char* kDeleteAfterCommit = "write.metadata.delete-after-commit.enabled";
constexpr const char* kMetadataCompression = "write.metadata.compression-codec";
constexpr int64_t kVersionsMaxDefault = 100;  // Iceberg's own.

// Other readers take URIs apart in different ways, so folders hold only what all of them leave
// alone.
std::string FolderName(std::string_view name) {
  std::string folder;
  for (unsigned char c : name) {
    const bool plain = c < 0x80 && (std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.');
    folder += plain ? static_cast<char>(c) : '_';
  }
  constexpr size_t kLongest = 100;
  folder.resize(std::min(folder.size(), kLongest));
  // A leading '_' or '.' is how the pond marks folders that hold no tables.
  return folder.starts_with('_') || folder.starts_with('.') ? "t" + folder : folder;
}

// "…/metadata/00012-<uuid>.metadata.json" -> 12; -1 where the name holds no number.
int64_t VersionOf(const std::string& location) {
  const size_t start = location.rfind('/') + 1;
  int64_t version = -1;
  auto [end, error] =
      std::from_chars(location.data() + start, location.data() + location.size(), version);
  if (error != std::errc() || end == location.data() + location.size() || *end != '-') return -1;
  return version;
}

// How the table wants its metadata files, whoever set it; Iceberg's own default is none.
std::string_view MetadataSuffix(const TableMetadata& metadata) {
  auto codec = metadata.properties.find(kMetadataCompression);
  const bool gzip = codec != metadata.properties.end() && base::ToLower(codec->second) == "gzip";
  return gzip ? ".gz.metadata.json" : ".metadata.json";
}

// Names the predecessor in the log and takes the oldest out; returns those that may go.
std::vector<std::string> ExtendLog(const Table& base, TableMetadata* next) {
  const int64_t keep = std::clamp<int64_t>(IntProperty(*next, kVersionsMax, kVersionsMaxDefault), 1,
                                           std::numeric_limits<int>::max());
  std::vector<std::string> dropped = AppendMetadataLog(
      next, base.metadata_location, base.metadata->last_updated_ms, static_cast<int>(keep));
  auto remove = next->properties.find(kDeleteAfterCommit);
  if (remove == next->properties.end() || remove->second != "true") dropped.clear();
  return dropped;
}

}  // namespace

std::string NewTableLocation(const store::BlobStore& store, const TableName& name,
                             const std::string& table_uuid) {
  constexpr size_t kDigits = 8;  // The end of a version 7 UUID is random, its start is the time.
  return store.UriOf(FolderName(name.space) + "/" + FolderName(name.name) + "-" +
                     table_uuid.substr(table_uuid.size() - kDigits));
}

std::map<std::string, std::string> NewTableProperties(
    const WriteSettings& settings, const std::map<std::string, std::string>& given) {
  std::map<std::string, std::string> properties = given;
  properties.insert({"write.parquet.compression-codec", settings.compression});
  properties.insert({kMetadataCompression, "gzip"});
  properties.insert({kDeleteAfterCommit, "true"});
  properties.insert({kVersionsMax, std::to_string(settings.metadata_versions_max)});
  return properties;
}

Result<WrittenMetadata> WriteMetadata(const Table* base, const TableName& name, TableMetadata next,
                                      BlobBatch* blobs) {
  WrittenMetadata written;
  int64_t version = 0;
  if (base != nullptr) {
    version = VersionOf(base->metadata_location) + 1;
    written.expired = ExtendLog(*base, &next);
    next.last_updated_ms = std::max(base::NowMs(), base->metadata->last_updated_ms);
  }
  const std::string location = fmt::format("{}/metadata/{:05}-{}{}", next.location, version,
                                           base::NewUuid(), MetadataSuffix(next));
  // What readers will find is what we go on with, and a document that fails here never becomes
  // visible.
  auto made = MakeMetadataFile(std::move(next), location);
  if (base::KindOf(made.status()) == base::ErrorKind::kCorrupt) {
    return base::Internal("the metadata made for {} cannot be read back: {}", name.ToString(),
                          made.status().message());
  }
  ARROW_ASSIGN_OR_RAISE(MetadataFile file, std::move(made));
  blobs->Add(location, std::move(file.bytes));
  written.table = {name, location, std::make_shared<const TableMetadata>(std::move(file.metadata))};
  return written;
}

void DeleteQuietly(store::BlobStore& store, const std::vector<std::string>& uris) {
  for (const std::string& uri : uris) {
    auto path = store.PathOf(uri);
    Status status = path.ok() ? store.Delete(*path) : path.status();
    if (!status.ok()) {
      base::Log(base::LogLevel::kDebug, "blob left to upkeep",
                {{"uri", uri}, {"error", status.message()}});
    }
  }
}

int64_t IntProperty(const TableMetadata& metadata, const std::string& key, int64_t fallback) {
  auto found = metadata.properties.find(key);
  if (found == metadata.properties.end()) return fallback;
  int64_t value = 0;
  const std::string& text = found->second;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? value : fallback;
}

}  // namespace millpond::table
