// Fuzzes deletion vectors and the row positions in them: what is read must be written to what reads
// the same.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "table/deletion_vector.h"
#include "table/roaring.h"

namespace {

void Check(const millpond::Result<millpond::table::RowPositions>& positions) {
  if (!positions.ok()) return;
  const std::string bytes = millpond::table::EncodeDeletionVector(*positions);
  const auto again = millpond::table::DecodeDeletionVector(bytes, "again");
  if (!again.ok() || !(*again == *positions)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  Check(millpond::table::DecodeDeletionVector(bytes, "vector"));
  Check(millpond::table::DecodeRoaring(bytes, "positions"));  // Without a checksum to get past.
  return 0;
}
