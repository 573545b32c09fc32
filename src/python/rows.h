// A stream of rows on its way to Python, and one that comes from there.
#pragma once

#include <arrow/type_fwd.h>
#include <nanobind/nanobind.h>

#include <memory>

#include "base/json.h"

namespace millpond::python {

struct Rows {
  std::shared_ptr<arrow::RecordBatchReader> reader;  ///< Null once read.
  base::Json inputs;
};

/// Any object with __arrow_c_stream__, or such a capsule, as a reader.
std::shared_ptr<arrow::RecordBatchReader> ImportStream(nanobind::handle data);

}  // namespace millpond::python
