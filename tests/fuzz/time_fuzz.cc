// base/time.h: a text that is a time is written and read back to the same millisecond.
#include <cstdint>
#include <cstdlib>

#include "base/time.h"

using millpond::base::FormatUtc;
using millpond::base::ParseTime;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto ms = ParseTime({reinterpret_cast<const char*>(data), size});
  if (!ms.ok()) return 0;
  // A zone may lead out of the years 0000 to 9999, whose text has another form.
  if (*ms < -62'167'219'200'000 || *ms > 253'402'300'799'999) return 0;
  auto again = ParseTime(FormatUtc(*ms));
  if (!again.ok() || *again != *ms) std::abort();
  return 0;
}
