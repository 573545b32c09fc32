// Copies chosen rows of a segment into the columns of a batch: fixed-width values straight into
// aligned buffers, text through its offsets, images decoded on the way. Made once per loader;
// Gather is called by many threads at once.
#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "train/batch.h"
#include "train/buffer_pool.h"
#include "train/image.h"
#include "train/loader.h"
#include "train/segment.h"

namespace millpond::train {

class Gatherer {
 public:
  /// Decides the shape of each column; kInvalid where the segment cannot give it (nulls among
  /// integers, decoding a column that is not binary…).
  static Result<std::unique_ptr<Gatherer>> Make(std::shared_ptr<const Segment> segment,
                                                const LoaderOptions& options);

  std::vector<ColumnSpec> Specs() const;

  /// Fills rows, columns and broken of `batch` with these rows, in this order.
  Status Gather(std::span<const int64_t> rows, Batch* batch) const;

 private:
  enum class Shape { kValue, kBoolean, kMatrix, kText, kRagged, kImage };
  struct ColumnPlan {
    std::string name;
    std::shared_ptr<arrow::DataType> type;  // Of an element.
    Shape shape;
    int index;      // In the segment's batches.
    int64_t width;  // Bytes of a row (kValue, kMatrix), of an element (kRagged).
    bool fill_nulls = false;
    int64_t length = 0;  // Elements of a row (kMatrix).
    int64_t null_count = 0;
    int channels = 0;
    ImageSize size;
  };
  using Places = std::vector<Segment::Place>;

  Gatherer(std::shared_ptr<const Segment> segment, OnBroken on_broken)
      : segment_(std::move(segment)), on_broken_(on_broken) {}
  Result<ColumnPlan> PlanColumn(const SegmentColumn& column, const LoaderOptions& options) const;
  Status PlanImage(const DecodeOptions& decode, ColumnPlan* plan) const;

  Status DecodeImages(const ColumnPlan& plan, std::span<const int64_t> rows, const Places& places,
                      Batch* batch, std::vector<bool>* broken, BatchColumn* column) const;
  Status CopyValues(const ColumnPlan& plan, const Places& places, BatchColumn* column) const;
  Status CopyBooleans(const ColumnPlan& plan, const Places& places, BatchColumn* column) const;
  Status CopyText(const ColumnPlan& plan, const Places& places, BatchColumn* column) const;
  Status CopyLists(const ColumnPlan& plan, const Places& places, BatchColumn* column) const;
  const arrow::Array& ArrayAt(const ColumnPlan& plan, Segment::Place place) const;

  std::shared_ptr<const Segment> segment_;
  OnBroken on_broken_;
  std::vector<ColumnPlan> plans_;
  mutable BufferPool pool_;
};

}  // namespace millpond::train
