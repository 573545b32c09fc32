// Growing a table's schema so that new rows fit: nullable columns at the end and widened types,
// nothing else. Pure; used by commit.
#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "table/schema.h"

namespace millpond::table {

/// The first schema of a table: storable types, fresh field ids from 1, identifier columns
/// required. `identifier` empty: sample_id where there is one. kInvalid for a sample_id that is no
/// integer, and for identifiers that do not exist.
Result<Schema> FirstSchema(const arrow::Schema& columns,
                           const std::vector<std::string>& identifier);

/// `table` grown so that rows of `wanted` fit, ids of new fields from `*last_column_id` + 1 on; the
/// same schema where they fit already. kInvalid names every column that cannot: "price is string in
/// shop.orders and double in the new rows".
Result<std::shared_ptr<arrow::Schema>> GrowSchema(const arrow::Schema& table,
                                                  const arrow::Schema& wanted,
                                                  const std::string& table_name,
                                                  int32_t* last_column_id);

/// `columns` with field ids: a field that carries the id of one of the table's columns is that one
/// under its own name; others get ids from `*last_column_id` + 1 on. kInvalid where an identifier
/// column is missing or a field id is not the table's.
Result<std::shared_ptr<arrow::Schema>> ReplaceColumns(const Schema& table,
                                                      const arrow::Schema& columns,
                                                      const std::string& table_name,
                                                      int32_t* last_column_id);

}  // namespace millpond::table
