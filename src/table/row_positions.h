// Which rows of one data file: a set of positions, counted from 0. What deletes are made of, in
// memory and (table/deletion_vector.h) on disk. A value type; sets that many threads only read need
// no lock.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace millpond::table {

/// The members among 65,536 neighbouring positions, in whichever form is smaller.
struct PositionChunk {
  static constexpr int kBits = 16;
  static constexpr size_t kWords = (size_t{1} << kBits) / 64;
  static constexpr int32_t kSortedMost = 4096;  ///< Members; from there on `words` is smaller.

  int64_t key = 0;               ///< position >> kBits.
  int32_t count = 0;             ///< Members; never 0.
  std::vector<uint16_t> sorted;  ///< Ascending; used while `words` is empty.
  std::vector<uint64_t> words;   ///< kWords of them, a bit for each position.

  bool Contains(uint16_t low) const {
    if (!words.empty()) return (words[low / 64] >> (low % 64) & 1) != 0;
    return std::binary_search(sorted.begin(), sorted.end(), low);
  }
  template <class Visit>
  void ForEach(Visit&& visit) const {
    const int64_t base = key << kBits;
    for (const uint16_t low : sorted) visit(base + low);
    for (size_t word = 0; word < words.size(); ++word) {
      for (uint64_t bits = words[word]; bits != 0; bits &= bits - 1) {
        visit(base + static_cast<int64_t>(word * 64) + __builtin_ctzll(bits));
      }
    }
  }
  bool operator==(const PositionChunk&) const = default;
};

class RowPositions {
 public:
  /// The largest position that Iceberg's deletion vectors can hold.
  static constexpr int64_t kMost = (int64_t{INT32_MAX} << 32) - 1;

  RowPositions() = default;
  /// Positions in any order, repeated or not.
  explicit RowPositions(const std::vector<int64_t>& positions) {
    for (const int64_t position : positions) Add(position);
  }

  /// Quickest in ascending order. `position` is in [0, kMost].
  void Add(int64_t position);
  /// All of [begin, end).
  void AddRange(int64_t begin, int64_t end);
  void AddAll(const RowPositions& other);
  /// Takes over a chunk whose key is past all that are there.
  void AppendChunk(PositionChunk chunk);

  bool Contains(int64_t position) const {
    const PositionChunk* chunk = ChunkOf(position >> PositionChunk::kBits);
    return chunk != nullptr && chunk->Contains(static_cast<uint16_t>(position));
  }
  int64_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  int64_t largest() const;  ///< Of a set that is not empty.
  int64_t MemoryBytes() const;

  /// The chunk with this key, or null. Whoever asks for many neighbours keeps it.
  const PositionChunk* ChunkOf(int64_t key) const;
  const std::vector<PositionChunk>& chunks() const { return chunks_; }  ///< By ascending key.

  /// Calls `visit(position)` in ascending order.
  template <class Visit>
  void ForEach(Visit&& visit) const {
    for (const PositionChunk& chunk : chunks_) chunk.ForEach(visit);
  }
  std::vector<int64_t> ToVector() const;

  bool operator==(const RowPositions&) const = default;

 private:
  PositionChunk& Chunk(int64_t key);

  std::vector<PositionChunk> chunks_;
  int64_t size_ = 0;
};

}  // namespace millpond::table
