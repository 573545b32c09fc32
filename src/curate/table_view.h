// One version of a table, resolved and pinned, so that all queries of one verb see the same rows.
// Used by every verb of this room.
#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/json.h"
#include "query/session.h"

namespace millpond::curate {

/// What a column's values are like, as far as SQL text must know.
enum class ValueKind { kNumber, kText, kBoolean, kTime, kBinary, kNested };

struct TableView {
  table::TableName table;
  std::optional<int64_t> snapshot;
  std::string policy_hash;
  std::string sql;                        ///< Quoted name for FROM.
  query::SqlOptions options;              ///< Pins the version; go with every query on `sql`.
  std::shared_ptr<arrow::Schema> schema;  ///< As the session shows it: without field ids.
  bool has_sample_id = false;

  /// `text`: "shop.orders" or "shop.orders@v1".
  static Result<TableView> Open(query::Session& session, const std::string& text);

  /// kNotFound with the nearest name.
  Result<std::shared_ptr<arrow::Field>> Column(const std::string& name) const;
};

ValueKind KindOfType(const arrow::DataType& type);
bool IsFloating(const arrow::DataType& type);

/// SQL's name of the type ("BIGINT"); for text and documents.
std::string SqlTypeName(const arrow::DataType& type);

/// `value` as a SQL literal to compare with a column of `type`; kInvalid where it can never be one
/// (a word for a number, a list). Strings are always quoted, so nothing in them is read as SQL.
Result<std::string> SqlLiteral(const base::Json& value, const arrow::DataType& type);

}  // namespace millpond::curate
