// The order of samples: a keyed permutation of [0, N) computed position by position in O(1) memory,
// so that any step of any epoch is reached without the ones before it. A Feistel network over the
// next power of two, walked in cycles until it lands inside [0, N): Black & Rogaway, "Ciphers with
// Arbitrary Finite Domains", CT-RSA 2002. Pure and thread safe. Stable for ever: batches depend on
// it (law 3).
#pragma once

#include <array>
#include <cstdint>

#include "base/error.h"

namespace millpond::train {

class Order {
 public:
  /// `count` samples; each (seed, epoch) is another permutation. Without shuffle the order is that
  /// of the key.
  Order(int64_t count, bool shuffle, uint64_t seed, int64_t epoch);

  /// The sample (row in key order) at `position`, 0 <= position < count.
  int64_t At(int64_t position) const;
  int64_t count() const { return count_; }

 private:
  static constexpr int kRounds = 6;
  int64_t count_;
  bool shuffle_;
  int left_bits_ = 0, right_bits_ = 0;
  std::array<uint64_t, kRounds> keys_{};
};

/// What becomes of the samples at an epoch's end that do not fill a global batch.
enum class LastBatch {
  kShort,  ///< They make a shorter batch, shared as evenly as can be; a rank's share may be empty.
  kDrop,   ///< They are left out of this epoch.
  kPad,    ///< The batch is filled up from the epoch's beginning.
};

/// Positions [begin, end) that one rank takes at one step; positions >= count wrap around (kPad
/// only).
struct Slice {
  int64_t begin = 0, end = 0;
};

/// The share of `rank` in the global batch that starts at `position`: with G = batch_size *
/// world_size the global batch is positions [position, position + G) and rank r takes the r-th of
/// world_size equal slices of it.
Slice SliceOf(int64_t count, int64_t position, int64_t batch_size, int64_t rank, int64_t world_size,
              LastBatch last);

/// Steps that are left in an epoch from `position` on.
int64_t StepsFrom(int64_t count, int64_t position, int64_t global_batch, LastBatch last);

}  // namespace millpond::train
