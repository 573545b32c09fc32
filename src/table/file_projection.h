// Columns as one schema stored them, given as another schema of the same table has them: matched by
// field id, nested ones too, so that renamed, moved, widened, dropped and new columns come out
// right. Used where data files are read back in this room. Pure.
#pragma once

#include <arrow/type_fwd.h>

#include <memory>

#include "base/error.h"

namespace millpond::table {

/// `batch`, whose fields carry field ids, with exactly the fields of `wanted`. Columns that it
/// lacks are null; kInvalid where such a column is required, or where a value does not fit.
Result<std::shared_ptr<arrow::RecordBatch>> ProjectById(
    const arrow::RecordBatch& batch, const std::shared_ptr<arrow::Schema>& wanted);

/// Whether all top-level fields carry field ids (files of other origin may have none).
bool HasFieldIds(const arrow::Schema& schema);

}  // namespace millpond::table
