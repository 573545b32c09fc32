// Writing table metadata JSON: the parts we understand over the document they came from, checked
// first, because a bad metadata file makes other engines retry for minutes or fail. Called by
// commit. Pure functions.
#include <arrow/api.h>

#include <algorithm>
#include <set>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "table/metadata.h"
#include "table/metadata_document.h"

namespace millpond::table {
namespace {

using base::Json;

// Other engines refuse logs whose times go back further than this.
constexpr int64_t kClockToleranceMs = 60'000;

/// The objects of a list in the source document, by their id.
using ById = std::unordered_map<int64_t, Json*>;

ById IndexById(Json& document, const char* list, const char* key) {
  ById result;
  if (!document.is_object()) return result;
  const auto found = document.find(list);
  if (found == document.end() || !found->is_array()) return result;
  for (Json& item : *found) {
    if (!item.is_object()) continue;
    const auto id = item.find(key);
    if (id != item.end() && id->is_number_integer()) result[id->get<int64_t>()] = &item;
  }
  return result;
}

// An identifier column must be required, as must every struct around it, and no float.
bool HasIdentifier(const arrow::FieldVector& fields, int32_t id) {
  for (const auto& field : fields) {
    if (field->nullable()) continue;
    if (FieldIdOf(*field) == id) {
      const arrow::Type::type type = field->type()->id();
      return !arrow::is_nested(type) && !arrow::is_floating(type);
    }
    if (field->type()->id() == arrow::Type::STRUCT && HasIdentifier(field->type()->fields(), id)) {
      return true;
    }
  }
  return false;
}

Status CheckSchemas(const TableMetadata& metadata) {
  std::set<int32_t> ids;
  for (const Schema& schema : metadata.schemas) {
    if (!ids.insert(schema.id).second) {
      return base::Internal("table metadata: two schemas have the id {}", schema.id);
    }
    if (const int32_t highest = HighestFieldId(*schema.arrow); highest > metadata.last_column_id) {
      return base::Internal("table metadata: last-column-id {} is below field id {}",
                            metadata.last_column_id, highest);
    }
    for (const int32_t identifier : schema.identifier_field_ids) {
      if (!HasIdentifier(schema.arrow->fields(), identifier)) {
        return base::Internal(
            "table metadata: identifier field {} is not a required column of a simple type",
            identifier);
      }
    }
  }
  if (!ids.contains(metadata.current_schema_id)) {
    return base::Internal("table metadata: current schema {} does not exist",
                          metadata.current_schema_id);
  }
  return Status::OK();
}

Status CheckNewSnapshot(const TableMetadata& metadata, const Snapshot& snapshot) {
  const bool numbers_rows = snapshot.first_row_id && snapshot.added_rows;
  if (metadata.format_version > 2 &&
      (!numbers_rows || *snapshot.added_rows < 0 ||
       *snapshot.first_row_id + *snapshot.added_rows > metadata.next_row_id)) {
    return base::Internal("table metadata: snapshot {} gives its rows no ids below {}", snapshot.id,
                          metadata.next_row_id);
  }
  if (snapshot.id <= 0 || snapshot.manifest_list.empty()) {
    return base::Internal("table metadata: snapshot {} has no positive id or no manifest list",
                          snapshot.id);
  }
  const auto operation = snapshot.summary.find("operation");
  static const std::set<std::string> operations = {"append", "replace", "overwrite", "delete"};
  if (operation == snapshot.summary.end() || !operations.contains(operation->second)) {
    return base::Internal("table metadata: snapshot {} has no operation that Iceberg knows",
                          snapshot.id);
  }
  if (!snapshot.schema_id || metadata.SchemaById(*snapshot.schema_id) == nullptr) {
    return base::Internal("table metadata: snapshot {} has no schema of this table", snapshot.id);
  }
  if (snapshot.sequence_number <= 0) {
    return base::Internal("table metadata: snapshot {} has no sequence number", snapshot.id);
  }
  return Status::OK();
}

Status CheckSnapshots(const TableMetadata& metadata) {
  std::unordered_set<int64_t> ids;
  for (const Snapshot& snapshot : metadata.snapshots) {
    if (!ids.insert(snapshot.id).second) {
      return base::Internal("table metadata: two snapshots have the id {}", snapshot.id);
    }
    if (snapshot.sequence_number > metadata.last_sequence_number) {
      return base::Internal("table metadata: sequence number {} is past the table's last, {}",
                            snapshot.sequence_number, metadata.last_sequence_number);
    }
    if (snapshot.text == nullptr) ARROW_RETURN_NOT_OK(CheckNewSnapshot(metadata, snapshot));
  }
  if (metadata.current_snapshot_id && !ids.contains(*metadata.current_snapshot_id)) {
    return base::Internal("table metadata: current snapshot {} does not exist",
                          *metadata.current_snapshot_id);
  }
  for (const auto& [name, ref] : metadata.refs) {
    if (name == "main") continue;
    if (!ids.contains(ref.snapshot_id)) {
      return base::Internal("table metadata: ref '{}' names snapshot {}, which does not exist",
                            name, ref.snapshot_id);
    }
  }
  return Status::OK();
}

Status CheckTable(const TableMetadata& metadata) {
  if (metadata.format_version < 1 || metadata.format_version > 3) {
    return base::Internal("table metadata: no format version {}", metadata.format_version);
  }
  if (metadata.uuid.empty() || metadata.location.empty() || metadata.last_updated_ms <= 0) {
    return base::Internal("table metadata: uuid, location or time of last update is missing");
  }
  return CheckSchemas(metadata);
}

Result<Json> SchemasToJson(const TableMetadata& metadata, Json& document) {
  const ById known = IndexById(document, "schemas", "schema-id");
  Json result = Json::array();
  for (const Schema& schema : metadata.schemas) {
    // Schemas never change under one id, so what another writer said of it is kept.
    if (const auto source = known.find(schema.id); source != known.end()) {
      result.push_back(*source->second);
      continue;
    }
    ARROW_ASSIGN_OR_RAISE(Json json, SchemaToJson(schema));
    result.push_back(std::move(json));
  }
  return result;
}

Json SnapshotToJson(const Snapshot& snapshot) {
  Json json = Json::object();
  json["snapshot-id"] = snapshot.id;
  if (snapshot.parent_id) json["parent-snapshot-id"] = *snapshot.parent_id;
  json["sequence-number"] = snapshot.sequence_number;
  json["timestamp-ms"] = snapshot.timestamp_ms;
  json["manifest-list"] = snapshot.manifest_list;
  if (!snapshot.summary.empty()) json["summary"] = snapshot.summary;
  if (snapshot.schema_id) json["schema-id"] = *snapshot.schema_id;
  if (snapshot.first_row_id) json["first-row-id"] = *snapshot.first_row_id;
  if (snapshot.added_rows) json["added-rows"] = *snapshot.added_rows;
  return json;
}

Json RefsToJson(const TableMetadata& metadata, const Json& document) {
  const Json known = document.value("refs", Json::object());
  Json result = Json::object();
  for (const auto& [name, ref] : metadata.refs) {
    if (name == "main") continue;
    Json json = known.value(name, Json::object());
    json["snapshot-id"] = ref.snapshot_id;
    json["type"] = ref.is_tag ? "tag" : "branch";
    result[name] = std::move(json);
  }
  if (metadata.current_snapshot_id) {
    Json main = known.value("main", Json::object());
    main["snapshot-id"] = *metadata.current_snapshot_id;
    main["type"] = "branch";
    result["main"] = std::move(main);
  }
  return result;
}

// The log of what `current-snapshot-id` has been. An expired snapshot takes what came before it out
// of the log too, or the log would say that the older one had lasted until the newer.
Result<Json> SnapshotLogToJson(const TableMetadata& metadata, Json& document) {
  Json log =
      document.contains("snapshot-log") ? std::move(document["snapshot-log"]) : Json::array();
  std::unordered_set<int64_t> there;
  for (const Snapshot& snapshot : metadata.snapshots) there.insert(snapshot.id);
  int64_t last = 0;
  Json kept = Json::array();
  for (Json& entry : log) {
    const int64_t id = entry.value("snapshot-id", int64_t{-1});
    last = entry.value("timestamp-ms", int64_t{0});
    if (!there.contains(id)) {
      kept.clear();
    } else {
      kept.push_back(std::move(entry));
    }
  }
  const Snapshot* current = metadata.current_snapshot();
  const int64_t before = document.value("current-snapshot-id", int64_t{-1});
  if (current != nullptr && current->id != before) {
    const bool is_new = current->text == nullptr;
    last = is_new ? current->timestamp_ms : metadata.last_updated_ms;
    if (!kept.empty() && last + kClockToleranceMs < kept.back().value("timestamp-ms", int64_t{0})) {
      return base::Internal(
          "table metadata: the new snapshot is more than a minute older than the last");
    }
    kept.push_back({{"snapshot-id", current->id}, {"timestamp-ms", last}});
  }
  if (metadata.last_updated_ms + kClockToleranceMs < last) {
    return base::Internal(
        "table metadata: last-updated-ms is more than a minute before a snapshot");
  }
  return kept;
}

Result<std::string> Dump(const Json& document) {
  try {
    return document.dump();
  } catch (const Json::exception&) {
    return base::Invalid(
        "the table's metadata holds text that is not valid UTF-8; check its properties");
  }
}

void SetDefault(Json* document, const char* key, Json value) {
  if (!document->contains(key)) (*document)[key] = std::move(value);
}

// Old readers of v1 look for what later versions put into lists.
void FillVersion1(Json* document) {
  document->erase("last-sequence-number");
  for (const Json& schema : (*document)["schemas"]) {
    if (schema.value("schema-id", 0) == (*document)["current-schema-id"]) {
      (*document)["schema"] = schema;
    }
  }
  for (const Json& spec : (*document)["partition-specs"]) {
    if (spec.value("spec-id", 0) == (*document)["default-spec-id"]) {
      (*document)["partition-spec"] = spec["fields"];
    }
  }
}

void FillDefaults(Json* document) {
  SetDefault(document, "partition-specs",
             Json::array({{{"spec-id", 0}, {"fields", Json::array()}}}));
  SetDefault(document, "last-partition-id", 999);
  SetDefault(document, "sort-orders", Json::array({{{"order-id", 0}, {"fields", Json::array()}}}));
  SetDefault(document, "default-sort-order-id", 0);
  SetDefault(document, "metadata-log", Json::array());
}

}  // namespace

TableMetadata NewTableMetadata(std::string uuid, std::string location, Schema schema,
                               std::map<std::string, std::string> properties, int64_t now_ms) {
  TableMetadata metadata;
  metadata.uuid = std::move(uuid);
  metadata.location = std::move(location);
  metadata.last_updated_ms = now_ms;
  metadata.last_column_id = HighestFieldId(*schema.arrow);
  metadata.current_schema_id = schema.id;
  metadata.schemas.push_back(std::move(schema));
  metadata.properties = std::move(properties);
  metadata.json = Json::object();
  FillDefaults(&metadata.json);
  return metadata;
}

Status Settle(TableMetadata* metadata) {
  ARROW_RETURN_NOT_OK(CheckTable(*metadata));
  ARROW_RETURN_NOT_OK(CheckSnapshots(*metadata));
  Json& document = metadata->json;
  if (!document.is_object()) document = Json::object();
  FillDefaults(&document);
  document["format-version"] = metadata->format_version;
  document["table-uuid"] = metadata->uuid;
  document["location"] = metadata->location;
  document["last-sequence-number"] = metadata->last_sequence_number;
  document["last-updated-ms"] = metadata->last_updated_ms;
  document["last-column-id"] = metadata->last_column_id;
  if (metadata->format_version >= 3) document["next-row-id"] = metadata->next_row_id;
  ARROW_ASSIGN_OR_RAISE(document["schemas"], SchemasToJson(*metadata, document));
  document["current-schema-id"] = metadata->current_schema_id;
  document["default-spec-id"] = metadata->default_spec_id;
  document["properties"] = metadata->properties;
  ARROW_ASSIGN_OR_RAISE(document["snapshot-log"], SnapshotLogToJson(*metadata, document));
  document["refs"] = RefsToJson(*metadata, document);
  document.erase("current-snapshot-id");
  if (metadata->current_snapshot_id) {
    document["current-snapshot-id"] = *metadata->current_snapshot_id;
  }
  if (metadata->format_version == 1) FillVersion1(&document);
  for (Snapshot& snapshot : metadata->snapshots) {
    if (snapshot.text != nullptr) continue;
    ARROW_ASSIGN_OR_RAISE(std::string text, Dump(SnapshotToJson(snapshot)));
    snapshot.text = std::make_shared<const std::string>(std::move(text));
  }
  return Status::OK();
}

Result<std::string> TextOf(const TableMetadata& settled) {
  ARROW_ASSIGN_OR_RAISE(std::string text, Dump(settled.json));
  text.pop_back();  // The brace, after which snapshots are the last key.
  text += ",\"snapshots\":[";
  for (const Snapshot& snapshot : settled.snapshots) {
    if (text.back() == '}') text += ',';
    text += *snapshot.text;
  }
  text += "]}";
  return text;
}

Json TableMetadata::Document() const {
  Json document = json;
  Json list = Json::array();
  for (const Snapshot& snapshot : snapshots) {
    list.push_back(snapshot.text == nullptr ? SnapshotToJson(snapshot)
                                            : Json::parse(*snapshot.text));
  }
  document["snapshots"] = std::move(list);
  return document;
}

Result<std::string> SerializeMetadata(const TableMetadata& metadata) {
  TableMetadata settled = metadata;
  ARROW_RETURN_NOT_OK(Settle(&settled));
  return TextOf(settled);
}

std::vector<std::string> AppendMetadataLog(TableMetadata* metadata,
                                           const std::string& previous_location,
                                           int64_t previous_updated_ms, int max_entries) {
  SetDefault(&metadata->json, "metadata-log", Json::array());
  Json& log = metadata->json["metadata-log"];
  log.push_back({{"metadata-file", previous_location}, {"timestamp-ms", previous_updated_ms}});
  std::vector<std::string> dropped;
  const size_t keep = static_cast<size_t>(std::max(max_entries, 1));
  while (log.size() > keep) {
    dropped.push_back(log.front().value("metadata-file", std::string()));
    log.erase(log.begin());
  }
  return dropped;
}

}  // namespace millpond::table
