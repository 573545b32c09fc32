// 64 bytes at a time: a bit mask of where one byte value stands. SSE2 on x86-64 (always there),
// plain code elsewhere.
#pragma once

#include <cstdint>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace millpond::source {

/// Bit i is set where block[i] == byte; reads 64 bytes.
inline uint64_t MatchMask(const char* block, char byte) {
#if defined(__SSE2__)
  const __m128i wanted = _mm_set1_epi8(byte);
  uint64_t mask = 0;
  for (int i = 0; i < 4; ++i) {
    const __m128i part = _mm_loadu_si128(reinterpret_cast<const __m128i*>(block + i * 16));
    const auto bits = static_cast<uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(part, wanted)));
    mask |= static_cast<uint64_t>(bits) << (i * 16);
  }
  return mask;
#else
  uint64_t mask = 0;
  for (int i = 0; i < 64; ++i) mask |= static_cast<uint64_t>(block[i] == byte) << i;
  return mask;
#endif
}

}  // namespace millpond::source
