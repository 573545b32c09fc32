// base/config.h: any bytes as millpond.toml give a config or an error, never an exception. The file
// lives in memory.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/config.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const int file = memfd_create("millpond.toml", 0);
  if (file < 0 || ftruncate(file, 0) != 0 ||
      pwrite(file, data, size, 0) != static_cast<ssize_t>(size)) {
    std::abort();
  }
  auto config = millpond::base::Config::Load("/proc/self/fd/" + std::to_string(file), {}, {});
  if (config.ok() && config->GetInteger("memory_limit") < 0) std::abort();
  return 0;
}
