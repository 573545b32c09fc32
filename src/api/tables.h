// Verbs that look at tables: ls and show.
#pragma once

#include <string>

#include "api/pond.h"
#include "base/json.h"

namespace millpond::api {

/// {"tables": [{"table", "rows", "files", "bytes", "columns", "snapshot", "updated", "recorded"}]}
/// at a ref, by name.
Result<base::Json> ListTables(Pond& pond, const std::string& ref);

/// {"table", "ref", "location", "format_version", "uuid", "snapshot", "rows", "files", "bytes",
/// "updated", "properties",
///  "columns": [{"id", "name", "type", "required", "identifier"}], "snapshots": [{"id", "at",
///  "operation", "rows"}]}.
/// `table` may carry a ref: "shop.orders@v1".
Result<base::Json> ShowTable(Pond& pond, const std::string& table);

}  // namespace millpond::api
