// Which part each row belongs to: a pure function of the row and a plan. The plan holds all that
// had to be learnt from the data (thresholds per class, cut points in time) and is part of a frozen
// version, so that later every row is placed alone, in one pass, in O(1) memory.
#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/context.h"
#include "base/error.h"
#include "base/json.h"
#include "train/definition.h"

namespace millpond::train {

/// Row belongs to no part (a `given` column that is null or names none).
inline constexpr int32_t kNoPart = -1;

/// The canonical text of one row's key columns: what hashes are taken of, the same whatever integer
/// width or string layout the column has. Integers in decimal, text and binary as they are,
/// booleans true/false, dates and timestamps as microseconds since 1970; several columns are joined
/// by the byte 0x1F. kInvalid for floating point and nested columns.
class KeyText {
 public:
  static Result<KeyText> Make(const arrow::RecordBatch& batch,
                              const std::vector<std::string>& columns);
  /// Overwrites `text`; false where any column is null.
  bool Write(int64_t row, std::string* text) const;

 private:
  std::vector<std::shared_ptr<arrow::Array>> arrays_;
};

/// kInvalid where a column of this type has no exact text.
Status CheckKeyType(const arrow::Field& field);

/// A column of times as microseconds since 1970, or as the integers it holds; kInvalid where one is
/// null or the type is no time.
Status CheckTimeType(const arrow::Field& field);
Result<std::vector<int64_t>> TimesOf(const arrow::Array& array, const std::string& column);

/// "=text", or "null": how a plan names a class.
std::string ClassName(bool present, std::string_view text);

/// A position in [0, 2^64) per key; stable for ever.
uint64_t SplitHash(std::string_view key_text, uint64_t seed);

/// All cuts are exclusive ends of each part but the last, which takes what is left.
struct SplitPlan {
  SplitMethod method = SplitMethod::kNone;
  std::string column;
  uint64_t seed = 0;
  std::vector<std::string> parts;
  std::vector<uint64_t> hash_cuts;  ///< By hash (hash, group, and classes the plan never saw).
  std::map<std::string, std::vector<uint64_t>>
      class_cuts;                  ///< Stratified: by hash within a class, under ClassName.
  std::vector<int64_t> time_cuts;  ///< Microseconds since 1970, or the column's integers.
};

base::Json PlanToJson(const SplitPlan& plan);
Result<SplitPlan> PlanFromJson(const base::Json& json, std::string_view origin);

/// Runs SELECT `columns` FROM the dataset's query `tail` ("GROUP BY …", "ORDER BY …", or nothing).
using SelectFrom = std::function<Result<std::shared_ptr<arrow::RecordBatchReader>>(
    const std::string& columns, const std::string& tail)>;

/// Makes the plan; reads the data only for stratified (two passes, memory in proportion to the
/// classes), time by shares, and given without parts.
Result<SplitPlan> MakePlan(const DatasetDefinition& definition, const SelectFrom& select,
                           const base::Context& context);

/// Columns that AssignParts needs beside others.
std::vector<std::string> PlanColumns(const DatasetDefinition& definition);

/// The part of every row: an index into plan.parts, or kNoPart. kInvalid where a key, time or group
/// is null.
Result<std::vector<int32_t>> AssignParts(const SplitPlan& plan, const std::vector<std::string>& key,
                                         const arrow::RecordBatch& batch);

}  // namespace millpond::train
