// XXH3 by xxhash and SHA-256 by libsodium; this file alone includes either.
#include "base/hash.h"

#include <fmt/format.h>
#include <sodium/crypto_hash_sha256.h>
#include <xxhash.h>

#include <new>

namespace millpond::base {
namespace {

crypto_hash_sha256_state* StateIn(std::array<unsigned char, 256>& bytes) {
  static_assert(sizeof(crypto_hash_sha256_state) <= sizeof(bytes));
  static_assert(alignof(crypto_hash_sha256_state) <= 16);
  return std::launder(reinterpret_cast<crypto_hash_sha256_state*>(bytes.data()));
}

const unsigned char* BytesOf(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

}  // namespace

uint64_t Hash64(std::string_view bytes, uint64_t seed) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

std::string Hash128Hex(std::string_view bytes) {
  XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
  return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

Sha256::Sha256() {
  new (state_.data()) crypto_hash_sha256_state;
  crypto_hash_sha256_init(StateIn(state_));
}

Sha256& Sha256::Update(std::string_view bytes) {
  crypto_hash_sha256_update(StateIn(state_), BytesOf(bytes), bytes.size());
  return *this;
}

std::string Sha256::HexDigest() {
  std::array<unsigned char, crypto_hash_sha256_BYTES> digest;
  crypto_hash_sha256_final(StateIn(state_), digest.data());
  return fmt::format("{:02x}", fmt::join(digest, ""));
}

std::string Sha256Hex(std::string_view bytes) { return Sha256().Update(bytes).HexDigest(); }

}  // namespace millpond::base
