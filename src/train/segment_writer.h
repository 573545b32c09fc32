// Writes the files of a segment into a builder's folder: <part number>.arrow, one per part, and
// segment.json. Called by Segment::Open only. Layout: docs/formats/segment.md.
#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"

namespace millpond::train {

class SegmentWriter {
 public:
  /// `schema`: of the rows that Write gets, in stored types (StoredType).
  static Result<std::unique_ptr<SegmentWriter>> Open(std::string folder,
                                                     std::shared_ptr<arrow::Schema> schema,
                                                     const std::vector<std::string>& parts);
  ~SegmentWriter();

  /// Appends the rows of each part, in order; `parts[i]` is the part of row i, kNoPart drops it.
  Status Write(const std::shared_ptr<arrow::RecordBatch>& batch, const std::vector<int32_t>& parts);
  Status Finish();

 private:
  class PartFile;
  SegmentWriter();
  std::string folder_;
  std::shared_ptr<arrow::Schema> schema_;
  std::vector<std::unique_ptr<PartFile>> parts_;
};

/// How a segment keeps a column: decimals as float64, long and view layouts as plain ones,
/// dictionaries as their values. kInvalid for what no batch can hold (structs, maps, nested
/// lists…), with the way out.
Result<std::shared_ptr<arrow::DataType>> StoredType(const arrow::Field& field);

}  // namespace millpond::train
