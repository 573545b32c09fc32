// Fuzzes Puffin files, whose blobs and footer may be compressed: bytes that other engines wrote.
#include <arrow/buffer.h>
#include <arrow/io/memory.h>

#include <cstdint>
#include <cstdlib>
#include <memory>

#include "table/puffin.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  arrow::io::BufferReader file(std::make_shared<arrow::Buffer>(data, static_cast<int64_t>(size)));
  const auto footer = millpond::table::ReadPuffinFooter(file, "file");
  if (!footer.ok()) return 0;
  for (const auto& blob : footer->blobs) {
    const auto bytes = millpond::table::ReadPuffinBlob(file, blob, "file");
    if (bytes.ok() && blob.codec.empty() && static_cast<int64_t>(bytes->size()) != blob.length) {
      std::abort();
    }
  }
  return 0;
}
