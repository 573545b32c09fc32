// Reading manifests: Avro rows that name data files with their statistics (layout:
// docs/formats/manifest.md). Called by commit, scan planning and upkeep. Read by field id, so
// order, unknown fields and other writers' partition tuples do not matter.
#include "table/manifest.h"

#include "table/avro_reader.h"

namespace millpond::table {
namespace {

using base::Json;
using Kind = AvroType::Kind;

/// What is learnt of an entry beside its value.
struct Seen {
  bool status = false, data_file = false, record_count = false, size = false;
  bool encrypted = false;
};

// Integer-keyed maps are arrays of {key, value} records, in this order of fields in every known
// writer; ids decide all the same: of the two, the value's is the higher.
template <class Value, class Read>
void ReadMap(const AvroType& array, AvroCursor* cursor, std::string_view what,
             std::map<int32_t, Value>* out, Read&& read_value) {
  if (array.kind == Kind::kNull) return;
  cursor->Items(array, what, [&](const AvroType& item) {
    if (item.kind != Kind::kRecord || item.fields.size() != 2) {
      return cursor->Mismatch(item, "a record of key and value", what);
    }
    const int32_t value_id = std::max(item.fields[0].id, item.fields[1].id);
    std::optional<int32_t> key;
    std::optional<Value> value;
    cursor->Record(item, [&](int32_t id, const AvroType& type) {
      if (id == value_id) {
        value = read_value(type);
      } else {
        key = cursor->Integer32(type, what);
      }
      return true;
    });
    if (key && value) (*out)[*key] = std::move(*value);
  });
}

void ReadCounts(const AvroType& type, AvroCursor* cursor, std::string_view what,
                std::map<int32_t, int64_t>* out) {
  ReadMap(type, cursor, what, out,
          [&](const AvroType& value) { return cursor->Integer(value, what); });
}

void ReadBounds(const AvroType& type, AvroCursor* cursor, std::string_view what,
                std::map<int32_t, std::string>* out) {
  ReadMap(type, cursor, what, out, [&](const AvroType& value) -> std::optional<std::string> {
    const auto bytes = cursor->Text(value, what);
    return bytes ? std::optional<std::string>(*bytes) : std::nullopt;
  });
}

bool ReadStatistics(int32_t id, const AvroType& type, AvroCursor* cursor, DataFile* file) {
  switch (id) {
    case 108:
      ReadCounts(type, cursor, "column_sizes", &file->column_sizes);
      return true;
    case 109:
      ReadCounts(type, cursor, "value_counts", &file->value_counts);
      return true;
    case 110:
      ReadCounts(type, cursor, "null_value_counts", &file->null_counts);
      return true;
    case 137:
      ReadCounts(type, cursor, "nan_value_counts", &file->nan_counts);
      return true;
    case 125:
      ReadBounds(type, cursor, "lower_bounds", &file->lower_bounds);
      return true;
    case 128:
      ReadBounds(type, cursor, "upper_bounds", &file->upper_bounds);
      return true;
    default:
      return false;
  }
}

bool ReadDeleteField(int32_t id, const AvroType& type, AvroCursor* cursor, DataFile* file) {
  switch (id) {
    case 135:
      if (type.kind == Kind::kNull) return true;
      cursor->Items(type, "equality_ids", [&](const AvroType& item) {
        if (const auto column = cursor->Integer32(item, "equality_ids")) {
          file->equality_ids.push_back(*column);
        }
      });
      return true;
    case 142:
      file->first_row_id = cursor->Integer(type, "first_row_id");
      return true;
    case 143:
      if (const auto uri = cursor->Text(type, "referenced_data_file")) {
        file->referenced_data_file = *uri;
      }
      return true;
    case 144:
      file->content_offset = cursor->Integer(type, "content_offset");
      return true;
    case 145:
      file->content_size = cursor->Integer(type, "content_size_in_bytes");
      return true;
    default:
      return false;
  }
}

std::string UpperCase(std::string_view ascii) {
  std::string result(ascii);
  for (char& c : result) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return result;
}

bool ReadFileField(int32_t id, const AvroType& type, AvroCursor* cursor, ManifestEntry* entry,
                   Seen* seen) {
  DataFile& file = entry->file;
  switch (id) {
    case 134:
      entry->content = cursor->Integer32(type, "content").value_or(0);
      return true;
    case 100:
      if (const auto uri = cursor->Text(type, "file_path")) file.uri = *uri;
      return true;
    case 101:
      // Some v1 writers wrote "parquet".
      file.format = UpperCase(cursor->Text(type, "file_format").value_or(""));
      return true;
    case 102: {
      const size_t begin = cursor->position();
      cursor->Skip(type);
      if (cursor->ok()) entry->partition = cursor->Between(begin, cursor->position());
      return true;
    }
    case 103:
      file.record_count = cursor->Integer(type, "record_count").value_or(-1);
      seen->record_count = file.record_count >= 0;
      return true;
    case 104:
      file.size = cursor->Integer(type, "file_size_in_bytes").value_or(-1);
      seen->size = file.size >= 0;
      return true;
    case 131: {
      const auto key = cursor->Text(type, "key_metadata");
      seen->encrypted = key && !key->empty();
      return true;
    }
    case 132:
      if (type.kind == Kind::kNull) return true;
      cursor->Items(type, "split_offsets", [&](const AvroType& item) {
        if (const auto offset = cursor->Integer(item, "split_offsets")) {
          file.split_offsets.push_back(*offset);
        }
      });
      return true;
    case 140:
      file.sort_order_id = cursor->Integer32(type, "sort_order_id");
      return true;
    default:
      return ReadDeleteField(id, type, cursor, &file) || ReadStatistics(id, type, cursor, &file);
  }
}

bool ReadEntryField(int32_t id, const AvroType& type, AvroCursor* cursor, ManifestEntry* entry,
                    Seen* seen) {
  switch (id) {
    case 0: {
      const auto status = cursor->Integer32(type, "status");
      seen->status = status && *status >= 0 && *status <= 2;
      if (seen->status) entry->status = static_cast<EntryStatus>(*status);
      return true;
    }
    case 1:
      entry->snapshot_id = cursor->Integer(type, "snapshot_id");
      return true;
    case 3:
      entry->sequence_number = cursor->Integer(type, "sequence_number");
      return true;
    case 4:
      entry->file_sequence_number = cursor->Integer(type, "file_sequence_number");
      return true;
    case 2:
      if (type.kind != Kind::kRecord) {
        cursor->Mismatch(type, "a record", "data_file");
        return true;
      }
      seen->data_file = true;
      cursor->Record(type, [&](int32_t file_id, const AvroType& file_type) {
        return ReadFileField(file_id, file_type, cursor, entry, seen);
      });
      return true;
    default:
      return false;
  }
}

Status CheckEntry(const ManifestEntry& entry, const Seen& seen, std::string_view origin,
                  AvroCursor* cursor) {
  if (!cursor->ok()) return cursor->status();
  if (!seen.status || !seen.data_file) {
    cursor->Fail("an entry has no status or no data file");
  } else if (entry.file.uri.empty()) {
    cursor->Fail("an entry's data file has no path");
  } else if (!seen.record_count || !seen.size) {
    cursor->Fail(fmt::format("data file {} has no record count or size", entry.file.uri));
  } else if (entry.content < 0 || entry.content > 2) {
    cursor->Fail(fmt::format("data file {} has content {}", entry.file.uri, entry.content));
  }
  if (cursor->ok() && seen.encrypted) {
    return base::Invalid("{}: data file {} is encrypted with a key that Millpond does not have",
                         origin, entry.file.uri);
  }
  return cursor->status();
}

// The Avro JSON of the partition record (field 102 of field 2), or "" where it has no fields.
std::string PartitionTypeIn(const Json& schema_json) {
  const auto field = [](const Json& record, int32_t id) -> const Json* {
    for (const Json& candidate : record.at("fields")) {
      if (candidate.contains("field-id") && candidate.at("field-id") == id) {
        return &candidate.at("type");
      }
    }
    return nullptr;
  };
  const Json* data_file = field(schema_json, 2);
  if (data_file == nullptr || !data_file->is_object() || !data_file->contains("fields")) return "";
  const Json* partition = field(*data_file, 102);
  if (partition == nullptr || !partition->is_object() || !partition->contains("fields") ||
      partition->at("fields").empty()) {
    return "";
  }
  return base::CanonicalJson(*partition);
}

Result<int32_t> HeaderInt(const std::map<std::string, std::string>& header, const char* key,
                          int32_t absent, std::string_view origin) {
  const auto found = header.find(key);
  if (found == header.end()) return absent;
  auto json = base::ParseJson(found->second, origin);
  if (!json.ok() || !json->is_number_integer() || json->get<int64_t>() < 0 ||
      json->get<int64_t>() > INT32_MAX) {
    return base::Corrupt("{}: header key \"{}\" is '{}', not a number", origin, key, found->second);
  }
  return json->get<int32_t>();
}

// The id of the schema that the files were written with; old writers put it in the schema alone.
Result<int32_t> HeaderSchemaId(const std::map<std::string, std::string>& header,
                               std::string_view origin) {
  if (header.contains("schema-id")) return HeaderInt(header, "schema-id", 0, origin);
  const auto schema = header.find("schema");
  if (schema == header.end()) return 0;
  auto json = base::ParseJson(schema->second, fmt::format("{}, schema", origin));
  if (!json.ok()) return base::Corrupt("{}", json.status().message());
  ARROW_ASSIGN_OR_RAISE(auto id, base::FindInt(*json, "schema-id", origin));
  if (id.value_or(0) < 0 || id.value_or(0) > INT32_MAX) {
    return base::Corrupt("{}: schema-id {} is not one", origin, *id);
  }
  return static_cast<int32_t>(id.value_or(0));
}

Status ReadHeader(const AvroReader& reader, std::string_view origin, Manifest* manifest) {
  const auto& header = reader.header();
  ARROW_ASSIGN_OR_RAISE(manifest->schema_id, HeaderSchemaId(header, origin));
  ARROW_ASSIGN_OR_RAISE(manifest->partition_spec_id,
                        HeaderInt(header, "partition-spec-id", 0, origin));
  ARROW_ASSIGN_OR_RAISE(manifest->format_version, HeaderInt(header, "format-version", 1, origin));
  const auto content = header.find("content");
  manifest->of_deletes = content != header.end() && content->second == "deletes";
  manifest->partition_type = PartitionTypeIn(reader.schema_json());
  const auto fields = header.find("partition-spec");
  if (fields != header.end() && !manifest->partition_type.empty()) {
    manifest->partition_fields = fields->second;
  }
  return Status::OK();
}

}  // namespace

Result<Manifest> ParseManifest(std::string_view bytes, std::string_view origin) {
  ARROW_ASSIGN_OR_RAISE(AvroReader reader, AvroReader::Open(bytes, origin));
  Manifest manifest;
  ARROW_RETURN_NOT_OK(ReadHeader(reader, origin, &manifest));
  ARROW_RETURN_NOT_OK(reader.ForEach([&](AvroCursor& cursor) -> Status {
    ManifestEntry entry;
    Seen seen;
    cursor.Record(reader.schema(), [&](int32_t id, const AvroType& type) {
      return ReadEntryField(id, type, &cursor, &entry, &seen);
    });
    ARROW_RETURN_NOT_OK(CheckEntry(entry, seen, origin, &cursor));
    manifest.entries.push_back(std::move(entry));
    return Status::OK();
  }));
  return manifest;
}

Status InheritFrom(const ManifestFile& file, std::string_view origin, Manifest* manifest) {
  for (ManifestEntry& entry : manifest->entries) {
    if (!entry.snapshot_id) entry.snapshot_id = file.added_snapshot_id;
    // Manifests of format v1 have no sequence numbers; theirs is 0.
    const bool inherits = entry.status == EntryStatus::kAdded || file.sequence_number == 0;
    if (!inherits && (!entry.sequence_number || !entry.file_sequence_number)) {
      return base::Corrupt("{}: the entry of {} is not new and has no sequence number", origin,
                           entry.file.uri);
    }
    if (!entry.sequence_number) entry.sequence_number = file.sequence_number;
    if (!entry.file_sequence_number) entry.file_sequence_number = file.sequence_number;
  }
  if (!file.first_row_id || file.content != 0) return Status::OK();
  // Existing files inherit one too: in a table that was upgraded they never had any.
  int64_t next = *file.first_row_id;
  for (ManifestEntry& entry : manifest->entries) {
    if (entry.status == EntryStatus::kDeleted || entry.file.first_row_id) continue;
    if (next < 0 || entry.file.record_count > INT64_MAX - next) {
      return base::Corrupt("{}: the row ids of {} begin at {}", origin, entry.file.uri, next);
    }
    entry.file.first_row_id = next;
    next += entry.file.record_count;
  }
  return Status::OK();
}

}  // namespace millpond::table
