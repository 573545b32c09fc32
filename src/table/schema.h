// Iceberg schemas. In memory a schema is an arrow::Schema whose fields, nested ones too, carry
// their Iceberg field id in the metadata key "PARQUET:field_id" (what Parquet files keep as
// field_id), so one type serves files, batches and metadata.
#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/json.h"

namespace millpond::table {

/// Column that identifies a row in every table of ours: long, required, unique within the table.
inline constexpr std::string_view kSampleId = "sample_id";

struct Schema {
  int32_t id = 0;
  std::shared_ptr<arrow::Schema> arrow;       ///< With field ids.
  std::vector<int32_t> identifier_field_ids;  ///< Usually {id of sample_id}.
};

/// Iceberg JSON <-> Schema. Reading refuses types we cannot hold by name (kInvalid), e.g. geometry
/// and unknown ones; a document that breaks the format is kCorrupt. A field's "doc", its type where
/// Arrow's says less (kIcebergTypeKey) and its defaults (kInitialDefaultKey…) ride in its metadata.
Result<Schema> SchemaFromJson(const base::Json& json, std::string_view origin);
Result<base::Json> SchemaToJson(const Schema& schema);

/// Refuses what a v2 table must not hold (time, uuid, unsigned, nanoseconds, null, dictionary,
/// fixed-size list…) with the replacement to use. Checks names too: no duplicates (also by case),
/// none empty.
Status CheckAcceptedTypes(const arrow::Schema& schema);

/// The nearest schema that CheckAcceptedTypes takes and that loses no value: small integers widen,
/// large and view strings become utf8, dictionaries their values, fixed-size lists become lists,
/// seconds and milliseconds become microseconds, list and map children get Iceberg's names. Refuses
/// (kInvalid, with the column and the replacement to use) what has no such type. Field metadata is
/// kept.
Result<std::shared_ptr<arrow::Schema>> StorableSchema(const arrow::Schema& schema);

/// The same schema without any field id, nested ones too: what other files' ids meant elsewhere
/// must not leak into a new table.
std::shared_ptr<arrow::Schema> WithoutFieldIds(const arrow::Schema& schema);

/// The same schema with field ids numbered depth-first from `next_id`, which is left at the next
/// free id. Fields that have one keep it (and `next_id` passes it); two fields with one id are
/// kInvalid.
Result<std::shared_ptr<arrow::Schema>> AssignFieldIds(const arrow::Schema& schema,
                                                      int32_t* next_id);

/// Metadata key of a field id in an arrow::Field, nested ones too; Arrow's Parquet reader and
/// writer use it as field_id.
inline constexpr const char* kFieldIdKey = "PARQUET:field_id";

/// Metadata key of a field that is text in memory and something else in the table: "uuid",
/// "variant". Such a table is read; new rows are refused.
inline constexpr const char* kIcebergTypeKey = "iceberg.type";

/// Metadata keys of a field's default values, each in Iceberg's JSON form for values.
inline constexpr const char* kInitialDefaultKey = "iceberg.initial-default";
inline constexpr const char* kWriteDefaultKey = "iceberg.write-default";

/// The value at a metadata key of a field, or nullopt.
std::optional<std::string> FieldMetadata(const arrow::Field& field, const char* key);

/// What rows of files have that were written before the field was added (v3), as JSON; nullopt:
/// null.
std::optional<std::string> InitialDefaultOf(const arrow::Field& field);

/// Whether the fields inside `now` are those inside `then` by name as they are by field id.
bool NestedNamesAgree(const arrow::DataType& now, const arrow::DataType& then);

/// kInvalid, naming the column, where rows of this schema are read but not written: columns of type
/// uuid, variant or time, and default values.
Status CheckWritableColumns(const arrow::Schema& schema, const std::string& table_name);

/// The highest field id anywhere in the schema; 0 where there is none.
int32_t HighestFieldId(const arrow::Schema& schema);

/// The field id of a field, or nullopt.
std::optional<int32_t> FieldIdOf(const arrow::Field& field);

/// Same names, types, nullability, order; ids ignored.
bool SameColumns(const arrow::Schema& a, const arrow::Schema& b);

}  // namespace millpond::table
