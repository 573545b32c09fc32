// See the header.
#include "table/pins.h"

#include <algorithm>
#include <utility>

#include "table/history_rows.h"
#include "table/ref_landing.h"

namespace millpond::table {
namespace {

using base::Json;
using ledger::Compare;

constexpr int64_t kDropsTried = 8;

bool Serves(const TableMetadata& metadata, const TablePin& pin) {
  if (!pin.uuid.empty() && metadata.uuid != pin.uuid) return false;
  return !pin.snapshot_id || metadata.SnapshotById(*pin.snapshot_id) != nullptr;
}

TableVersion VersionOf(Table table, const TablePin& pin) {
  TableVersion version;
  version.snapshot_id = pin.snapshot_id;
  const TableMetadata& metadata = *table.metadata;
  const Schema& schema = pin.snapshot_id
                             ? metadata.SchemaOf(*metadata.SnapshotById(*pin.snapshot_id))
                             : metadata.schema();
  version.schema = schema.arrow;
  version.schema_id = schema.id;
  version.table = std::move(table);
  return version;
}

std::string FolderOf(const std::string& location) {
  return location.substr(0, location.rfind('/') + 1);
}

// Metadata of the table as far as the pin and the history know, the pin's own first: of a version
// that was frozen before pins had a place, what drops and renames of the name left.
Result<std::vector<std::string>> PlacesOf(Catalog& catalog, const TableName& name,
                                          const TablePin& pin) {
  if (!pin.metadata_location.empty()) return std::vector<std::string>{pin.metadata_location};
  ARROW_ASSIGN_OR_RAISE(auto drops,
                        catalog.ledger().Select(
                            {.table = "pond_commit_table",
                             .where = {{"table_namespace", Compare::kEqual, name.space},
                                       {"table_name", Compare::kEqual, name.name},
                                       {"operation", Compare::kEqual, std::string(kDropOperation)}},
                             .order_by = {{"sequence", true}},
                             .limit = kDropsTried}));
  std::vector<std::string> places;
  for (const ledger::Row& row : drops) {
    ARROW_ASSIGN_OR_RAISE(auto location, ledger::OptionalTextOf(row, "metadata_before"));
    if (location && !location->empty()) places.push_back(*std::move(location));
  }
  return places;
}

// nullopt where the file is gone, cannot be read, or is another table's.
std::optional<Table> LoadIfServes(Catalog& catalog, const TableName& name,
                                  const std::string& location, const TablePin& pin) {
  auto table = catalog.LoadAt(name, location);
  if (!table.ok() || !Serves(*table->metadata, pin)) return std::nullopt;
  return *std::move(table);
}

// A renamed table keeps its folder.
Result<std::optional<Table>> UnderOtherName(Catalog& catalog,
                                            const std::vector<std::string>& places,
                                            const TablePin& pin) {
  ARROW_ASSIGN_OR_RAISE(auto pointers, catalog.Pointers());
  for (const std::string& place : places) {
    for (const auto& [name, location] : pointers) {
      if (FolderOf(location) != FolderOf(place)) continue;
      if (auto table = LoadIfServes(catalog, name, location, pin)) return table;
    }
  }
  return std::nullopt;
}

// What a dropped table left in its folder, newest first.
Result<std::optional<Table>> InFolder(Catalog& catalog, const TableName& name,
                                      const std::string& place, const TablePin& pin) {
  if (auto table = LoadIfServes(catalog, name, place, pin)) return table;
  store::BlobStore& store = catalog.store();
  auto folder = store.PathOf(FolderOf(place));
  if (!folder.ok()) return std::nullopt;
  std::vector<std::string> locations;
  ARROW_RETURN_NOT_OK(store.List(*folder, [&](const store::BlobInfo& blob) {
    if (blob.path.find(".metadata.json") != std::string::npos) {
      locations.push_back(store.UriOf(blob.path));
    }
    return Status::OK();
  }));
  std::sort(locations.rbegin(), locations.rend());
  for (const std::string& location : locations) {
    if (auto table = LoadIfServes(catalog, name, location, pin)) return table;
  }
  return std::nullopt;
}

Status AddTags(Catalog& catalog, const std::string& tag, const std::map<TableName, TablePin>& pins,
               RefAttempt* attempt) {
  for (const auto& [name, pin] : pins) {
    if (!pin.snapshot_id) continue;
    auto table = catalog.Load(name);
    // Dropped or replaced meanwhile: its files stay for the pin's sake, there is nothing to tag.
    if (base::KindOf(table.status()) == base::ErrorKind::kNotFound) continue;
    ARROW_RETURN_NOT_OK(table.status());
    const TableMetadata& metadata = *table->metadata;
    // Format v1 cannot be written without upgrading it, which is its owner's to decide.
    if (!Serves(metadata, pin) || metadata.format_version < 2) continue;
    auto found = metadata.refs.find(tag);
    const bool there = found != metadata.refs.end() && found->second.is_tag &&
                       found->second.snapshot_id == *pin.snapshot_id;
    if (there) continue;
    TableMetadata next = metadata;
    next.refs[tag] = {*pin.snapshot_id, true};
    ARROW_RETURN_NOT_OK(attempt->Swap(*table, std::move(next)));
  }
  return Status::OK();
}

}  // namespace

Json PinsToJson(const std::map<TableName, TablePin>& pins) {
  Json json = Json::array();
  for (const auto& [name, pin] : pins) {
    json.push_back({{"table", name.ToString()},
                    {"uuid", pin.uuid},
                    {"snapshot", pin.snapshot_id ? Json(*pin.snapshot_id) : Json()},
                    {"metadata", pin.metadata_location}});
  }
  return json;
}

Result<std::map<TableName, TablePin>> PinsFromJson(const Json& json, std::string_view origin) {
  std::map<TableName, TablePin> pins;
  for (const Json& item : json) {
    ARROW_ASSIGN_OR_RAISE(std::string text, base::GetString(item, "table", origin));
    ARROW_ASSIGN_OR_RAISE(TableName name, TableName::Parse(text));
    TablePin& pin = pins[name];
    ARROW_ASSIGN_OR_RAISE(pin.uuid, base::GetString(item, "uuid", origin));
    ARROW_ASSIGN_OR_RAISE(pin.snapshot_id, base::FindInt(item, "snapshot", origin));
    ARROW_ASSIGN_OR_RAISE(auto metadata, base::FindString(item, "metadata", origin));
    pin.metadata_location = metadata.value_or("");
  }
  return pins;
}

Result<TableVersion> PinnedVersion(Catalog& catalog, const TableName& name, const TablePin& pin) {
  auto named = catalog.Load(name);
  if (named.ok() && Serves(*named->metadata, pin)) return VersionOf(*std::move(named), pin);
  ARROW_ASSIGN_OR_RAISE(auto places, PlacesOf(catalog, name, pin));
  ARROW_ASSIGN_OR_RAISE(auto renamed, UnderOtherName(catalog, places, pin));
  if (renamed) return VersionOf(*std::move(renamed), pin);
  for (const std::string& place : places) {
    ARROW_ASSIGN_OR_RAISE(auto left, InFolder(catalog, name, place, pin));
    if (left) return VersionOf(*std::move(left), pin);
  }
  return base::NotFound(
      "snapshot {} of {} (table {}) is gone: another engine expired it or removed the table's "
      "files; restore truth/ from a backup",
      pin.snapshot_id.value_or(0), name.ToString(), pin.uuid);
}

Result<std::vector<FrozenPin>> FrozenPins(Catalog& catalog) {
  ARROW_ASSIGN_OR_RAISE(auto rows, catalog.ledger().Select({.table = "dataset_version"}));
  std::vector<FrozenPin> frozen;
  for (const ledger::Row& row : rows) {
    ARROW_ASSIGN_OR_RAISE(std::string dataset, ledger::TextOf(row, "name"));
    ARROW_ASSIGN_OR_RAISE(std::string version, ledger::TextOf(row, "version"));
    ARROW_ASSIGN_OR_RAISE(std::string text, ledger::TextOf(row, "inputs"));
    dataset += "@" + version;
    ARROW_ASSIGN_OR_RAISE(Json json, base::ParseJson(text, dataset));
    ARROW_ASSIGN_OR_RAISE(auto pins, PinsFromJson(json, dataset));
    for (auto& [name, pin] : pins) frozen.push_back({dataset, name, std::move(pin)});
  }
  return frozen;
}

Status LandPins(Catalog& catalog, const std::string& tag, const std::map<TableName, TablePin>& pins,
                const std::function<Result<ledger::Transaction>()>& changes) {
  return LandRefs(catalog, [&](RefAttempt* attempt) -> Status {
    ARROW_ASSIGN_OR_RAISE(attempt->transaction, changes());
    return AddTags(catalog, tag, pins, attempt);
  });
}

}  // namespace millpond::table
