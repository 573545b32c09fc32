// SQL for one column of a table as DuckDB is to give it: types, defaults, and values of files whose
// columns are named or nested in another way than the table's are now. Used by file_relation.cc and
// relation.cc. Pure.
#pragma once

#include <arrow/type_fwd.h>

#include <optional>
#include <string>

#include "base/error.h"

namespace millpond::query {

/// DuckDB's name of an Arrow type; kInvalid for types that tables cannot hold.
Result<std::string> SqlTypeOf(const arrow::DataType& type);

/// DuckDB's type of a table's column in its files: SqlTypeOf but for what is text only in memory.
Result<std::string> StoredSqlTypeOf(const arrow::Field& field);

/// `input`, which has StoredSqlTypeOf, as SqlTypeOf.
std::string FromStored(const arrow::Field& field, const std::string& input);

/// What a file has where it lacks the column: text that casts to the column's type; nullopt: null.
/// kInvalid for defaults of nested columns.
Result<std::optional<std::string>> DefaultText(const arrow::Field& field);

/// The same as an expression.
Result<std::string> DefaultSql(const arrow::Field& field);

/// A value in Iceberg's single-value binary form as an expression of the column's type.
Result<std::string> ValueSql(const arrow::Field& field, const std::optional<std::string>& bytes);

/// The column `now` from a file that has it as `then` (both with field ids), where `input` is the
/// file's value: renamed, moved, widened, dropped and new fields inside come out right.
Result<std::string> ReadAs(const arrow::Field& now, const arrow::Field& then,
                           const std::string& input);

}  // namespace millpond::query
