// Writing manifests, format v2 (layout: docs/formats/manifest.md). Called by commit. Pure.
#include "table/avro_schema.h"
#include "table/avro_writer.h"
#include "table/manifest.h"

namespace millpond::table {
namespace {

using base::Json;

constexpr std::string_view kNoPartition = R"({"type":"record","name":"r102","fields":[]})";

// "{partition}" stands for the partition record type.
constexpr std::string_view kEntrySchema = R"json({"type":"record","name":"manifest_entry","fields":[
{"name":"status","type":"int","field-id":0},
{"name":"snapshot_id","type":["null","long"],"default":null,"field-id":1},
{"name":"sequence_number","type":["null","long"],"default":null,"field-id":3},
{"name":"file_sequence_number","type":["null","long"],"default":null,"field-id":4},
{"name":"data_file","field-id":2,"type":{"type":"record","name":"r2","fields":[
{"name":"content","type":"int","field-id":134},
{"name":"file_path","type":"string","field-id":100},
{"name":"file_format","type":"string","field-id":101},
{"name":"partition","field-id":102,"type":{partition}},
{"name":"record_count","type":"long","field-id":103},
{"name":"file_size_in_bytes","type":"long","field-id":104},
{"name":"column_sizes","default":null,"field-id":108,"type":["null",{"type":"array","logicalType":"map",
"items":{"type":"record","name":"k117_v118","fields":[
{"name":"key","type":"int","field-id":117},{"name":"value","type":"long","field-id":118}]}}]},
{"name":"value_counts","default":null,"field-id":109,"type":["null",{"type":"array","logicalType":"map",
"items":{"type":"record","name":"k119_v120","fields":[
{"name":"key","type":"int","field-id":119},{"name":"value","type":"long","field-id":120}]}}]},
{"name":"null_value_counts","default":null,"field-id":110,"type":["null",{"type":"array","logicalType":"map",
"items":{"type":"record","name":"k121_v122","fields":[
{"name":"key","type":"int","field-id":121},{"name":"value","type":"long","field-id":122}]}}]},
{"name":"nan_value_counts","default":null,"field-id":137,"type":["null",{"type":"array","logicalType":"map",
"items":{"type":"record","name":"k138_v139","fields":[
{"name":"key","type":"int","field-id":138},{"name":"value","type":"long","field-id":139}]}}]},
{"name":"lower_bounds","default":null,"field-id":125,"type":["null",{"type":"array","logicalType":"map",
"items":{"type":"record","name":"k126_v127","fields":[
{"name":"key","type":"int","field-id":126},{"name":"value","type":"bytes","field-id":127}]}}]},
{"name":"upper_bounds","default":null,"field-id":128,"type":["null",{"type":"array","logicalType":"map",
"items":{"type":"record","name":"k129_v130","fields":[
{"name":"key","type":"int","field-id":129},{"name":"value","type":"bytes","field-id":130}]}}]},
{"name":"key_metadata","type":["null","bytes"],"default":null,"field-id":131},
{"name":"split_offsets","default":null,"field-id":132,"type":["null",{"type":"array","element-id":133,"items":"long"}]},
{"name":"equality_ids","default":null,"field-id":135,"type":["null",{"type":"array","element-id":136,"items":"int"}]},
{"name":"sort_order_id","type":["null","int"],"default":null,"field-id":140}]}}]})json";

std::string EntrySchema(std::string_view partition_type) {
  constexpr std::string_view place = "{partition}";
  std::string schema(kEntrySchema);
  return schema.replace(schema.find(place), place.size(), partition_type);
}

void EncodeValue(int64_t value, AvroEncoder* out) { out->Long(value); }
void EncodeValue(const std::string& value, AvroEncoder* out) { out->Bytes(value); }

template <class Value>
void EncodeMap(const std::map<int32_t, Value>& map, AvroEncoder* out) {
  if (map.empty()) return out->Null();
  out->Present();
  out->Long(static_cast<int64_t>(map.size()));
  for (const auto& [key, value] : map) {
    out->Long(key);
    EncodeValue(value, out);
  }
  out->Long(0);
}

void EncodeOffsets(const std::vector<int64_t>& offsets, AvroEncoder* out) {
  if (offsets.empty()) return out->Null();
  out->Present();
  out->Long(static_cast<int64_t>(offsets.size()));
  for (const int64_t offset : offsets) out->Long(offset);
  out->Long(0);
}

void EncodeEntry(const ManifestEntry& entry, AvroEncoder* out) {
  const DataFile& file = entry.file;
  out->Long(static_cast<int64_t>(entry.status));
  out->OptionalLong(entry.snapshot_id);
  out->OptionalLong(entry.sequence_number);
  out->OptionalLong(entry.file_sequence_number);
  out->Long(entry.content);
  out->Bytes(file.uri);
  out->Bytes(file.format);
  out->Raw(entry.partition);
  out->Long(file.record_count);
  out->Long(file.size);
  EncodeMap(file.column_sizes, out);
  EncodeMap(file.value_counts, out);
  EncodeMap(file.null_counts, out);
  EncodeMap(file.nan_counts, out);
  EncodeMap(file.lower_bounds, out);
  EncodeMap(file.upper_bounds, out);
  out->Null();  // key_metadata
  EncodeOffsets(file.split_offsets, out);
  out->Null();  // equality_ids
  out->OptionalLong(file.sort_order_id);
}

Status CheckEntry(const ManifestEntry& entry, const Manifest& manifest) {
  if (entry.content != 0) {
    return base::Invalid("{} holds deletes; Millpond does not write manifests of delete files",
                         entry.file.uri);
  }
  if (entry.status != EntryStatus::kAdded &&
      (!entry.sequence_number || !entry.file_sequence_number || !entry.snapshot_id)) {
    return base::Internal("the entry of {} is not new and states no sequence number",
                          entry.file.uri);
  }
  if (entry.partition.empty() != manifest.partition_type.empty()) {
    return base::Invalid(
        "{} has no place in partition spec {}: Millpond does not write new files into partitioned "
        "tables yet",
        entry.file.uri, manifest.partition_spec_id);
  }
  if (entry.file.uri.empty() || entry.file.record_count < 0 || entry.file.size <= 0) {
    return base::Internal("a data file ('{}') has no path, count or size", entry.file.uri);
  }
  return Status::OK();
}

}  // namespace

Result<std::string> SerializeManifest(const Manifest& manifest, const Schema& schema) {
  if (manifest.of_deletes) {
    return base::Invalid("Millpond does not write manifests of delete files");
  }
  std::string partition_type(kNoPartition);
  if (!manifest.partition_type.empty()) {
    // Carried from another writer's file; it must stand on its own in ours.
    partition_type = manifest.partition_type;
    ARROW_ASSIGN_OR_RAISE(const Json json, base::ParseJson(partition_type, "partition type"));
    ARROW_RETURN_NOT_OK(ParseAvroSchema(json, "partition type").status());
  }
  ARROW_ASSIGN_OR_RAISE(const Json schema_json, SchemaToJson(schema));
  AvroWriter writer(
      {{"avro.schema", EntrySchema(partition_type)},
       {"schema", base::CanonicalJson(schema_json)},
       {"schema-id", std::to_string(schema.id)},
       {"partition-spec", manifest.partition_fields.empty() ? "[]" : manifest.partition_fields},
       {"partition-spec-id", std::to_string(manifest.partition_spec_id)},
       {"format-version", "2"},
       {"content", "data"}});
  for (const ManifestEntry& entry : manifest.entries) {
    ARROW_RETURN_NOT_OK(CheckEntry(entry, manifest));
    EncodeEntry(entry, &writer.record());
    ARROW_RETURN_NOT_OK(writer.EndRecord());
  }
  return writer.Finish();
}

}  // namespace millpond::table
