// Randomness comes from the kernel through libsodium, so a forked child never repeats its parent.
#include "base/random_id.h"

#include <fmt/format.h>
#include <sodium/randombytes.h>

#include <array>
#include <chrono>
#include <limits>

namespace millpond::base {

std::string NewUuid() {
  using namespace std::chrono;
  std::array<uint8_t, 16> bytes;
  randombytes_buf(bytes.data(), bytes.size());
  // RFC 9562 section 6.2, method 3: the 12 bits after the version hold the fraction of the
  // millisecond.
  const auto now = system_clock::now().time_since_epoch();
  const uint64_t ms = static_cast<uint64_t>(duration_cast<milliseconds>(now).count());
  const uint64_t ns = static_cast<uint64_t>(duration_cast<nanoseconds>(now).count());
  const uint64_t fraction = ns % 1'000'000 * 4096 / 1'000'000;
  for (int i = 0; i < 6; ++i) bytes[i] = static_cast<uint8_t>(ms >> (40 - 8 * i));
  bytes[6] = static_cast<uint8_t>(0x70 | (fraction >> 8));
  bytes[7] = static_cast<uint8_t>(fraction);
  bytes[8] = static_cast<uint8_t>(0x80 | (bytes[8] & 0x3F));
  std::string text = fmt::format("{:02x}", fmt::join(bytes, ""));
  for (size_t dash : {8, 13, 18, 23}) text.insert(dash, 1, '-');
  return text;
}

std::string NewSecret() {
  std::array<uint8_t, 32> bytes;
  randombytes_buf(bytes.data(), bytes.size());
  return fmt::format("{:02x}", fmt::join(bytes, ""));
}

int64_t NewPositiveId() {
  uint64_t id = 0;
  while (id == 0) {
    randombytes_buf(&id, sizeof(id));
    id &= static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
  }
  return static_cast<int64_t>(id);
}

}  // namespace millpond::base
