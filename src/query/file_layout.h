// How the columns that a data file has compare with those of a table's version, and so in which way
// the file can be read. DuckDB reads files by column names in parallel and knows their rows
// beforehand; by field id it does neither, but finds columns whatever they are called. Called by
// file_relation.cc. Pure.
#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "table/file_columns.h"

namespace millpond::query {

struct FileLayout {
  /// Every wanted column that the file has is under the name that FileColumns gives it, and is
  /// stored as it is now or simple to cast.
  bool by_name = false;
  /// Reading by field id gives every wanted column but those in `missing`, which it takes for their
  /// defaults.
  bool by_id = false;
  std::vector<int32_t> missing;  ///< Field ids of wanted columns that the file lacks.
};

/// Compares what is stored with the version's columns, all with field ids.
FileLayout CompareColumns(const table::FileColumns& stored, const arrow::FieldVector& wanted);

/// kInvalid where DuckDB would take one column of the file for another: names that differ only by
/// case, or that DuckDB has for something else.
Status CheckNamesAreClear(const arrow::FieldVector& stored, const std::string& uri);

/// The field of that id, or null.
std::shared_ptr<arrow::Field> FindById(const arrow::FieldVector& fields, int32_t id);

}  // namespace millpond::query
