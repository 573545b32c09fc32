// base/json.h: any bytes give a value or an error; a value written canonically reads back as
// itself.
#include <cstdint>
#include <cstdlib>

#include "base/json.h"

using millpond::base::CanonicalJson;
using millpond::base::ParseJson;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto value = ParseJson({reinterpret_cast<const char*>(data), size}, "fuzz");
  if (!value.ok()) return 0;
  auto again = ParseJson(CanonicalJson(*value), "canonical");
  if (!again.ok() || *again != *value) std::abort();
  return 0;
}
