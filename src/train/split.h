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

/// A position in [0, 2^64) per key; stable for ever.
uint64_t SplitHash(std::string_view key_text, uint64_t seed);

struct SplitPlan {
  SplitMethod method = SplitMethod::kNone;
  std::string column;
  uint64_t seed = 0;
  std::vector<std::string> parts;
  std::vector<uint64_t>
      hash_cuts;  ///< Inclusive upper hash of each part but the last (hash, group).
  std::map<std::string, std::vector<uint64_t>>
      class_cuts;  ///< Class text -> the same; "" with a 0x00 before it is null (stratified).
  std::vector<int64_t>
      time_cuts;  ///< Exclusive end of each part but the last: microseconds, or the integer itself.
};

base::Json PlanToJson(const SplitPlan& plan);
Result<SplitPlan> PlanFromJson(const base::Json& json, std::string_view origin);

/// Opens the named columns of the dataset as a stream, in any order; called once per pass over the
/// data.
using OpenColumns = std::function<Result<std::shared_ptr<arrow::RecordBatchReader>>(
    const std::vector<std::string>& columns)>;

/// Makes the plan; reads the data only for stratified (two passes, memory in proportion to the
/// classes), time by shares and given.
Result<SplitPlan> MakePlan(const DatasetDefinition& definition, const OpenColumns& open,
                           const base::Context& context);

/// Columns that AssignParts needs beside others.
std::vector<std::string> PlanColumns(const DatasetDefinition& definition);

/// The part of every row: an index into plan.parts, or kNoPart. kInvalid where a key, time or group
/// is null.
Result<std::vector<int32_t>> AssignParts(const SplitPlan& plan, const std::vector<std::string>& key,
                                         const arrow::RecordBatch& batch);

}  // namespace millpond::train
