// Simple conditions on a table's columns, and which data files cannot hold a row that meets them,
// by the bounds that manifests state. Used by scan planning, and by commit to find out whether rows
// that others added meanwhile matter. Pure; nothing here reads data.
#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "table/data_file.h"

namespace millpond::table {

enum class Comparison {
  kEqual,
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kIsNull,
  kIsNotNull
};

/// `column op value`: rows that fail it are not wanted. A plan may keep more than it must, never
/// less.
struct Predicate {
  std::string column;
  Comparison op = Comparison::kEqual;
  std::shared_ptr<arrow::Scalar>
      value;  ///< Null for the two null tests. Any type comparable with the column.
};

/// Predicates over the columns of one schema. Where anything is unknown a file may match.
class FilePruner {
 public:
  /// Nested and unknown columns, which have no bounds of their own, are left out.
  FilePruner(const arrow::Schema& schema, const std::vector<Predicate>& predicates);

  /// False where no row of the file can meet all predicates.
  bool MayMatch(const DataFile& file) const;

 private:
  struct Test {
    int32_t field_id;
    std::shared_ptr<arrow::DataType> type;
    Comparison op;
    std::shared_ptr<arrow::Scalar> value;
  };
  static bool MayHoldNan(const DataFile& file, const Test& test);
  static bool MayMatch(const DataFile& file, const Test& test);

  std::vector<Test> tests_;
};

}  // namespace millpond::table
