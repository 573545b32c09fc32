// Manifest lists: Avro rows that name a snapshot's manifests (layout: docs/formats/manifest.md).
// Called by commit, scan planning and upkeep. Read by field id; partition summaries of other
// writers are carried re-encoded: an Avro array<{contains_null: boolean, contains_nan: [null,
// boolean], lower: [null, bytes], upper: [null, bytes]}>, empty for none.
#include "table/avro_reader.h"
#include "table/avro_writer.h"
#include "table/manifest.h"

namespace millpond::table {
namespace {

constexpr std::string_view kListSchema = R"json({"type":"record","name":"manifest_file","fields":[
{"name":"manifest_path","type":"string","field-id":500},
{"name":"manifest_length","type":"long","field-id":501},
{"name":"partition_spec_id","type":"int","field-id":502},
{"name":"content","type":"int","field-id":517},
{"name":"sequence_number","type":"long","field-id":515},
{"name":"min_sequence_number","type":"long","field-id":516},
{"name":"added_snapshot_id","type":"long","field-id":503},
{"name":"added_files_count","type":"int","field-id":504},
{"name":"existing_files_count","type":"int","field-id":505},
{"name":"deleted_files_count","type":"int","field-id":506},
{"name":"added_rows_count","type":"long","field-id":512},
{"name":"existing_rows_count","type":"long","field-id":513},
{"name":"deleted_rows_count","type":"long","field-id":514},
{"name":"partitions","default":null,"field-id":507,"type":["null",{"type":"array","element-id":508,"items":
{"type":"record","name":"r508","fields":[
{"name":"contains_null","type":"boolean","field-id":509},
{"name":"contains_nan","type":["null","boolean"],"default":null,"field-id":518},
{"name":"lower_bound","type":["null","bytes"],"default":null,"field-id":510},
{"name":"upper_bound","type":["null","bytes"],"default":null,"field-id":511}]}}]},
{"name":"key_metadata","type":["null","bytes"],"default":null,"field-id":519}{first_row_id}]})json";

// What v3 adds to the end of a row.
constexpr std::string_view kFirstRowId =
    R"json(,
{"name":"first_row_id","type":["null","long"],"default":null,"field-id":520})json";

std::string ListSchema(int format_version) {
  constexpr std::string_view place = "{first_row_id}";
  std::string schema(kListSchema);
  return schema.replace(schema.find(place), place.size(), format_version >= 3 ? kFirstRowId : "");
}

struct PartitionSummary {
  bool contains_null = false;
  std::optional<bool> contains_nan;
  std::optional<std::string_view> lower, upper;
};

void EncodeOptionalBytes(const std::optional<std::string_view>& value, AvroEncoder* out) {
  if (!value) return out->Null();
  out->Present();
  out->Bytes(*value);
}

void EncodeSummary(const PartitionSummary& summary, AvroEncoder* out) {
  out->Boolean(summary.contains_null);
  if (summary.contains_nan) {
    out->Present();
    out->Boolean(*summary.contains_nan);
  } else {
    out->Null();
  }
  EncodeOptionalBytes(summary.lower, out);
  EncodeOptionalBytes(summary.upper, out);
}

// Reads the summaries of one manifest and gives them in our own encoding, one block of items.
std::string ReadPartitions(const AvroType& array, AvroCursor* cursor) {
  if (array.kind == AvroType::Kind::kNull) return "";
  AvroEncoder items;
  int64_t count = 0;
  cursor->Items(array, "partitions", [&](const AvroType& item) {
    if (item.kind != AvroType::Kind::kRecord) {
      return cursor->Mismatch(item, "a record", "a partition summary");
    }
    PartitionSummary summary;
    cursor->Record(item, [&](int32_t id, const AvroType& type) {
      switch (id) {
        case 509:
          summary.contains_null = cursor->Flag(type, "contains_null").value_or(false);
          return true;
        case 518:
          summary.contains_nan = cursor->Flag(type, "contains_nan");
          return true;
        case 510:
          summary.lower = cursor->Text(type, "lower_bound");
          return true;
        case 511:
          summary.upper = cursor->Text(type, "upper_bound");
          return true;
        default:
          return false;
      }
    });
    EncodeSummary(summary, &items);
    ++count;
  });
  if (count == 0) return "";
  AvroEncoder whole;
  whole.Long(count);
  whole.Raw(items.bytes());
  whole.Long(0);
  return whole.bytes();
}

// A count that old writers may leave out.
template <class T>
void SetCount(std::optional<T> value, T* count, ManifestFile* file) {
  if (value) {
    *count = *value;
  } else {
    file->counts_known = false;
  }
}

/// Which demanded fields a row had.
struct Seen {
  bool uri = false, length = false;
  bool encrypted = false;
  int counts = 0;
};

bool ReadCount(int32_t id, const AvroType& type, AvroCursor* cursor, ManifestFile* file,
               Seen* seen) {
  switch (id) {
    case 504:
      SetCount(cursor->Integer32(type, "added_files_count"), &file->added_files, file);
      break;
    case 505:
      SetCount(cursor->Integer32(type, "existing_files_count"), &file->existing_files, file);
      break;
    case 506:
      SetCount(cursor->Integer32(type, "deleted_files_count"), &file->deleted_files, file);
      break;
    case 512:
      SetCount(cursor->Integer(type, "added_rows_count"), &file->added_rows, file);
      break;
    case 513:
      SetCount(cursor->Integer(type, "existing_rows_count"), &file->existing_rows, file);
      break;
    case 514:
      SetCount(cursor->Integer(type, "deleted_rows_count"), &file->deleted_rows, file);
      break;
    default:
      return false;
  }
  ++seen->counts;
  return true;
}

bool ReadField(int32_t id, const AvroType& type, AvroCursor* cursor, ManifestFile* file,
               Seen* seen) {
  switch (id) {
    case 500:
      if (const auto uri = cursor->Text(type, "manifest_path")) file->uri = *uri;
      seen->uri = !file->uri.empty();
      return true;
    case 501:
      file->length = cursor->Integer(type, "manifest_length").value_or(0);
      seen->length = file->length > 0;
      return true;
    case 502:
      file->partition_spec_id = cursor->Integer32(type, "partition_spec_id").value_or(0);
      return true;
    case 503:
      file->added_snapshot_id = cursor->Integer(type, "added_snapshot_id").value_or(0);
      return true;
    case 507:
      file->partitions = ReadPartitions(type, cursor);
      return true;
    case 515:
      file->sequence_number = cursor->Integer(type, "sequence_number").value_or(0);
      return true;
    case 516:
      file->min_sequence_number = cursor->Integer(type, "min_sequence_number").value_or(0);
      return true;
    case 517:
      file->content = cursor->Integer32(type, "content").value_or(0);
      return true;
    case 520:
      file->first_row_id = cursor->Integer(type, "first_row_id");
      return true;
    case 519: {
      const auto key = cursor->Text(type, "key_metadata");
      seen->encrypted = key && !key->empty();
      return true;
    }
    default:
      return ReadCount(id, type, cursor, file, seen);
  }
}

Status CheckRow(const ManifestFile& file, const Seen& seen, std::string_view origin,
                AvroCursor* cursor) {
  if (!cursor->ok()) return cursor->status();
  if (!seen.uri) {
    cursor->Fail("a manifest has no path");
  } else if (!seen.length) {
    cursor->Fail(fmt::format("manifest {} has no length", file.uri));
  } else if (file.content != 0 && file.content != 1) {
    cursor->Fail(fmt::format("manifest {} has content {}, neither data nor deletes", file.uri,
                             file.content));
  } else if (std::min({file.added_files, file.existing_files, file.deleted_files}) < 0 ||
             std::min({file.added_rows, file.existing_rows, file.deleted_rows}) < 0) {
    cursor->Fail(fmt::format("manifest {} has a negative count", file.uri));
  }
  if (cursor->ok() && seen.encrypted) {
    return base::Invalid("{}: manifest {} is encrypted, which Millpond cannot read", origin,
                         file.uri);
  }
  return cursor->status();
}

}  // namespace

Result<std::vector<ManifestFile>> ParseManifestList(std::string_view bytes,
                                                    std::string_view origin) {
  ARROW_ASSIGN_OR_RAISE(AvroReader reader, AvroReader::Open(bytes, origin));
  std::vector<ManifestFile> result;
  ARROW_RETURN_NOT_OK(reader.ForEach([&](AvroCursor& cursor) -> Status {
    ManifestFile file;
    Seen seen;
    cursor.Record(reader.schema(), [&](int32_t id, const AvroType& type) {
      return ReadField(id, type, &cursor, &file, &seen);
    });
    if (seen.counts < 6) file.counts_known = false;
    ARROW_RETURN_NOT_OK(CheckRow(file, seen, origin, &cursor));
    result.push_back(std::move(file));
    return Status::OK();
  }));
  return result;
}

Result<std::string> SerializeManifestList(const std::vector<ManifestFile>& manifests,
                                          int64_t snapshot_id, std::optional<int64_t> parent,
                                          int64_t sequence_number, int format_version) {
  AvroWriter writer({{"avro.schema", ListSchema(format_version)},
                     {"format-version", std::to_string(format_version)},
                     {"snapshot-id", std::to_string(snapshot_id)},
                     {"parent-snapshot-id", parent ? std::to_string(*parent) : "null"},
                     {"sequence-number", std::to_string(sequence_number)}});
  for (const ManifestFile& file : manifests) {
    if (!file.counts_known) {
      return base::Invalid(
          "manifest {} does not say how many files and rows it has (format v1); rewrite the "
          "table's manifests in the engine that made it",
          file.uri);
    }
    AvroEncoder& row = writer.record();
    row.Bytes(file.uri);
    row.Long(file.length);
    row.Long(file.partition_spec_id);
    row.Long(file.content);
    row.Long(file.sequence_number);
    row.Long(file.min_sequence_number);
    row.Long(file.added_snapshot_id);
    row.Long(file.added_files);
    row.Long(file.existing_files);
    row.Long(file.deleted_files);
    row.Long(file.added_rows);
    row.Long(file.existing_rows);
    row.Long(file.deleted_rows);
    if (file.partitions.empty()) {
      row.Null();
    } else {
      row.Present();
      row.Raw(file.partitions);
    }
    row.Null();  // key_metadata
    if (format_version >= 3) row.OptionalLong(file.first_row_id);
    ARROW_RETURN_NOT_OK(writer.EndRecord());
  }
  return writer.Finish();
}

}  // namespace millpond::table
