// Reading table metadata JSON and asking it questions. Called by catalog and commit;
// metadata_writer.cc writes it. Hostile input: every key is typed and every reference between parts
// is followed once, here. Pure functions.
#include "table/metadata.h"

#include <arrow/api.h>

#include <algorithm>
#include <set>
#include <unordered_set>
#include <utility>

#include "table/metadata_document.h"

namespace millpond::table {
namespace {

using base::Json;

// The value at `key`, or null where it is absent or JSON null.
const Json* Find(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

Result<int32_t> ToInt32(int64_t value, const char* key, std::string_view origin) {
  if (value < INT32_MIN || value > INT32_MAX) {
    return base::Corrupt("{}: \"{}\" is {}, beyond 32 bits", origin, key, value);
  }
  return static_cast<int32_t>(value);
}

Result<int32_t> GetInt32(const Json& object, const char* key, std::string_view origin) {
  ARROW_ASSIGN_OR_RAISE(int64_t value, base::GetInt(object, key, origin));
  return ToInt32(value, key, origin);
}

Result<std::optional<int32_t>> FindInt32(const Json& object, const char* key,
                                         std::string_view origin) {
  ARROW_ASSIGN_OR_RAISE(auto value, base::FindInt(object, key, origin));
  if (!value) return std::nullopt;
  ARROW_ASSIGN_OR_RAISE(int32_t narrow, ToInt32(*value, key, origin));
  return narrow;
}

Result<std::map<std::string, std::string>> StringMap(const Json* object, const char* key,
                                                     std::string_view origin) {
  std::map<std::string, std::string> result;
  if (object == nullptr) return result;
  if (!object->is_object()) return base::Corrupt("{}: \"{}\" is not an object", origin, key);
  for (const auto& [name, value] : object->items()) {
    if (!value.is_string()) {
      return base::Corrupt("{}: \"{}\" has \"{}\" that is not text", origin, key, name);
    }
    result[name] = value.get<std::string>();
  }
  return result;
}

Status ParseSchemas(const Json& json, std::string_view origin, TableMetadata* metadata) {
  const Json* schemas = Find(json, "schemas");
  if (schemas == nullptr && metadata->format_version == 1) {
    // Before schemas had ids a v1 file held one.
    ARROW_ASSIGN_OR_RAISE(const Json* single, base::GetObject(json, "schema", origin));
    ARROW_ASSIGN_OR_RAISE(Schema schema, SchemaFromJson(*single, origin));
    metadata->current_schema_id = schema.id;
    metadata->schemas.push_back(std::move(schema));
    return Status::OK();
  }
  ARROW_ASSIGN_OR_RAISE(schemas, base::GetArray(json, "schemas", origin));
  std::set<int32_t> ids;
  for (const Json& schema_json : *schemas) {
    ARROW_ASSIGN_OR_RAISE(Schema schema, SchemaFromJson(schema_json, origin));
    if (!ids.insert(schema.id).second) {
      return base::Corrupt("{}: two schemas have the id {}", origin, schema.id);
    }
    metadata->schemas.push_back(std::move(schema));
  }
  ARROW_ASSIGN_OR_RAISE(metadata->current_schema_id, GetInt32(json, "current-schema-id", origin));
  if (!ids.contains(metadata->current_schema_id)) {
    return base::Corrupt("{}: \"current-schema-id\" is {}, which is not among the schemas", origin,
                         metadata->current_schema_id);
  }
  return Status::OK();
}

// v1 files may hold only "partition-spec", a bare list of fields whose ids are implied.
Json SpecsOfV1(const Json& json) {
  const Json* fields = Find(json, "partition-spec");
  Json numbered = Json::array();
  int32_t next_id = 1000;
  if (fields != nullptr && fields->is_array()) {
    for (Json field : *fields) {
      if (field.is_object() && !field.contains("field-id")) field["field-id"] = next_id;
      ++next_id;
      numbered.push_back(std::move(field));
    }
  }
  return Json::array({Json{{"spec-id", 0}, {"fields", std::move(numbered)}}});
}

Status ParseSpecs(std::string_view origin, TableMetadata* metadata) {
  Json& json = metadata->json;
  if (metadata->format_version == 1 && Find(json, "partition-specs") == nullptr) {
    json["partition-specs"] = SpecsOfV1(json);
    json["default-spec-id"] = 0;
  }
  ARROW_ASSIGN_OR_RAISE(const Json* specs, base::GetArray(json, "partition-specs", origin));
  ARROW_ASSIGN_OR_RAISE(metadata->default_spec_id, GetInt32(json, "default-spec-id", origin));
  for (const Json& spec : *specs) {
    ARROW_RETURN_NOT_OK(GetInt32(spec, "spec-id", origin).status());
    ARROW_ASSIGN_OR_RAISE(const Json* fields, base::GetArray(spec, "fields", origin));
    for (const Json& field : *fields) {
      ARROW_RETURN_NOT_OK(GetInt32(field, "source-id", origin).status());
      ARROW_RETURN_NOT_OK(FindInt32(field, "field-id", origin).status());
      ARROW_RETURN_NOT_OK(base::GetString(field, "name", origin).status());
      ARROW_RETURN_NOT_OK(base::GetString(field, "transform", origin).status());
    }
  }
  if (metadata->PartitionFields(metadata->default_spec_id) == nullptr) {
    return base::Corrupt("{}: \"default-spec-id\" is {}, which is not among the partition specs",
                         origin, metadata->default_spec_id);
  }
  return Status::OK();
}

Result<Snapshot> ParseSnapshot(const Json& json, int format_version, std::string_view origin) {
  Snapshot snapshot;
  ARROW_ASSIGN_OR_RAISE(snapshot.id, base::GetInt(json, "snapshot-id", origin));
  ARROW_ASSIGN_OR_RAISE(snapshot.parent_id, base::FindInt(json, "parent-snapshot-id", origin));
  ARROW_ASSIGN_OR_RAISE(snapshot.timestamp_ms, base::GetInt(json, "timestamp-ms", origin));
  ARROW_ASSIGN_OR_RAISE(auto sequence, base::FindInt(json, "sequence-number", origin));
  if (!sequence && format_version > 1) {
    return base::Corrupt("{}: snapshot {} has no \"sequence-number\"", origin, snapshot.id);
  }
  snapshot.sequence_number = sequence.value_or(0);
  ARROW_ASSIGN_OR_RAISE(auto manifest_list, base::FindString(json, "manifest-list", origin));
  if (!manifest_list || manifest_list->empty()) {
    if (Find(json, "manifests") != nullptr) {
      return base::Invalid(
          "{}: snapshot {} lists its manifests inline, an old v1 form that Millpond does not read; "
          "rewrite the table's metadata in the engine that made it",
          origin, snapshot.id);
    }
    return base::Corrupt("{}: snapshot {} has no \"manifest-list\"", origin, snapshot.id);
  }
  snapshot.manifest_list = std::move(*manifest_list);
  ARROW_ASSIGN_OR_RAISE(snapshot.summary, StringMap(Find(json, "summary"), "summary", origin));
  ARROW_ASSIGN_OR_RAISE(snapshot.schema_id, FindInt32(json, "schema-id", origin));
  if (Find(json, "key-id") != nullptr) {
    return base::Invalid("{}: snapshot {} is encrypted (\"key-id\"), which Millpond cannot read",
                         origin, snapshot.id);
  }
  ARROW_ASSIGN_OR_RAISE(snapshot.first_row_id, base::FindInt(json, "first-row-id", origin));
  ARROW_ASSIGN_OR_RAISE(snapshot.added_rows, base::FindInt(json, "added-rows", origin));
  return snapshot;
}

// Takes the snapshots out of the document.
Status ParseSnapshots(std::string_view origin, TableMetadata* metadata) {
  Json& json = metadata->json;
  if (Find(json, "snapshots") == nullptr) return Status::OK();
  ARROW_RETURN_NOT_OK(base::GetArray(json, "snapshots", origin).status());
  for (Json& one : json["snapshots"]) {
    ARROW_ASSIGN_OR_RAISE(Snapshot snapshot, ParseSnapshot(one, metadata->format_version, origin));
    // Those of v1 lack it, and later versions need it.
    if (Find(one, "sequence-number") == nullptr) one["sequence-number"] = int64_t{0};
    snapshot.text = std::make_shared<const std::string>(one.dump());
    metadata->snapshots.push_back(std::move(snapshot));
  }
  json.erase("snapshots");
  return Status::OK();
}

Status CheckSnapshots(const Json& json, std::string_view origin, TableMetadata* metadata) {
  std::unordered_set<int64_t> ids;
  for (const Snapshot& snapshot : metadata->snapshots) {
    if (!ids.insert(snapshot.id).second) {
      return base::Corrupt("{}: two snapshots have the id {}", origin, snapshot.id);
    }
    if (snapshot.sequence_number <= metadata->last_sequence_number) continue;
    return base::Corrupt("{}: snapshot {} has sequence number {}, past \"last-sequence-number\" {}",
                         origin, snapshot.id, snapshot.sequence_number,
                         metadata->last_sequence_number);
  }
  ARROW_ASSIGN_OR_RAISE(auto current, base::FindInt(json, "current-snapshot-id", origin));
  if (current && *current != -1) metadata->current_snapshot_id = current;
  if (metadata->current_snapshot_id && !ids.contains(*metadata->current_snapshot_id)) {
    return base::Corrupt("{}: \"current-snapshot-id\" is {}, which is not among the snapshots",
                         origin, *metadata->current_snapshot_id);
  }
  return Status::OK();
}

Status ParseRefs(const Json& json, std::string_view origin, TableMetadata* metadata) {
  if (Find(json, "refs") != nullptr) {
    ARROW_ASSIGN_OR_RAISE(const Json* refs, base::GetObject(json, "refs", origin));
    for (const auto& [name, ref_json] : refs->items()) {
      SnapshotRef ref;
      ARROW_ASSIGN_OR_RAISE(ref.snapshot_id, base::GetInt(ref_json, "snapshot-id", origin));
      ARROW_ASSIGN_OR_RAISE(std::string type, base::GetString(ref_json, "type", origin));
      if (type != "tag" && type != "branch") {
        return base::Corrupt("{}: ref '{}' has type \"{}\", neither branch nor tag", origin, name,
                             type);
      }
      ref.is_tag = type == "tag";
      if (metadata->SnapshotById(ref.snapshot_id) == nullptr) {
        return base::Corrupt("{}: ref '{}' names snapshot {}, which is not among the snapshots",
                             origin, name, ref.snapshot_id);
      }
      metadata->refs[name] = ref;
    }
  }
  if (!metadata->current_snapshot_id) {
    if (!metadata->refs.contains("main")) return Status::OK();
    return base::Corrupt("{}: there is a ref main but no \"current-snapshot-id\"", origin);
  }
  const auto [main, absent] =
      metadata->refs.try_emplace("main", SnapshotRef{*metadata->current_snapshot_id, false});
  if (!absent && main->second.snapshot_id != *metadata->current_snapshot_id) {
    return base::Corrupt("{}: ref main is {} but \"current-snapshot-id\" is {}", origin,
                         main->second.snapshot_id, *metadata->current_snapshot_id);
  }
  return Status::OK();
}

// The logs are carried as JSON; whoever appends to them relies on their shape.
Status CheckLogs(const Json& json, std::string_view origin) {
  for (const char* key : {"snapshot-log", "metadata-log"}) {
    if (Find(json, key) == nullptr) continue;
    ARROW_ASSIGN_OR_RAISE(const Json* log, base::GetArray(json, key, origin));
    for (const Json& entry : *log) {
      ARROW_RETURN_NOT_OK(base::GetInt(entry, "timestamp-ms", origin).status());
      if (key == std::string_view("snapshot-log")) {
        ARROW_RETURN_NOT_OK(base::GetInt(entry, "snapshot-id", origin).status());
      } else {
        ARROW_RETURN_NOT_OK(base::GetString(entry, "metadata-file", origin).status());
      }
    }
  }
  return Status::OK();
}

// Every consumer then sees one form of absence.
void EraseNulls(Json* object) {
  for (auto item = object->begin(); item != object->end();) {
    item = item->is_null() ? object->erase(item) : std::next(item);
  }
}

Status ParseTableFields(const Json& json, std::string_view origin, TableMetadata* metadata) {
  ARROW_ASSIGN_OR_RAISE(auto uuid, base::FindString(json, "table-uuid", origin));
  if (!uuid && metadata->format_version > 1) {
    return base::Corrupt("{}: \"table-uuid\" is missing", origin);
  }
  metadata->uuid = uuid.value_or("");
  ARROW_ASSIGN_OR_RAISE(metadata->location, base::GetString(json, "location", origin));
  ARROW_ASSIGN_OR_RAISE(auto sequence, base::FindInt(json, "last-sequence-number", origin));
  if (!sequence && metadata->format_version > 1) {
    return base::Corrupt("{}: \"last-sequence-number\" is missing", origin);
  }
  metadata->last_sequence_number = sequence.value_or(0);
  ARROW_ASSIGN_OR_RAISE(auto next_row_id, base::FindInt(json, "next-row-id", origin));
  if (metadata->format_version >= 3 && next_row_id.value_or(-1) < 0) {
    return base::Corrupt("{}: \"next-row-id\" is missing or negative", origin);
  }
  metadata->next_row_id = next_row_id.value_or(0);
  ARROW_ASSIGN_OR_RAISE(metadata->last_updated_ms, base::GetInt(json, "last-updated-ms", origin));
  ARROW_ASSIGN_OR_RAISE(metadata->last_column_id, GetInt32(json, "last-column-id", origin));
  ARROW_ASSIGN_OR_RAISE(metadata->properties,
                        StringMap(Find(json, "properties"), "properties", origin));
  if (const Json* keys = Find(json, "encryption-keys"); keys != nullptr && !keys->empty()) {
    return base::Invalid(
        "{}: the table is encrypted (\"encryption-keys\"), which Millpond cannot read", origin);
  }
  return Status::OK();
}

}  // namespace

Result<TableMetadata> ParseMetadata(std::string_view json_text, std::string_view origin) {
  auto parsed = base::ParseJson(json_text, origin);
  if (!parsed.ok()) return base::Corrupt("{}", parsed.status().message());
  return FromParts(parsed.MoveValueUnsafe(), {}, origin);
}

Result<TableMetadata> FromParts(Json document, std::vector<Snapshot> snapshots,
                                std::string_view origin) {
  TableMetadata metadata;
  metadata.json = std::move(document);
  metadata.snapshots = std::move(snapshots);
  if (!metadata.json.is_object()) return base::Corrupt("{}: is not a JSON object", origin);
  ARROW_ASSIGN_OR_RAISE(int64_t version, base::GetInt(metadata.json, "format-version", origin));
  if (version < 1 || version > 3) {
    return base::Invalid("{}: format version {} is not one that Millpond reads (1, 2, 3)", origin,
                         version);
  }
  metadata.format_version = static_cast<int>(version);
  EraseNulls(&metadata.json);
  ARROW_RETURN_NOT_OK(ParseTableFields(metadata.json, origin, &metadata));
  ARROW_RETURN_NOT_OK(ParseSchemas(metadata.json, origin, &metadata));
  ARROW_RETURN_NOT_OK(ParseSpecs(origin, &metadata));
  ARROW_RETURN_NOT_OK(ParseSnapshots(origin, &metadata));
  ARROW_RETURN_NOT_OK(CheckSnapshots(metadata.json, origin, &metadata));
  ARROW_RETURN_NOT_OK(ParseRefs(metadata.json, origin, &metadata));
  ARROW_RETURN_NOT_OK(CheckLogs(metadata.json, origin));
  // Some writers understate it; a new column must not take an id that is in use.
  for (const Schema& schema : metadata.schemas) {
    metadata.last_column_id = std::max(metadata.last_column_id, HighestFieldId(*schema.arrow));
  }
  return metadata;
}

const Schema* TableMetadata::SchemaById(int32_t id) const {
  const auto found = std::find_if(schemas.begin(), schemas.end(),
                                  [id](const Schema& schema) { return schema.id == id; });
  return found == schemas.end() ? nullptr : &*found;
}

const Schema& TableMetadata::schema() const {
  const Schema* found = SchemaById(current_schema_id);
  if (found != nullptr) return *found;
  // Neither ParseMetadata nor NewTableMetadata gives such a value; SerializeMetadata refuses it.
  static const Schema empty{0, arrow::schema({}), {}};
  return empty;
}

const Snapshot* TableMetadata::SnapshotById(int64_t id) const {
  const auto found = std::find_if(snapshots.begin(), snapshots.end(),
                                  [id](const Snapshot& snapshot) { return snapshot.id == id; });
  return found == snapshots.end() ? nullptr : &*found;
}

const Snapshot* TableMetadata::current_snapshot() const {
  return current_snapshot_id ? SnapshotById(*current_snapshot_id) : nullptr;
}

const Schema& TableMetadata::SchemaOf(const Snapshot& snapshot) const {
  const Schema* found = snapshot.schema_id ? SchemaById(*snapshot.schema_id) : nullptr;
  return found == nullptr ? schema() : *found;
}

const Json* TableMetadata::PartitionFields(int32_t spec_id) const {
  const auto specs = json.find("partition-specs");
  if (specs == json.end()) return nullptr;
  for (const Json& spec : *specs) {
    if (spec.value("spec-id", -1) == spec_id) return &spec.at("fields");
  }
  return nullptr;
}

bool TableMetadata::IsPartitioned() const {
  const Json* fields = PartitionFields(default_spec_id);
  return fields != nullptr && !fields->empty();
}

}  // namespace millpond::table
