// Batches of a segment, in the order that (dataset, seed, epoch, position) fixes (law 3), gathered
// ahead of time by native threads. One consumer at a time. Threads start with the first Next; a
// loader that is carried over a fork goes on in the child with threads of its own.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/context.h"
#include "base/error.h"
#include "base/json.h"
#include "train/batch.h"
#include "train/order.h"
#include "train/segment.h"

namespace millpond::train {

/// A binary column that holds PNG or JPEG files, to be handed out as uint8 pixels [rows, height,
/// width, channels].
struct DecodeOptions {
  int channels = 3;           ///< 1: grey, 3: RGB.
  int height = 0, width = 0;  ///< 0: as the first sample in key order has it. Another size is an
                              ///< error that names the sample.
};

/// What to do with an image that cannot be decoded.
enum class OnBroken { kFail, kSkip };

struct LoaderOptions {
  int64_t batch_size = 256;  ///< Per rank.
  bool shuffle = true;
  uint64_t seed = 0;
  int64_t rank = 0, world_size = 1;
  LastBatch last = LastBatch::kShort;
  std::map<std::string, DecodeOptions> decode = {};  ///< By column.
  OnBroken on_broken = OnBroken::kFail;
  int prefetch = 4;                 ///< Batches made ahead.
  int threads = 2;                  ///< That make them.
  int64_t worker = 0, workers = 1;  ///< Yields only the steps s with s % workers == worker
                                    ///< (processes that share one rank's work).
};

struct LoaderStats {
  int64_t samples = 0, batches = 0, broken = 0;
  double seconds = 0;       ///< Since the first Next.
  double wait_seconds = 0;  ///< Of those, spent waiting for a batch.
};

class Loader {
 public:
  static Result<std::unique_ptr<Loader>> Make(std::shared_ptr<const Segment> segment,
                                              LoaderOptions options);
  virtual ~Loader() = default;

  /// The next batch of the epoch; null at its end, after which the next call begins the following
  /// epoch. Waits without spinning; kCancelled when `context.stop` asks for it, after which Next
  /// may be called again.
  virtual Result<std::shared_ptr<const Batch>> Next(const base::Context& context) = 0;

  /// Jumps to the beginning of an epoch.
  virtual Status SetEpoch(int64_t epoch) = 0;
  /// Passes over the next `steps` global steps of the epoch in O(1), at most to its end.
  virtual Status Skip(int64_t steps) = 0;

  /// {"format", "dataset", "dataset_hash", "part", "shuffle", "seed", "epoch", "position", "step",
  /// "batch_size", "world_size"}: where the next batch begins, the same on every rank. Position
  /// counts samples of the epoch over all ranks.
  virtual base::Json StateDict() const = 0;
  /// Goes on from there, in O(1). Batch size and world size may differ from the state's: the
  /// samples go on in the same order. Another dataset, part, seed or order is kInvalid.
  virtual Status LoadStateDict(const base::Json& state) = 0;

  virtual int64_t steps_per_epoch() const = 0;
  virtual std::vector<ColumnSpec> columns() const = 0;
  virtual const LoaderOptions& options() const = 0;
  virtual const std::shared_ptr<const Segment>& segment() const = 0;
  virtual LoaderStats stats() const = 0;
};

}  // namespace millpond::train
