// The identity column stays unique: rows that bring a sample_id of their own are compared with each
// other and with the rows that the table has. Cheap where numbers ascend and are new; else the
// sample_id column of files whose bounds overlap is read. Used by commits when they are planned.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "table/catalog.h"
#include "table/data_file.h"

namespace millpond::table {

/// kInvalid names a number that is given twice or that a row of `table` (none: all its rows go) has
/// already. Only files that say `brings_ids` are looked at, and only where sample_id alone names
/// the table's rows. Rows that an equality delete took away count as there. kExhausted where more
/// numbers out of order come at once than fit in memory.
Status CheckNewIds(Catalog& catalog, const TableName& name, const Schema& schema,
                   const std::optional<Table>& table, const std::vector<DataFile>& files);

}  // namespace millpond::table
