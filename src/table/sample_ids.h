// Numbers for the sample_id column: one counter per table in the ledger, so that writers in many
// processes never give a number twice. Used by TableWriter.
#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <memory>
#include <string>

#include "base/error.h"
#include "table/catalog.h"

namespace millpond::table {

class SampleIds {
 public:
  /// `location`: the table's folder; it names the counter, so a table that is dropped and created
  /// anew starts at 0 again.
  SampleIds(Catalog* catalog, const std::string& location);

  /// Moves the counter past what other engines wrote into `table`, where the newest snapshot of a
  /// branch is not ours.
  Status PassForeignRows(const Table& table);

  /// The next `count` numbers as a column.
  Result<std::shared_ptr<arrow::Array>> Take(int64_t count);
  /// Moves the counter past the numbers that rows brought along.
  Status Pass(const arrow::Array& given);

 private:
  Status PassRowsOf(const Table& table, const Snapshot& snapshot);
  Status PassNumber(int64_t number);

  Catalog* catalog_;
  std::string counter_;
  int64_t passed_ = 0;  // The counter is known to be at least here.
};

}  // namespace millpond::table
