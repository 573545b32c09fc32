// A set of row positions as chunks of 65,536: sorted numbers where few, bits where many (the idea
// of roaring bitmaps: Chambi, Lemire, Kaser, Godin, "Better bitmap performance with Roaring
// bitmaps", 2016). A chunk has one form for one content, so equal sets compare equal.
#include "table/row_positions.h"

#include <utility>

namespace millpond::table {
namespace {

void UseWords(PositionChunk* chunk) {
  if (!chunk->words.empty()) return;
  chunk->words.assign(PositionChunk::kWords, 0);
  for (const uint16_t low : chunk->sorted) chunk->words[low / 64] |= uint64_t{1} << (low % 64);
  chunk->sorted = {};
}

void SetBit(uint16_t low, PositionChunk* chunk) {
  uint64_t& word = chunk->words[low / 64];
  const uint64_t bit = uint64_t{1} << (low % 64);
  chunk->count += (word & bit) == 0 ? 1 : 0;
  word |= bit;
}

void AddTo(uint16_t low, PositionChunk* chunk) {
  if (!chunk->words.empty()) return SetBit(low, chunk);
  std::vector<uint16_t>& sorted = chunk->sorted;
  const auto place = sorted.empty() || sorted.back() < low
                         ? sorted.end()
                         : std::lower_bound(sorted.begin(), sorted.end(), low);
  if (place != sorted.end() && *place == low) return;
  if (chunk->count == PositionChunk::kSortedMost) {
    UseWords(chunk);
    return SetBit(low, chunk);
  }
  sorted.insert(place, low);
  ++chunk->count;
}

int32_t CountBits(const std::vector<uint64_t>& words) {
  int32_t count = 0;
  for (const uint64_t word : words) count += __builtin_popcountll(word);
  return count;
}

// Back to sorted numbers where they are few.
void Settle(PositionChunk* chunk) {
  chunk->count = CountBits(chunk->words);
  if (chunk->count > PositionChunk::kSortedMost) return;
  const std::vector<uint64_t> words = std::exchange(chunk->words, {});
  chunk->sorted.reserve(static_cast<size_t>(chunk->count));
  for (size_t word = 0; word < words.size(); ++word) {
    for (uint64_t bits = words[word]; bits != 0; bits &= bits - 1) {
      chunk->sorted.push_back(static_cast<uint16_t>(word * 64 + __builtin_ctzll(bits)));
    }
  }
}

// Bits [begin, end) of a chunk.
void AddRangeTo(int64_t begin, int64_t end, PositionChunk* chunk) {
  UseWords(chunk);
  for (int64_t low = begin; low < end;) {
    const int64_t stop = std::min(end, (low / 64 + 1) * 64);
    const auto width = static_cast<int>(stop - low);
    const uint64_t ones = width == 64 ? ~uint64_t{0} : (uint64_t{1} << width) - 1;
    chunk->words[static_cast<size_t>(low / 64)] |= ones << (low % 64);
    low = stop;
  }
  Settle(chunk);
}

}  // namespace

PositionChunk& RowPositions::Chunk(int64_t key) {
  if (chunks_.empty() || chunks_.back().key < key) {
    chunks_.emplace_back().key = key;
    return chunks_.back();
  }
  if (chunks_.back().key == key) return chunks_.back();
  auto place = std::lower_bound(chunks_.begin(), chunks_.end(), key,
                                [](const PositionChunk& c, int64_t k) { return c.key < k; });
  if (place->key != key) {
    place = chunks_.emplace(place);
    place->key = key;
  }
  return *place;
}

void RowPositions::Add(int64_t position) {
  PositionChunk& chunk = Chunk(position >> PositionChunk::kBits);
  const int32_t before = chunk.count;
  AddTo(static_cast<uint16_t>(position), &chunk);
  size_ += chunk.count - before;
}

void RowPositions::AddRange(int64_t begin, int64_t end) {
  while (begin < end) {
    const int64_t key = begin >> PositionChunk::kBits;
    const int64_t base = key << PositionChunk::kBits;
    const int64_t stop = std::min(end, base + (int64_t{1} << PositionChunk::kBits));
    PositionChunk& chunk = Chunk(key);
    const int32_t before = chunk.count;
    AddRangeTo(begin - base, stop - base, &chunk);
    size_ += chunk.count - before;
    begin = stop;
  }
}

void RowPositions::AddAll(const RowPositions& other) {
  if (empty()) {
    *this = other;
    return;
  }
  for (const PositionChunk& theirs : other.chunks_) {
    PositionChunk& chunk = Chunk(theirs.key);
    const int32_t before = chunk.count;
    if (theirs.words.empty()) {
      for (const uint16_t low : theirs.sorted) AddTo(low, &chunk);
    } else {
      UseWords(&chunk);
      for (size_t i = 0; i < PositionChunk::kWords; ++i) chunk.words[i] |= theirs.words[i];
      chunk.count = CountBits(chunk.words);
    }
    size_ += chunk.count - before;
  }
}

void RowPositions::AppendChunk(PositionChunk chunk) {
  size_ += chunk.count;
  chunks_.push_back(std::move(chunk));
}

int64_t RowPositions::largest() const {
  int64_t result = 0;
  chunks_.back().ForEach([&](int64_t position) { result = position; });
  return result;
}

int64_t RowPositions::MemoryBytes() const {
  size_t bytes = sizeof(*this) + chunks_.capacity() * sizeof(PositionChunk);
  for (const PositionChunk& chunk : chunks_) {
    bytes += chunk.sorted.capacity() * 2 + chunk.words.capacity() * 8;
  }
  return static_cast<int64_t>(bytes);
}

const PositionChunk* RowPositions::ChunkOf(int64_t key) const {
  const auto place = std::lower_bound(chunks_.begin(), chunks_.end(), key,
                                      [](const PositionChunk& c, int64_t k) { return c.key < k; });
  return place != chunks_.end() && place->key == key ? &*place : nullptr;
}

std::vector<int64_t> RowPositions::ToVector() const {
  std::vector<int64_t> result;
  result.reserve(static_cast<size_t>(size_));
  ForEach([&](int64_t position) { result.push_back(position); });
  return result;
}

}  // namespace millpond::table
