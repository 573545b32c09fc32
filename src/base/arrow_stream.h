// Small bridges around Arrow record batch readers that several rooms need.
#pragma once

#include <arrow/type_fwd.h>

#include <functional>
#include <memory>

#include "base/error.h"

namespace millpond::base {

/// A reader of `schema` that calls `next` until it returns null; a failed call ends the stream with
/// that status.
std::shared_ptr<arrow::RecordBatchReader> MakeReader(
    std::shared_ptr<arrow::Schema> schema,
    std::function<Result<std::shared_ptr<arrow::RecordBatch>>()> next);

}  // namespace millpond::base
