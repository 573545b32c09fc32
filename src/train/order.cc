// The permutation, and the arithmetic of who takes which positions of it.
#include "train/order.h"

#include <algorithm>
#include <bit>

#include "base/hash.h"

namespace millpond::train {
namespace {

// Small domains would make the rounds too alike; walking from 256 positions into a few costs
// little.
constexpr int kSmallestBits = 8;

uint64_t LowBits(uint64_t word, int bits) { return word & ((uint64_t{1} << bits) - 1); }

}  // namespace

Order::Order(int64_t count, bool shuffle, uint64_t seed, int64_t epoch)
    : count_(count), shuffle_(shuffle) {
  int bits = count > 1 ? static_cast<int>(std::bit_width(static_cast<uint64_t>(count - 1))) : 0;
  bits = std::max(bits, kSmallestBits);
  left_bits_ = bits / 2;
  right_bits_ = bits - left_bits_;
  uint64_t key = base::Mix64(base::Mix64(seed) ^ static_cast<uint64_t>(epoch));
  for (uint64_t& round_key : keys_) {
    key = base::Mix64(key);
    round_key = key;
  }
}

int64_t Order::At(int64_t position) const {
  if (!shuffle_) return position;
  uint64_t word = static_cast<uint64_t>(position);
  do {
    uint64_t left = word >> right_bits_, right = LowBits(word, right_bits_);
    // Alternating rounds let the halves differ in width by one bit.
    for (int round = 0; round < kRounds; round += 2) {
      left ^= LowBits(base::Mix64(right ^ keys_[static_cast<size_t>(round)]), left_bits_);
      right ^= LowBits(base::Mix64(left ^ keys_[static_cast<size_t>(round) + 1]), right_bits_);
    }
    word = left << right_bits_ | right;
  } while (word >= static_cast<uint64_t>(count_));
  return static_cast<int64_t>(word);
}

Slice SliceOf(int64_t count, int64_t position, int64_t batch_size, int64_t rank, int64_t world_size,
              LastBatch last) {
  int64_t global = batch_size * world_size, left = count - position;
  if (left >= global || last == LastBatch::kPad) {
    int64_t begin = position + rank * batch_size;
    return {begin, begin + batch_size};
  }
  if (last == LastBatch::kDrop) return {position, position};
  // Even shares: the first `extra` ranks take one more.
  int64_t share = left / world_size, extra = left % world_size;
  int64_t begin = position + rank * share + std::min(rank, extra);
  return {begin, begin + share + (rank < extra ? 1 : 0)};
}

int64_t StepsFrom(int64_t count, int64_t position, int64_t global_batch, LastBatch last) {
  int64_t left = std::max<int64_t>(0, count - position);
  return last == LastBatch::kDrop ? left / global_batch
                                  : left / global_batch + (left % global_batch != 0 ? 1 : 0);
}

}  // namespace millpond::train
