// What a commit does to a table whose next metadata other engines made: changes in the terms of
// Iceberg's REST protocol, and metadata files registered as they are. Part of TableDraft.
#include <algorithm>
#include <utility>
#include <vector>

#include "base/random_id.h"
#include "base/time.h"
#include "table/commit_plan.h"
#include "table/metadata_update.h"

namespace millpond::table {
namespace {

constexpr int64_t kMetadataBytesMax = 256LL << 20;

// What the history calls it: the new snapshot's own word, or that only metadata changed.
std::string OperationOf(const TableBasis& basis, const TableMetadata& next) {
  if (!basis.stored) return "create";
  const Snapshot* snapshot = next.current_snapshot();
  const bool is_new =
      snapshot != nullptr && basis.stored->metadata->SnapshotById(snapshot->id) == nullptr;
  if (!is_new) return "update";
  const auto operation = snapshot->summary.find("operation");
  return operation == snapshot->summary.end() ? "update" : operation->second;
}

// Files outside the store could be neither read, verified nor kept.
Status CheckInside(const store::BlobStore& store, const TableName& name,
                   const TableMetadata& metadata) {
  if (!store.PathOf(metadata.location).ok()) {
    return base::Invalid("{}: the location {} is outside of the pond's store ({})", name.ToString(),
                         metadata.location, store.UriOf(""));
  }
  for (const Snapshot& snapshot : metadata.snapshots) {
    if (store.PathOf(snapshot.manifest_list).ok()) continue;
    return base::Invalid("{}: the manifest list {} is outside of the pond's store ({})",
                         name.ToString(), snapshot.manifest_list, store.UriOf(""));
  }
  return Status::OK();
}

// URIs of one file are written in several forms; what lies outside of the store stays as it is.
std::string PlaceOf(const store::BlobStore& store, std::string uri) {
  while (uri.ends_with('/')) uri.pop_back();
  auto path = store.PathOf(uri);
  return path.ok() ? *path : uri;
}

// "…/t/metadata/x.metadata.json" -> "…/t/".
std::string TableFolderOf(const std::string& metadata_file) {
  const size_t file = metadata_file.rfind('/');
  if (file == 0 || file == std::string::npos) return "";
  const size_t folder = metadata_file.rfind('/', file - 1);
  return folder == std::string::npos ? "" : metadata_file.substr(0, folder + 1);
}

// Two tables over the same files would take them from each other: upkeep and other engines' drops
// go by folders. `same`: a name that the table has until this commit lands.
Status CheckOwnFolder(Catalog& catalog, const TableName& name, const TableName& same,
                      const std::string& location, const TableMetadata& metadata) {
  const store::BlobStore& store = catalog.store();
  const std::string own = PlaceOf(store, metadata.location) + "/";
  std::vector<std::string> files = {PlaceOf(store, location), own};
  for (const Snapshot& snapshot : metadata.snapshots) {
    files.push_back(PlaceOf(store, snapshot.manifest_list));
  }
  ARROW_ASSIGN_OR_RAISE(auto pointers, catalog.Pointers());
  for (const auto& [other, pointer] : pointers) {
    const std::string folder = TableFolderOf(PlaceOf(store, pointer));
    if (other == name || other == same || folder.empty()) continue;
    const auto within = [&](const std::string& file) { return file.starts_with(folder); };
    if (!folder.starts_with(own) && std::none_of(files.begin(), files.end(), within)) continue;
    return base::Invalid(
        "{}: its files are in the folder of table {} ({}), and two tables cannot share files; "
        "rename {}, or copy its rows",
        name.ToString(), other.ToString(), folder, other.ToString());
  }
  return Status::OK();
}

}  // namespace

TablePlan PlanTo(const TableName& name, const TableBasis& basis, const Table& next,
                 std::string operation) {
  TablePlan plan;
  plan.change.table = name;
  plan.change.operation = std::move(operation);
  if (basis.current) {
    plan.change.snapshot_before = basis.current->metadata->current_snapshot_id;
    plan.change.metadata_before = basis.current->metadata_location;
  }
  plan.change.snapshot_after = next.metadata->current_snapshot_id;
  plan.change.schema_id = next.metadata->current_schema_id;
  plan.change.metadata_after = next.metadata_location;
  if (basis.stored) plan.pointer_before = basis.stored->metadata_location;
  plan.pointer_after = next.metadata_location;
  return plan;
}

Status TableDraft::Update(base::Json requirements, base::Json updates) {
  if (request_ == Request::kUpdate) {
    return base::Invalid("{} is named twice in one change", name_.ToString());
  }
  ARROW_RETURN_NOT_OK(Ask(Request::kUpdate));
  requirements_ = std::move(requirements);
  updates_ = std::move(updates);
  return Status::OK();
}

Status TableDraft::Register(const std::string& metadata_location, const TableName& renamed) {
  ARROW_RETURN_NOT_OK(Ask(Request::kRegister));
  registers_ = metadata_location;
  renamed_ = renamed;
  return Status::OK();
}

Status TableDraft::CheckRenamed(const TableBasis& basis) const {
  if (!basis.branches.empty()) {
    return base::Invalid(
        "branch {} holds {} too; merge or delete the branch before the table is renamed",
        *basis.branches.begin(), name_.ToString());
  }
  if (basis.stored && basis.stored->metadata_location == drop_expects_) return Status::OK();
  return base::Conflict("table {} changed meanwhile; run the command again", name_.ToString());
}

// Clients see the table as the catalog points to it, with the refs of all branches, so that is what
// their change is to; the history is that of main.
Result<std::optional<TablePlan>> TableDraft::PlanUpdate(const TableBasis& basis, BlobBatch* blobs) {
  if (IsPlannedOn(basis)) return planned_;
  DiscardAttempt();
  const Table* base = basis.stored ? &*basis.stored : nullptr;
  const auto whole = base != nullptr ? std::optional(base->metadata->Document()) : std::nullopt;
  const base::Json* document = whole ? &*whole : nullptr;
  ARROW_RETURN_NOT_OK(CheckRequirements(document, requirements_, name_.ToString()));
  if (document == nullptr && requirements_.empty()) {
    return base::NotFound("no table {}", name_.ToString());
  }
  ARROW_ASSIGN_OR_RAISE(base::Json next,
                        ApplyUpdates(document != nullptr ? *document : base::Json::object(),
                                     updates_, base::NowMs(), name_.ToString()));
  if (!next.contains("table-uuid")) next["table-uuid"] = base::NewUuid();
  auto parsed = ParseMetadata(next.dump(), name_.ToString());
  if (!parsed.ok()) return base::WithKind(base::ErrorKind::kInvalid, parsed.status());
  ARROW_RETURN_NOT_OK(CheckInside(catalog_->store(), name_, *parsed));
  if (base == nullptr || base->metadata->location != parsed->location) {
    ARROW_RETURN_NOT_OK(CheckOwnFolder(*catalog_, name_, name_, "", *parsed));
  }
  ARROW_ASSIGN_OR_RAISE(WrittenMetadata written,
                        WriteMetadata(base, name_, std::move(*parsed), blobs));
  TablePlan plan = PlanTo(name_, basis, written.table, OperationOf(basis, *written.table.metadata));
  plan.written = std::move(written);
  return Keep(basis, std::move(plan));
}

Result<std::optional<TablePlan>> TableDraft::PlanRegister(const TableBasis& basis) {
  if (basis.stored) return base::AlreadyExists("table {} exists already", name_.ToString());
  auto& store = catalog_->store();
  auto path = store.PathOf(registers_);
  if (!path.ok()) return base::WithKind(base::ErrorKind::kInvalid, path.status());
  ARROW_ASSIGN_OR_RAISE(const std::string bytes, store::ReadBlob(store, *path, kMetadataBytesMax));
  ARROW_ASSIGN_OR_RAISE(TableMetadata metadata, DecodeMetadataFile(bytes, registers_));
  ARROW_RETURN_NOT_OK(CheckInside(store, name_, metadata));
  ARROW_RETURN_NOT_OK(CheckOwnFolder(*catalog_, name_, renamed_, registers_, metadata));
  const Table table{name_, registers_, std::make_shared<const TableMetadata>(std::move(metadata))};
  return Keep(basis, PlanTo(name_, basis, table, "create"));
}

}  // namespace millpond::table
