// Writing manifests, formats v2 and v3 (layout: docs/formats/manifest.md). Called by commit. Pure.
#include <algorithm>

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
{"name":"sort_order_id","type":["null","int"],"default":null,"field-id":140}{first_row_id}{deletes}]}}]})json";

constexpr std::string_view kFirstRowId = R"json(,
{"name":"first_row_id","type":["null","long"],"default":null,"field-id":142})json";
constexpr std::string_view kReferencedFile = R"json(,
{"name":"referenced_data_file","type":["null","string"],"default":null,"field-id":143})json";
constexpr std::string_view kContentRange = R"json(,
{"name":"content_offset","type":["null","long"],"default":null,"field-id":144},
{"name":"content_size_in_bytes","type":["null","long"],"default":null,"field-id":145})json";

/// Which fields behind sort_order_id a manifest's entries have.
struct Extras {
  bool first_row_id, referenced_file, content_range;

  static Extras Of(const Manifest& manifest) {
    const bool v3 = manifest.format_version >= 3;
    return {v3, v3 || manifest.of_deletes, v3};
  }
};

std::string EntrySchema(std::string_view partition_type, const Extras& extras) {
  std::string schema(kEntrySchema);
  auto put = [&](std::string_view place, const std::string& text) {
    schema.replace(schema.find(place), place.size(), text);
  };
  put("{partition}", std::string(partition_type));
  put("{first_row_id}", extras.first_row_id ? std::string(kFirstRowId) : "");
  put("{deletes}", std::string(extras.referenced_file ? kReferencedFile : "") +
                       std::string(extras.content_range ? kContentRange : ""));
  return schema;
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

template <class Integer>
void EncodeIntegers(const std::vector<Integer>& values, AvroEncoder* out) {
  if (values.empty()) return out->Null();
  out->Present();
  out->Long(static_cast<int64_t>(values.size()));
  for (const Integer value : values) out->Long(value);
  out->Long(0);
}

void EncodeExtras(const DataFile& file, const Extras& extras, AvroEncoder* out) {
  if (extras.first_row_id) out->OptionalLong(file.first_row_id);
  if (extras.referenced_file) {
    if (file.referenced_data_file) {
      out->Present();
      out->Bytes(*file.referenced_data_file);
    } else {
      out->Null();
    }
  }
  if (extras.content_range) {
    out->OptionalLong(file.content_offset);
    out->OptionalLong(file.content_size);
  }
}

void EncodeEntry(const ManifestEntry& entry, const Extras& extras, AvroEncoder* out) {
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
  EncodeIntegers(file.split_offsets, out);
  EncodeIntegers(file.equality_ids, out);
  out->OptionalLong(file.sort_order_id);
  EncodeExtras(file, extras, out);
}

Status CheckEntry(const ManifestEntry& entry, const Manifest& manifest) {
  if ((entry.content != 0) != manifest.of_deletes) {
    return base::Internal("{} is in a manifest of {}", entry.file.uri,
                          manifest.of_deletes ? "deletes" : "data");
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
  const Extras extras = Extras::Of(manifest);
  std::string partition_type(kNoPartition);
  if (!manifest.partition_type.empty()) {
    // Carried from another writer's file; it must stand on its own in ours.
    partition_type = manifest.partition_type;
    ARROW_ASSIGN_OR_RAISE(const Json json, base::ParseJson(partition_type, "partition type"));
    ARROW_RETURN_NOT_OK(ParseAvroSchema(json, "partition type").status());
  }
  ARROW_ASSIGN_OR_RAISE(const Json schema_json, SchemaToJson(schema));
  AvroWriter writer(
      {{"avro.schema", EntrySchema(partition_type, extras)},
       {"schema", base::CanonicalJson(schema_json)},
       {"schema-id", std::to_string(schema.id)},
       {"partition-spec", manifest.partition_fields.empty() ? "[]" : manifest.partition_fields},
       {"partition-spec-id", std::to_string(manifest.partition_spec_id)},
       {"format-version", std::to_string(std::max(2, manifest.format_version))},
       {"content", manifest.of_deletes ? "deletes" : "data"}});
  for (const ManifestEntry& entry : manifest.entries) {
    ARROW_RETURN_NOT_OK(CheckEntry(entry, manifest));
    EncodeEntry(entry, extras, &writer.record());
    ARROW_RETURN_NOT_OK(writer.EndRecord());
  }
  return writer.Finish();
}

}  // namespace millpond::table
