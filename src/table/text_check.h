// Whether text is UTF-8. Arrow does not say so of arrays that others made, Parquet writes any
// bytes, and no reader takes them back. Pure; used by BatchFitter.
#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>

namespace millpond::table {

/// The first row that holds text, at any depth, that is not UTF-8; -1: there is none.
int64_t FindInvalidText(const arrow::Array& array);

}  // namespace millpond::table
