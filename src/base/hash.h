// The two hashes of the house: XXH3-128 for derived state and row identity (fast, not adversarial)
// and SHA-256 for what a person relies on (frozen versions, artifacts).
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace millpond::base {

/// XXH3 64-bit with a seed. Stable for ever: orders and splits depend on it.
uint64_t Hash64(std::string_view bytes, uint64_t seed = 0);

/// XXH3 128-bit as 32 lower-case hex digits.
std::string Hash128Hex(std::string_view bytes);

/// A running SHA-256 (FIPS 180-4, libsodium's implementation).
class Sha256 {
 public:
  Sha256();
  Sha256& Update(std::string_view bytes);
  /// 64 lower-case hex digits. The object is spent afterwards.
  std::string HexDigest();

 private:
  alignas(16) std::array<unsigned char, 256> state_;
};

std::string Sha256Hex(std::string_view bytes);

/// SplitMix64 finaliser (Steele, Lea, Flood 2014): a bijection of 64-bit words.
constexpr uint64_t Mix64(uint64_t word) {
  word += 0x9e3779b97f4a7c15ULL;
  word = (word ^ (word >> 30)) * 0xbf58476d1ce4e5b9ULL;
  word = (word ^ (word >> 27)) * 0x94d049bb133111ebULL;
  return word ^ (word >> 31);
}

}  // namespace millpond::base
