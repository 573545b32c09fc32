// Sizes of base/config.h: never negative, and what is printed can be read again.
#include <cstdint>
#include <cstdlib>

#include "base/config.h"

using millpond::base::FormatBytes;
using millpond::base::ParseBytes;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto bytes = ParseBytes({reinterpret_cast<const char*>(data), size});
  if (!bytes.ok()) return 0;
  if (*bytes < 0) std::abort();
  constexpr int64_t kEiB = int64_t{1} << 60;
  if (*bytes < kEiB / 1024 && !ParseBytes(FormatBytes(*bytes)).ok()) std::abort();
  return 0;
}
