// Row lineage of Iceberg v3: what a row is called and which commit changed it last, kept when rows
// move to other files. Where a data file has no such columns, or null in them, both follow from the
// file's place in the table. Used where files are rewritten and where updated rows are written.
#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "base/error.h"

namespace millpond::table {

inline constexpr std::string_view kRowId = "_row_id";
inline constexpr std::string_view kLastUpdated = "_last_updated_sequence_number";
/// Field ids that the specification reserves for the two columns.
inline constexpr int32_t kRowIdFieldId = 2147483540;
inline constexpr int32_t kLastUpdatedFieldId = 2147483539;

/// A nullable long with the field id in its metadata.
std::shared_ptr<arrow::Field> LineageField(std::string_view name, int32_t field_id);

/// `batch`, which begins at row `position` of a file with these numbers, with both columns filled
/// in at its end. `first_row_id` none: rows without a stored `_row_id` have none yet.
Result<std::shared_ptr<arrow::RecordBatch>> WithLineage(
    const std::shared_ptr<arrow::RecordBatch>& batch, int64_t position,
    std::optional<int64_t> first_row_id, int64_t sequence_number);

}  // namespace millpond::table
