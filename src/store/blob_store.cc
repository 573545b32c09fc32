// Whole-blob reads and writes over any store.
#include "store/blob_store.h"

#include <arrow/buffer.h>

namespace millpond::store {

Status WriteBlob(BlobStore& store, const std::string& path, std::string_view bytes) {
  ARROW_ASSIGN_OR_RAISE(std::unique_ptr<BlobWriter> writer, store.Create(path));
  ARROW_RETURN_NOT_OK(writer->stream()->Write(bytes.data(), static_cast<int64_t>(bytes.size())));
  return writer->Publish();
}

Result<std::string> ReadBlob(BlobStore& store, const std::string& path, int64_t limit) {
  ARROW_ASSIGN_OR_RAISE(auto file, store.OpenRead(path));
  ARROW_ASSIGN_OR_RAISE(int64_t size, file->GetSize());
  if (size > limit) {
    return base::Exhausted("{} holds {} bytes, more than the {} that may be read at once",
                           store.UriOf(path), size, limit);
  }
  ARROW_ASSIGN_OR_RAISE(auto buffer, file->ReadAt(0, size));
  if (buffer->size() != size) {
    return base::Corrupt("{} ended after {} of {} bytes", store.UriOf(path), buffer->size(), size);
  }
  return buffer->ToString();
}

}  // namespace millpond::store
