// Applies the REST protocol's updates to a document; see the header. Ids that the protocol leaves
// to the catalog (-1: the one added last in this request) are settled here.
#include "table/metadata_update.h"

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>

namespace millpond::table {
namespace {

using base::Json;

constexpr int kLastAdded = -1;
constexpr int kFirstPartitionId = 1000;

/// The document being changed and what later updates of the same request may refer to.
struct Change {
  Json document;
  int64_t now_ms = 0;
  std::string_view name;
  std::optional<int64_t> added_schema, added_spec, added_order, added_version;
  std::set<int64_t> added_snapshots;
  std::set<int64_t> made_current;  // By this request, in the snapshot log.

  bool is_view() const { return document.contains("view-uuid"); }
  Json& List(const char* key) {
    Json& list = document[key];
    if (!list.is_array()) list = Json::array();
    return list;
  }
};

int64_t HighestId(const Json& list, const char* key, int64_t none) {
  int64_t highest = none;
  for (const Json& item : list) highest = std::max(highest, item.value(key, none));
  return highest;
}

Json* FindById(Json& list, const char* key, int64_t id) {
  for (Json& item : list) {
    if (item.value(key, Json()) == Json(id)) return &item;
  }
  return nullptr;
}

Result<Json> Part(const Json& update, const char* key) {
  const auto found = update.find(key);
  if (found == update.end() || !found->is_object()) {
    return base::Invalid("the update has no object \"{}\"", key);
  }
  return *found;
}

Result<int64_t> Number(const Json& update, const char* key) {
  return base::GetInt(update, key, "update");
}

// Numbers `item` as an equal one of the list is, else as the next, and adds it.
int64_t AddNumbered(Json& list, Json item, const char* key, int64_t first) {
  item.erase(key);
  for (const Json& existing : list) {
    Json content = existing;
    content.erase(key);
    if (content == item) return existing.value(key, first);
  }
  const int64_t id = HighestId(list, key, first - 1) + 1;
  item[key] = id;
  list.push_back(std::move(item));
  return id;
}

int64_t HighestFieldIdIn(const Json& type) {
  int64_t highest = 0;
  if (!type.is_object()) return highest;
  for (const char* key : {"element-id", "key-id", "value-id"}) {
    highest = std::max(highest, type.value(key, int64_t{0}));
  }
  for (const char* key : {"element", "key", "value"}) {
    if (type.contains(key)) highest = std::max(highest, HighestFieldIdIn(type.at(key)));
  }
  for (const Json& field : type.value("fields", Json::array())) {
    highest = std::max(
        {highest, field.value("id", int64_t{0}), HighestFieldIdIn(field.value("type", Json()))});
  }
  return highest;
}

Status AddSchema(Change& change, const Json& update) {
  ARROW_ASSIGN_OR_RAISE(Json schema, Part(update, "schema"));
  if (!schema.contains("type")) schema["type"] = "struct";
  if (schema.value("identifier-field-ids", Json()) == Json::array()) {
    schema.erase("identifier-field-ids");
  }
  if (!change.is_view()) {
    const int64_t highest =
        std::max({HighestFieldIdIn(schema), change.document.value("last-column-id", int64_t{0}),
                  update.value("last-column-id", int64_t{0})});
    change.document["last-column-id"] = highest;
  }
  change.added_schema = AddNumbered(change.List("schemas"), std::move(schema), "schema-id", 0);
  return Status::OK();
}

// The id that a set-… update names, -1 standing for the one added last.
Result<int64_t> Named(const Json& update, const char* key, const std::optional<int64_t>& last) {
  ARROW_ASSIGN_OR_RAISE(const int64_t id, Number(update, key));
  if (id != kLastAdded) return id;
  if (!last) return base::Invalid("\"{}\" is -1, but nothing was added in this request", key);
  return *last;
}

Status SetCurrent(Change& change, const Json& update, const char* asked, const char* list,
                  const char* id_key, const char* current, const std::optional<int64_t>& last) {
  ARROW_ASSIGN_OR_RAISE(const int64_t id, Named(update, asked, last));
  if (FindById(change.List(list), id_key, id) == nullptr) {
    return base::Invalid("there is no {} {} to make current", id_key, id);
  }
  change.document[current] = id;
  return Status::OK();
}

bool HasFieldId(const Json& type, int64_t id) {
  if (!type.is_object()) return false;
  for (const char* key : {"element", "key", "value"}) {
    if (type.value(std::string(key) + "-id", int64_t{-1}) == id) return true;
    if (type.contains(key) && HasFieldId(type.at(key), id)) return true;
  }
  const Json fields = type.value("fields", Json::array());
  return std::any_of(fields.begin(), fields.end(), [id](const Json& field) {
    return field.value("id", int64_t{-1}) == id || HasFieldId(field.value("type", Json()), id);
  });
}

// Partition and sort fields must refer to columns of the current (or just added) schema.
Status CheckSources(Change& change, const Json& fields, const char* what) {
  const int64_t schema_id =
      change.added_schema.value_or(change.document.value("current-schema-id", int64_t{0}));
  const Json* schema = FindById(change.List("schemas"), "schema-id", schema_id);
  for (const Json& field : fields) {
    const int64_t source = field.value("source-id", int64_t{-1});
    if (schema == nullptr || !HasFieldId(*schema, source)) {
      return base::Invalid("Cannot find source column for {} field: id {}", what, source);
    }
  }
  return Status::OK();
}

Status AddSpec(Change& change, const Json& update) {
  ARROW_ASSIGN_OR_RAISE(Json spec, Part(update, "spec"));
  Json fields = spec.value("fields", Json::array());
  if (!fields.is_array()) return base::Invalid("the partition spec's \"fields\" is not a list");
  ARROW_RETURN_NOT_OK(CheckSources(change, fields, "partition"));
  int64_t last = change.document.value("last-partition-id", int64_t{kFirstPartitionId - 1});
  for (Json& field : fields) {
    const Json id = field.value("field-id", Json());
    if (!id.is_number_integer()) field["field-id"] = last + 1;
    last = std::max(last, field["field-id"].get<int64_t>());
  }
  spec["fields"] = std::move(fields);
  change.document["last-partition-id"] = last;
  change.added_spec = AddNumbered(change.List("partition-specs"), std::move(spec), "spec-id", 0);
  return Status::OK();
}

Status AddSortOrder(Change& change, const Json& update) {
  ARROW_ASSIGN_OR_RAISE(Json order, Part(update, "sort-order"));
  const Json fields = order.value("fields", Json::array());
  ARROW_RETURN_NOT_OK(CheckSources(change, fields, "sort"));
  Json& orders = change.List("sort-orders");
  if (fields.empty()) {  // Order 0 is the unsorted one by definition.
    if (FindById(orders, "order-id", 0) == nullptr) {
      orders.push_back({{"order-id", 0}, {"fields", Json::array()}});
    }
    change.added_order = 0;
    return Status::OK();
  }
  change.added_order = AddNumbered(orders, std::move(order), "order-id", 1);
  return Status::OK();
}

Status AddSnapshot(Change& change, const Json& update) {
  ARROW_ASSIGN_OR_RAISE(Json snapshot, Part(update, "snapshot"));
  ARROW_ASSIGN_OR_RAISE(const int64_t id, base::GetInt(snapshot, "snapshot-id", "snapshot"));
  Json& snapshots = change.List("snapshots");
  if (FindById(snapshots, "snapshot-id", id) != nullptr) {
    return base::Invalid("Snapshot already exists for id: {}", id);
  }
  const int64_t version = change.document.value("format-version", int64_t{2});
  const int64_t last = change.document.value("last-sequence-number", int64_t{0});
  const int64_t sequence = snapshot.value("sequence-number", int64_t{0});
  if (version > 1 && sequence <= last && !snapshot.value("parent-snapshot-id", Json()).is_null()) {
    return base::Invalid(
        "Cannot add snapshot with sequence number {} older than last sequence number {}", sequence,
        last);
  }
  if (version > 2) {
    const int64_t next = change.document.value("next-row-id", int64_t{0});
    ARROW_ASSIGN_OR_RAISE(const int64_t first, base::GetInt(snapshot, "first-row-id", "snapshot"));
    ARROW_ASSIGN_OR_RAISE(const int64_t added, base::GetInt(snapshot, "added-rows", "snapshot"));
    if (first < next || added < 0) {
      return base::Invalid(
          "Cannot add a snapshot, first-row-id is behind table next-row-id: {} < {}", first, next);
    }
    change.document["next-row-id"] = first + added;
  }
  change.document["last-sequence-number"] = std::max(last, sequence);
  change.added_snapshots.insert(id);
  snapshots.push_back(std::move(snapshot));
  return Status::OK();
}

Status SetRef(Change& change, const Json& update) {
  ARROW_ASSIGN_OR_RAISE(const std::string ref, base::GetString(update, "ref-name", "update"));
  ARROW_ASSIGN_OR_RAISE(const int64_t id, Number(update, "snapshot-id"));
  const Json* snapshot = FindById(change.List("snapshots"), "snapshot-id", id);
  if (snapshot == nullptr) return base::Invalid("Cannot set {} to unknown snapshot: {}", ref, id);
  Json value = update;
  value.erase("action");
  value.erase("ref-name");
  Json& refs = change.document["refs"];
  if (!refs.is_object()) refs = Json::object();
  refs[ref] = std::move(value);
  if (ref != "main" || change.document.value("current-snapshot-id", Json()) == Json(id)) {
    return Status::OK();
  }
  change.document["current-snapshot-id"] = id;
  const int64_t at = change.added_snapshots.contains(id)
                         ? snapshot->value("timestamp-ms", change.now_ms)
                         : change.now_ms;
  change.List("snapshot-log").push_back({{"snapshot-id", id}, {"timestamp-ms", at}});
  change.made_current.insert(id);
  return Status::OK();
}

Status RemoveRef(Change& change, const Json& update) {
  ARROW_ASSIGN_OR_RAISE(const std::string ref, base::GetString(update, "ref-name", "update"));
  if (change.document.contains("refs")) change.document["refs"].erase(ref);
  // The log of what was current stays: a replaced table keeps its history.
  if (ref == "main") change.document.erase("current-snapshot-id");
  return Status::OK();
}

Result<std::set<int64_t>> Numbers(const Json& update, const char* key) {
  ARROW_ASSIGN_OR_RAISE(const Json* list, base::GetArray(update, key, "update"));
  std::set<int64_t> ids;
  for (const Json& id : *list) {
    if (!id.is_number_integer()) return base::Invalid("\"{}\" holds what is no number", key);
    ids.insert(id.get<int64_t>());
  }
  return ids;
}

void EraseWhere(Json& list, const std::function<bool(const Json&)>& goes) {
  Json kept = Json::array();
  for (Json& item : list) {
    if (!goes(item)) kept.push_back(std::move(item));
  }
  list = std::move(kept);
}

void EraseByIds(Json& list, const char* key, const std::set<int64_t>& ids) {
  EraseWhere(list, [&](const Json& item) { return ids.contains(item.value(key, int64_t{-1})); });
}

Status RemoveSnapshots(Change& change, const Json& update) {
  ARROW_ASSIGN_OR_RAISE(const auto ids, Numbers(update, "snapshot-ids"));
  EraseByIds(change.List("snapshots"), "snapshot-id", ids);
  for (const char* list : {"statistics", "partition-statistics"}) {
    if (change.document.contains(list)) EraseByIds(change.List(list), "snapshot-id", ids);
  }
  Json refs = change.document.value("refs", Json::object());
  for (auto ref = refs.begin(); ref != refs.end();) {
    const bool gone = ids.contains(ref->value("snapshot-id", int64_t{-1}));
    if (gone && ref.key() == "main") change.document.erase("current-snapshot-id");
    ref = gone ? refs.erase(ref) : std::next(ref);
  }
  change.document["refs"] = std::move(refs);
  // What came before an expired snapshot leaves the log with it, or the log would say that it had
  // lasted until the next.
  Json kept = Json::array();
  for (Json& entry : change.List("snapshot-log")) {
    if (ids.contains(entry.value("snapshot-id", int64_t{-1}))) {
      kept.clear();
    } else {
      kept.push_back(std::move(entry));
    }
  }
  change.document["snapshot-log"] = std::move(kept);
  return Status::OK();
}

Status RemoveByIds(Change& change, const Json& update, const char* asked, const char* list,
                   const char* key, const char* current) {
  ARROW_ASSIGN_OR_RAISE(const auto ids, Numbers(update, asked));
  const int64_t in_use = change.document.value(current, int64_t{0});
  if (ids.contains(in_use)) return base::Invalid("{} {} is in use and stays", key, in_use);
  EraseByIds(change.List(list), key, ids);
  return Status::OK();
}

Status SetStatistics(Change& change, const Json& update, const char* part, const char* list) {
  ARROW_ASSIGN_OR_RAISE(Json value, Part(update, part));
  ARROW_ASSIGN_OR_RAISE(const int64_t id, base::GetInt(value, "snapshot-id", part));
  EraseByIds(change.List(list), "snapshot-id", {id});
  change.List(list).push_back(std::move(value));
  return Status::OK();
}

Status RemoveStatistics(Change& change, const Json& update, const char* list) {
  ARROW_ASSIGN_OR_RAISE(const int64_t id, Number(update, "snapshot-id"));
  if (change.document.contains(list)) EraseByIds(change.List(list), "snapshot-id", {id});
  return Status::OK();
}

Status AssignUuid(Change& change, const Json& update) {
  ARROW_ASSIGN_OR_RAISE(const std::string uuid, base::GetString(update, "uuid", "update"));
  const char* key = change.is_view() ? "view-uuid" : "table-uuid";
  const std::string now = change.document.value(key, uuid);
  if (now != uuid) return base::Invalid("Cannot reassign uuid of {}", change.name);
  change.document[key] = uuid;
  return Status::OK();
}

Status UpgradeFormat(Change& change, const Json& update) {
  ARROW_ASSIGN_OR_RAISE(const int64_t wanted, Number(update, "format-version"));
  const int64_t now = change.document.value("format-version", int64_t{0});
  const int64_t highest = change.is_view() ? 1 : 3;
  if (wanted < 1 || wanted > highest) {
    return base::Invalid("Cannot upgrade {} to unsupported format version: v{} (supported: v{})",
                         change.name, wanted, highest);
  }
  if (wanted < now) {
    return base::Invalid("Cannot downgrade v{} table to v{}", now, wanted);
  }
  change.document["format-version"] = wanted;
  if (wanted >= 3 && !change.document.contains("next-row-id")) change.document["next-row-id"] = 0;
  return Status::OK();
}

Status SetProperties(Change& change, const Json& update) {
  const Json updates = update.value("updates", update.value("updated", Json::object()));
  Json& properties = change.document["properties"];
  if (!properties.is_object()) properties = Json::object();
  for (const auto& [key, value] : updates.items()) {
    if (!value.is_string()) return base::Invalid("property '{}' is not text", key);
    properties[key] = value;
  }
  return Status::OK();
}

Status RemoveProperties(Change& change, const Json& update) {
  const Json removals = update.value("removals", update.value("removed", Json::array()));
  for (const Json& key : removals) {
    if (key.is_string() && change.document.contains("properties")) {
      change.document["properties"].erase(key.get<std::string>());
    }
  }
  return Status::OK();
}

Status AddViewVersion(Change& change, const Json& update) {
  ARROW_ASSIGN_OR_RAISE(Json version, Part(update, "view-version"));
  if (version.value("schema-id", int64_t{kLastAdded}) == kLastAdded) {
    if (!change.added_schema) return base::Invalid("the view version names no schema");
    version["schema-id"] = *change.added_schema;
  }
  std::set<std::string> dialects;
  for (const Json& representation : version.value("representations", Json::array())) {
    const std::string dialect = representation.value("dialect", std::string());
    if (!dialects.insert(dialect).second) {
      return base::Invalid("Invalid view version: Cannot add multiple queries for dialect {}",
                           dialect);
    }
  }
  Json& versions = change.List("versions");
  // The same definition again is the same version, whenever it was made.
  const auto content = [](Json value) {
    for (const char* key : {"version-id", "timestamp-ms"}) value.erase(key);
    return value;
  };
  for (const Json& existing : versions) {
    if (content(existing) == content(version)) {
      change.added_version = existing.value("version-id", int64_t{1});
      return Status::OK();
    }
  }
  const int64_t asked = version.value("version-id", int64_t{1});
  const bool taken = FindById(versions, "version-id", asked) != nullptr;
  const int64_t id = taken ? HighestId(versions, "version-id", 0) + 1 : asked;
  version["version-id"] = id;
  change.added_version = id;
  versions.push_back(std::move(version));
  return Status::OK();
}

Status SetViewVersion(Change& change, const Json& update) {
  ARROW_ASSIGN_OR_RAISE(const int64_t id, Named(update, "view-version-id", change.added_version));
  if (FindById(change.List("versions"), "version-id", id) == nullptr) {
    return base::Invalid("there is no view version {}", id);
  }
  if (change.document.value("current-version-id", int64_t{-1}) == id) return Status::OK();
  change.document["current-version-id"] = id;
  change.List("version-log").push_back({{"version-id", id}, {"timestamp-ms", change.now_ms}});
  return Status::OK();
}

Status SetLocation(Change& change, const Json& update) {
  ARROW_ASSIGN_OR_RAISE(const std::string location, base::GetString(update, "location", "update"));
  change.document["location"] = location;
  return Status::OK();
}

using Apply = std::function<Status(Change&, const Json&)>;

const std::map<std::string, Apply>& Actions() {
  static const std::map<std::string, Apply> actions = {
      {"assign-uuid", AssignUuid},
      {"upgrade-format-version", UpgradeFormat},
      {"add-schema", AddSchema},
      {"set-current-schema",
       [](Change& change, const Json& update) {
         return SetCurrent(change, update, "schema-id", "schemas", "schema-id", "current-schema-id",
                           change.added_schema);
       }},
      {"add-spec", AddSpec},
      {"set-default-spec",
       [](Change& change, const Json& update) {
         return SetCurrent(change, update, "spec-id", "partition-specs", "spec-id",
                           "default-spec-id", change.added_spec);
       }},
      {"add-sort-order", AddSortOrder},
      {"set-default-sort-order",
       [](Change& change, const Json& update) {
         return SetCurrent(change, update, "sort-order-id", "sort-orders", "order-id",
                           "default-sort-order-id", change.added_order);
       }},
      {"add-snapshot", AddSnapshot},
      {"set-snapshot-ref", SetRef},
      {"remove-snapshot-ref", RemoveRef},
      {"remove-snapshots", RemoveSnapshots},
      {"set-location", SetLocation},
      {"set-properties", SetProperties},
      {"remove-properties", RemoveProperties},
      {"set-statistics",
       [](Change& change, const Json& update) {
         return SetStatistics(change, update, "statistics", "statistics");
       }},
      {"remove-statistics",
       [](Change& change, const Json& update) {
         return RemoveStatistics(change, update, "statistics");
       }},
      {"set-partition-statistics",
       [](Change& change, const Json& update) {
         return SetStatistics(change, update, "partition-statistics", "partition-statistics");
       }},
      {"remove-partition-statistics",
       [](Change& change, const Json& update) {
         return RemoveStatistics(change, update, "partition-statistics");
       }},
      {"remove-partition-specs",
       [](Change& change, const Json& update) {
         return RemoveByIds(change, update, "spec-ids", "partition-specs", "spec-id",
                            "default-spec-id");
       }},
      {"remove-schemas",
       [](Change& change, const Json& update) {
         return RemoveByIds(change, update, "schema-ids", "schemas", "schema-id",
                            "current-schema-id");
       }},
      {"add-view-version", AddViewVersion},
      {"set-current-view-version", SetViewVersion},
  };
  return actions;
}

// Snapshots that were current only in between, within one request, never were for anybody else.
void ForgetInterim(Change& change) {
  const int64_t current = change.document.value("current-snapshot-id", int64_t{-1});
  change.made_current.erase(current);
  if (change.made_current.empty()) return;
  Json& log = change.List("snapshot-log");
  EraseWhere(log, [&](const Json& entry) {
    const int64_t id = entry.value("snapshot-id", int64_t{-1});
    return change.made_current.contains(id) && change.added_snapshots.contains(id);
  });
}

Status ApplyOne(Change& change, const Json& update) {
  if (!update.is_object()) return base::Invalid("an update is not an object");
  try {
    const std::string action = update.value("action", std::string());
    const auto found = Actions().find(action);
    if (found == Actions().end()) {
      return base::Invalid("update '{}' is not one that Millpond knows", action);
    }
    return found->second(change, update);
  } catch (const Json::exception& error) {  // A value of another type than the protocol's.
    return base::Invalid("malformed update {}: {}", update.dump(), error.what());
  }
}

}  // namespace

Result<Json> ApplyUpdates(Json document, const Json& updates, int64_t now_ms,
                          std::string_view name) {
  if (!updates.is_array()) return base::Invalid("\"updates\" is not a list");
  if (document.empty()) document = {{"last-sequence-number", 0}, {"metadata-log", Json::array()}};
  Change change;
  change.document = std::move(document);
  change.now_ms = now_ms;
  change.name = name;
  for (const Json& update : updates) {
    const Status status = ApplyOne(change, update);
    // A malformed request is its sender's mistake, not damage.
    if (base::KindOf(status) == base::ErrorKind::kCorrupt && !status.ok()) {
      return base::WithKind(base::ErrorKind::kInvalid, status);
    }
    ARROW_RETURN_NOT_OK(status);
  }
  ForgetInterim(change);
  if (!change.is_view()) change.document["last-updated-ms"] = now_ms;
  return std::move(change.document);
}

}  // namespace millpond::table
