// Partitions as other engines wrote them: specs, and the tuple of values that a manifest entry
// carries. Called by scan planning: which deletes belong to which data files, what a file's rows
// have in common. Transforms that are not known say nothing, as the specification asks.
#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "table/avro_schema.h"
#include "table/data_file.h"
#include "table/manifest.h"
#include "table/metadata.h"

namespace millpond::table {

struct PartitionField {
  int32_t source_id = 0;  ///< The column's field id.
  int32_t field_id = 0;   ///< The partition field's own, from 1000 on.
  std::string transform;  ///< "identity", "bucket[16]", "day"…
};

/// The fields of a spec; empty where there is none of that id.
std::vector<PartitionField> PartitionFieldsOf(const TableMetadata& metadata, int32_t spec_id);

/// Partition field id -> value in Iceberg's single-value binary form; nullopt: null.
using PartitionTuple = std::map<int32_t, std::optional<std::string>>;

/// Decodes the partition tuples of one manifest.
class PartitionReader {
 public:
  /// kCorrupt where the manifest's partition type is none.
  static Result<PartitionReader> Make(const Manifest& manifest, std::string_view origin);
  /// `encoded`: ManifestEntry::partition.
  Result<PartitionTuple> Read(std::string_view encoded) const;

 private:
  std::string origin_;
  AvroTypePtr type_;  // Null: the manifest's files have no partition.
};

/// Equal where spec and tuple are, whoever encoded them: what delete files are matched by.
std::string PartitionKey(int32_t spec_id, const PartitionTuple& tuple);

/// Adds to the bounds and null counts of `file` what its partition says of its columns and its
/// statistics do not.
void AddPartitionBounds(const std::vector<PartitionField>& fields, const PartitionTuple& tuple,
                        const arrow::Schema& schema, DataFile* file);

}  // namespace millpond::table
