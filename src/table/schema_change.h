// Changing a table's columns one by one, by field id, without touching its data: what ALTER is made
// of. Old files stay as they are and are read by id. Pure; used by commit.
#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "table/schema.h"

namespace millpond::table {

/// One step. `column`: a path, "address.city", through lists as "tags.element" and maps as
/// "scores.value".
struct SchemaStep {
  enum class Kind {
    kAdd,       ///< A nullable column of `type` at the end of its struct.
    kDrop,      ///< Its values stay in old files and are not read.
    kRename,    ///< To `name`.
    kMove,      ///< Behind the column `name` of the same struct; first where it is empty.
    kWiden,     ///< To `type`: int to long, float to double, decimal to more digits.
    kOptional,  ///< Required no more.
    kDescribe,  ///< Its doc is `name`; empty: none.
  };
  Kind kind = Kind::kAdd;
  std::string column;
  std::string name;
  std::shared_ptr<arrow::DataType> type;
};

/// The schema after all steps, in order; new fields get ids from `*last_column_id` + 1 on. kInvalid
/// with the column, and for types that tables do not hold with the one to use; kNotFound for
/// columns that are not there; kAlreadyExists for a name that is taken. Identifier columns and
/// sample_id can be moved and described only.
Result<Schema> ChangeSchema(const Schema& schema, const std::vector<SchemaStep>& steps,
                            const std::string& table_name, int32_t* last_column_id);

}  // namespace millpond::table
