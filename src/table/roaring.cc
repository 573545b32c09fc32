// Encoding and decoding of row positions; layout in the header. Format: "Roaring bitmaps: format
// specification" (RoaringFormatSpec), with Iceberg's rules for keys.
#include "table/roaring.h"

#include <cstring>
#include <utility>

namespace millpond::table {
namespace {

constexpr uint32_t kPlainCookie = 12346;
constexpr uint32_t kRunCookie = 12347;
constexpr size_t kOffsetsFrom = 4;  // Containers; fewer than these have no offsets beside runs.
constexpr size_t kWordBytes = PositionChunk::kWords * 8;
constexpr int64_t kMostKey = INT32_MAX - 1;

template <class T>
void AppendLittle(T value, std::string* out) {
  char bytes[sizeof(T)];
  std::memcpy(bytes, &value, sizeof(T));
  out->append(bytes, sizeof(T));
}

using Run = std::pair<uint16_t, uint16_t>;  // Start, length - 1.

std::vector<Run> RunsOf(const PositionChunk& chunk) {
  std::vector<Run> runs;
  chunk.ForEach([&](int64_t position) {
    const auto low = static_cast<uint16_t>(position);
    if (!runs.empty() && runs.back().first + runs.back().second + 1 == low) {
      ++runs.back().second;
    } else {
      runs.emplace_back(low, 0);
    }
  });
  return runs;
}

size_t PlainSize(const PositionChunk& chunk) {
  return chunk.words.empty() ? chunk.sorted.size() * 2 : kWordBytes;
}

/// One 32-bit bitmap: chunks whose positions share their upper half.
class BitmapEncoder {
 public:
  void Add(const PositionChunk& chunk) {
    std::vector<Run> runs = RunsOf(chunk);
    const bool shorter = 2 + runs.size() * 4 < PlainSize(chunk);
    if (!shorter) runs.clear();
    any_runs_ |= shorter;
    parts_.push_back({&chunk, std::move(runs)});
  }

  void Finish(std::string* out) {
    const size_t begin = out->size();
    if (any_runs_) {
      AppendLittle(static_cast<uint32_t>(kRunCookie | (parts_.size() - 1) << 16), out);
      std::string flags((parts_.size() + 7) / 8, '\0');
      for (size_t i = 0; i < parts_.size(); ++i) {
        if (!parts_[i].runs.empty()) flags[i / 8] = static_cast<char>(flags[i / 8] | 1 << (i % 8));
      }
      out->append(flags);
    } else {
      AppendLittle(kPlainCookie, out);
      AppendLittle(static_cast<uint32_t>(parts_.size()), out);
    }
    for (const Part& part : parts_) {
      AppendLittle(static_cast<uint16_t>(part.chunk->key), out);
      AppendLittle(static_cast<uint16_t>(part.chunk->count - 1), out);
    }
    if (!any_runs_ || parts_.size() >= kOffsetsFrom) AppendOffsets(begin, out);
    for (const Part& part : parts_) AppendPart(part, out);
  }

 private:
  struct Part {
    const PositionChunk* chunk;
    std::vector<Run> runs;  // Empty: not made of runs.
  };

  void AppendOffsets(size_t begin, std::string* out) const {
    size_t offset = out->size() - begin + parts_.size() * 4;
    for (const Part& part : parts_) {
      AppendLittle(static_cast<uint32_t>(offset), out);
      offset += part.runs.empty() ? PlainSize(*part.chunk) : 2 + part.runs.size() * 4;
    }
  }

  static void AppendPart(const Part& part, std::string* out) {
    if (!part.runs.empty()) {
      AppendLittle(static_cast<uint16_t>(part.runs.size()), out);
      for (const auto& [start, length] : part.runs) {
        AppendLittle(start, out);
        AppendLittle(length, out);
      }
      return;
    }
    for (const uint16_t low : part.chunk->sorted) AppendLittle(low, out);
    for (const uint64_t word : part.chunk->words) AppendLittle(word, out);
  }

  std::vector<Part> parts_;
  bool any_runs_ = false;
};

/// Takes little-endian numbers off the front of bytes. The first that is missing sticks.
class Cursor {
 public:
  explicit Cursor(std::string_view bytes) : bytes_(bytes) {}

  template <class T>
  T Take() {
    T value{};
    const std::string_view raw = TakeBytes(sizeof(T));
    if (raw.size() == sizeof(T)) std::memcpy(&value, raw.data(), sizeof(T));
    return value;
  }
  std::string_view TakeBytes(size_t size) {
    if (size > bytes_.size() || !ok_) {
      ok_ = false;
      return {};
    }
    const std::string_view taken = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return taken;
  }
  bool ok() const { return ok_; }
  bool at_end() const { return bytes_.empty(); }

 private:
  std::string_view bytes_;
  bool ok_ = true;
};

class Decoder {
 public:
  Decoder(std::string_view bytes, std::string_view origin) : in_(bytes), origin_(origin) {}

  Result<RowPositions> Decode() {
    const auto bitmaps = in_.Take<uint64_t>();
    int64_t last = -1;
    for (uint64_t i = 0; i < bitmaps; ++i) {
      const int64_t key = in_.Take<uint32_t>();
      if (!in_.ok()) return Broken("ends before its last bitmap");
      if (key <= last || key > kMostKey) return Broken("its bitmaps are not in ascending order");
      last = key;
      ARROW_RETURN_NOT_OK(DecodeBitmap(key));
    }
    if (!in_.ok()) return Broken("is shorter than its header");
    if (!in_.at_end()) return Broken("has bytes after its last bitmap");
    return std::move(result_);
  }

 private:
  Status Broken(std::string_view what) const {
    return base::Corrupt("{}: the row positions are damaged: the bitmap {}", origin_, what);
  }

  using RunBounds = std::vector<std::pair<int64_t, int64_t>>;
  struct Container {
    uint16_t key = 0;
    int32_t count = 0;
  };

  Status DecodeBitmap(int64_t upper) {
    const auto cookie = in_.Take<uint32_t>();
    size_t containers = 0;
    std::string_view runs;
    if ((cookie & 0xffff) == kRunCookie) {
      containers = (cookie >> 16) + 1;
      runs = in_.TakeBytes((containers + 7) / 8);
    } else if (cookie == kPlainCookie) {
      containers = in_.Take<uint32_t>();
    } else {
      return Broken("begins with no known cookie");
    }
    if (!in_.ok() || containers > 65536) return Broken("has a bad header");
    std::vector<Container> heads(containers);
    int32_t last = -1;
    for (Container& head : heads) {
      head.key = in_.Take<uint16_t>();
      head.count = in_.Take<uint16_t>() + 1;
      if (!in_.ok() || head.key <= last) return Broken("has containers out of order");
      last = head.key;
    }
    // Containers lie one after the other in every known writer: the offsets say nothing new.
    if (runs.empty() || containers >= kOffsetsFrom) in_.TakeBytes(containers * 4);
    for (size_t i = 0; i < containers; ++i) {
      const bool of_runs = !runs.empty() && (runs[i / 8] >> (i % 8) & 1) != 0;
      const int64_t key = upper << PositionChunk::kBits | heads[i].key;
      ARROW_RETURN_NOT_OK(of_runs ? DecodeRuns(key, heads[i].count) : DecodePlain(key, heads[i]));
    }
    return Status::OK();
  }

  Status DecodePlain(int64_t key, const Container& head) {
    PositionChunk chunk;
    chunk.key = key;
    chunk.count = head.count;
    if (head.count <= PositionChunk::kSortedMost) {
      const std::string_view raw = in_.TakeBytes(static_cast<size_t>(head.count) * 2);
      if (!in_.ok()) return Broken("ends within a container");
      chunk.sorted.resize(static_cast<size_t>(head.count));
      std::memcpy(chunk.sorted.data(), raw.data(), raw.size());
      for (size_t i = 1; i < chunk.sorted.size(); ++i) {
        if (chunk.sorted[i] <= chunk.sorted[i - 1]) return Broken("has a container out of order");
      }
    } else {
      const std::string_view raw = in_.TakeBytes(kWordBytes);
      if (!in_.ok()) return Broken("ends within a container");
      chunk.words.resize(PositionChunk::kWords);
      std::memcpy(chunk.words.data(), raw.data(), raw.size());
      int32_t count = 0;
      for (const uint64_t word : chunk.words) count += __builtin_popcountll(word);
      if (count != head.count) return Broken("has a container with another count than it says");
    }
    result_.AppendChunk(std::move(chunk));
    return Status::OK();
  }

  Status DecodeRuns(int64_t key, int32_t expected) {
    const int64_t base = key << PositionChunk::kBits;
    const int64_t before = result_.size();
    const auto runs = in_.Take<uint16_t>();
    int64_t next = 0;
    RunBounds bounds;
    for (uint16_t i = 0; i < runs; ++i) {
      const int64_t start = in_.Take<uint16_t>();
      const int64_t end = start + in_.Take<uint16_t>() + 1;
      if (!in_.ok()) return Broken("ends within a run");
      if (start < next || end > 65536) return Broken("has overlapping runs");
      next = end;
      bounds.emplace_back(base + start, base + end);
    }
    if (!in_.ok()) return Broken("ends within a container");
    for (const auto& [begin, end] : bounds) result_.AddRange(begin, end);
    if (result_.size() - before != expected)
      return Broken("has runs of another count than it says");
    return Status::OK();
  }

  Cursor in_;
  std::string_view origin_;
  RowPositions result_;
};

}  // namespace

std::string EncodeRoaring(const RowPositions& positions) {
  constexpr int kKeyBits = 32 - PositionChunk::kBits;
  std::string bitmaps;
  uint64_t count = 0;
  const auto& chunks = positions.chunks();
  for (size_t begin = 0; begin < chunks.size(); ++count) {
    const int64_t upper = chunks[begin].key >> kKeyBits;
    AppendLittle(static_cast<uint32_t>(upper), &bitmaps);
    BitmapEncoder encoder;
    for (; begin < chunks.size() && chunks[begin].key >> kKeyBits == upper; ++begin) {
      encoder.Add(chunks[begin]);
    }
    encoder.Finish(&bitmaps);
  }
  std::string result;
  AppendLittle(count, &result);
  return result + bitmaps;
}

Result<RowPositions> DecodeRoaring(std::string_view bytes, std::string_view origin) {
  return Decoder(bytes, origin).Decode();
}

}  // namespace millpond::table
