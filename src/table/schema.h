// Iceberg schemas. In memory a schema is an arrow::Schema whose fields, nested ones too, carry their Iceberg field id in the
// metadata key "PARQUET:field_id" (what Parquet files keep as field_id), so one type serves files, batches and metadata.
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
  std::shared_ptr<arrow::Schema> arrow;          ///< With field ids.
  std::vector<int32_t> identifier_field_ids;     ///< Usually {id of sample_id}.
};

/// Iceberg JSON <-> Schema. Reading refuses types we cannot hold by name (kInvalid), e.g. uuid, time, variant, unknown ones.
Result<Schema> SchemaFromJson(const base::Json& json, std::string_view origin);
Result<base::Json> SchemaToJson(const Schema& schema);

/// Refuses what a v2 table must not hold (time, uuid, unsigned, nanoseconds, null, dictionary, fixed-size list…) with the replacement to use.
/// Checks names too: no duplicates (also by case), none empty.
Status CheckAcceptedTypes(const arrow::Schema& schema);

/// The same schema with field ids numbered depth-first from `next_id`, which is left at the next free id. Fields that have one keep it.
Result<std::shared_ptr<arrow::Schema>> AssignFieldIds(const arrow::Schema& schema, int32_t* next_id);

/// The field id of a field, or nullopt.
std::optional<int32_t> FieldIdOf(const arrow::Field& field);

/// Same names, types, nullability, order; ids ignored.
bool SameColumns(const arrow::Schema& a, const arrow::Schema& b);

}  // namespace millpond::table
