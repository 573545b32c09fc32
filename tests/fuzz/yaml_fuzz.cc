// base/yaml.h: any bytes give a value or an error, never an exception; a JSON document means the
// same as YAML.
#include <cstdint>
#include <cstdlib>

#include "base/yaml.h"

using millpond::base::CanonicalJson;
using millpond::base::ParseJson;
using millpond::base::ParseYaml;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  auto value = ParseYaml(text, "fuzz");
  if (!value.ok()) return 0;
  if (CanonicalJson(*value).empty()) std::abort();
  auto json = ParseJson(text, "fuzz");
  if (json.ok() && json->is_structured() && *json != *value) std::abort();
  return 0;
}
