// The names of the types that a table may hold, as people write them in options and read them in
// reports.
#pragma once

#include <arrow/type_fwd.h>

#include <string>

namespace millpond::source {

/// "int64", "decimal(10,2)", "timestamp", "list<struct<a:int64>>"…; the inverse of ParseTypeName.
std::string TypeName(const arrow::DataType& type);

}  // namespace millpond::source
