// The catalog: pointers from the ledger, metadata files from the store, the latter cached because a
// location's bytes never change.
#include "table/catalog.h"

#include <arrow/util/compression.h>

#include <list>
#include <mutex>
#include <utility>

#include "base/text.h"
#include "table/history_rows.h"

namespace millpond::table {
namespace {

// Metadata documents kept in memory; a big table's is around a megabyte.
constexpr size_t kCachedMetadata = 128;

// Metadata files larger than this are damaged or not metadata.
constexpr int64_t kMetadataBytesMax = 256LL << 20;

bool IsView(const ledger::Row& row) {
  auto type = ledger::OptionalTextOf(row, "iceberg_type");
  return type.ok() && type->has_value() && **type == "VIEW";
}

Result<std::shared_ptr<const TableMetadata>> ReadMetadata(store::BlobStore& store,
                                                          const std::string& location) {
  ARROW_ASSIGN_OR_RAISE(std::string path, store.PathOf(location));
  ARROW_ASSIGN_OR_RAISE(std::string bytes, store::ReadBlob(store, path, kMetadataBytesMax));
  ARROW_ASSIGN_OR_RAISE(TableMetadata metadata, DecodeMetadataFile(bytes, location));
  return std::make_shared<const TableMetadata>(std::move(metadata));
}

}  // namespace

struct Catalog::State {
  std::shared_ptr<ledger::Ledger> ledger;
  std::shared_ptr<store::BlobStore> store;
  WriteSettings settings;

  struct Cached {
    std::shared_ptr<const TableMetadata> metadata;
    std::list<std::string>::iterator use;
  };
  std::mutex mutex;
  std::list<std::string> uses;  // Newest first.
  std::map<std::string, Cached> cache;

  std::shared_ptr<const TableMetadata> Find(const std::string& location) {
    std::lock_guard lock(mutex);
    auto found = cache.find(location);
    if (found == cache.end()) return nullptr;
    uses.splice(uses.begin(), uses, found->second.use);
    return found->second.metadata;
  }

  void Keep(const std::string& location, std::shared_ptr<const TableMetadata> metadata) {
    std::lock_guard lock(mutex);
    if (cache.contains(location)) return;
    uses.push_front(location);
    cache[location] = {std::move(metadata), uses.begin()};
    if (cache.size() > kCachedMetadata) {
      cache.erase(uses.back());
      uses.pop_back();
    }
  }

  Result<std::optional<std::string>> Pointer(const TableName& name) {
    ARROW_ASSIGN_OR_RAISE(auto rows,
                          ledger->Select({.table = "iceberg_tables", .where = CatalogKey(name)}));
    if (rows.empty()) return std::nullopt;
    if (IsView(rows[0])) {
      return base::Invalid("{} is a view of another engine; Millpond reads tables only",
                           name.ToString());
    }
    ARROW_ASSIGN_OR_RAISE(std::string location, ledger::TextOf(rows[0], "metadata_location"));
    return location;
  }
};

Catalog::Catalog() : state_(std::make_unique<State>()) {}
Catalog::~Catalog() = default;

Result<std::shared_ptr<Catalog>> Catalog::Open(std::shared_ptr<ledger::Ledger> ledger,
                                               std::shared_ptr<store::BlobStore> store,
                                               WriteSettings settings) {
  if (settings.target_file_size < 1 || settings.row_group_rows < 1 ||
      settings.metadata_versions_max < 1) {
    return base::Invalid(
        "write settings must be positive: target file size {}, row group rows {}, metadata "
        "versions {}",
        settings.target_file_size, settings.row_group_rows, settings.metadata_versions_max);
  }
  auto codec = arrow::util::Codec::GetCompressionType(settings.compression);
  if (!codec.ok() || !arrow::util::Codec::IsAvailable(*codec)) {
    return base::Invalid("no compression '{}'; use zstd, snappy, gzip, lz4, brotli or uncompressed",
                         settings.compression);
  }
  std::shared_ptr<Catalog> catalog(new Catalog);
  catalog->state_->ledger = std::move(ledger);
  catalog->state_->store = std::move(store);
  catalog->state_->settings = std::move(settings);
  return catalog;
}

Result<std::map<TableName, std::string>> Catalog::Pointers() {
  ARROW_ASSIGN_OR_RAISE(auto rows,
                        state_->ledger->Select({.table = "iceberg_tables",
                                                .where = {{"catalog_name", ledger::Compare::kEqual,
                                                           std::string(kCatalogName)}}}));
  std::map<TableName, std::string> pointers;
  for (const ledger::Row& row : rows) {
    if (IsView(row)) continue;
    ARROW_ASSIGN_OR_RAISE(TableName name, NameFromRow(row));
    ARROW_ASSIGN_OR_RAISE(pointers[name], ledger::TextOf(row, "metadata_location"));
  }
  return pointers;
}

Result<std::map<TableName, std::string>> Catalog::Kinds(const std::string& space) {
  ARROW_ASSIGN_OR_RAISE(
      auto rows,
      state_->ledger->Select(
          {.table = "iceberg_tables",
           .where = {{"catalog_name", ledger::Compare::kEqual, std::string(kCatalogName)},
                     {"table_namespace", ledger::Compare::kEqual, space}}}));
  std::map<TableName, std::string> kinds;
  for (const ledger::Row& row : rows) {
    ARROW_ASSIGN_OR_RAISE(std::string name, ledger::TextOf(row, "table_name"));
    kinds[{space, std::move(name)}] = IsView(row) ? "VIEW" : "TABLE";
  }
  return kinds;
}

Result<std::vector<TableName>> Catalog::List() {
  ARROW_ASSIGN_OR_RAISE(auto pointers, Pointers());
  std::vector<TableName> names;
  for (auto& [name, location] : pointers) names.push_back(name);
  return names;
}

Result<Table> Catalog::Load(const TableName& name) {
  ARROW_ASSIGN_OR_RAISE(auto pointer, state_->Pointer(name));
  if (!pointer) {
    ARROW_ASSIGN_OR_RAISE(auto names, List());
    std::vector<std::string> known;
    for (const TableName& other : names) known.push_back(other.ToString());
    return base::NotFound("no table {}.{}", name.ToString(),
                          base::DidYouMean(name.ToString(), known));
  }
  auto loaded = LoadAt(name, *pointer);
  if (loaded.ok() || base::KindOf(loaded.status()) != base::ErrorKind::kNotFound) return loaded;
  // Between our two reads a writer may have moved the pointer and trimmed the file it left.
  ARROW_ASSIGN_OR_RAISE(auto again, state_->Pointer(name));
  if (again && *again != *pointer) return LoadAt(name, *again);
  return base::Corrupt("{}: the catalog points to {}, which is missing; run millpond doctor",
                       name.ToString(), *pointer);
}

Result<Table> Catalog::LoadAt(const TableName& name, const std::string& metadata_location) {
  auto metadata = state_->Find(metadata_location);
  if (metadata == nullptr) {
    auto read = ReadMetadata(*state_->store, metadata_location);
    if (!read.ok()) return base::WithContext(name.ToString(), read.status());
    metadata = *read;
    state_->Keep(metadata_location, metadata);
  }
  return Table{name, metadata_location, std::move(metadata)};
}

void Catalog::Remember(const std::string& metadata_location,
                       std::shared_ptr<const TableMetadata> metadata) {
  state_->Keep(metadata_location, std::move(metadata));
}

ledger::Ledger& Catalog::ledger() const { return *state_->ledger; }
store::BlobStore& Catalog::store() const { return *state_->store; }
const WriteSettings& Catalog::settings() const { return state_->settings; }

}  // namespace millpond::table
