// alter: columns and properties of a table, each call one commit that writes no rows.
#pragma once

#include <arrow/type_fwd.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/pond.h"
#include "base/json.h"

namespace millpond::api {

// `branch` (empty: main) is where the commit lands; properties are those of the table everywhere.

/// One change of columns. `action`: "add", "drop", "rename", "move", "widen", "optional",
/// "describe"; what `value` is follows from it: an SQL type (add, widen), a new name, a column to
/// stand behind (move; empty: first), a description.
struct ColumnChange {
  std::string action, column, value;
};

/// {"commit", "columns": [{"name", "type", "required"}]}; kInvalid where nothing changes.
Result<base::Json> AlterColumns(Pond& pond, const std::string& table,
                                const std::vector<ColumnChange>& changes,
                                const std::string& message, const std::string& branch);

/// nullopt removes a property. {"commit", "properties"}
Result<base::Json> SetProperties(
    Pond& pond, const std::string& table,
    const std::map<std::string, std::optional<std::string>>& properties, const std::string& message,
    const std::string& branch);

/// What the SQL engine makes of a type's name: "BIGINT", "FLOAT[]". kInvalid, with what to use
/// instead, for types that tables do not hold.
Result<std::shared_ptr<arrow::DataType>> SqlType(Pond& pond, const std::string& name);

/// [{"name", "type", "required"}]
base::Json ColumnsToJson(const arrow::Schema& schema);

}  // namespace millpond::api
