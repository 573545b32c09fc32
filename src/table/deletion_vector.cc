// Deletion vectors in Puffin files. See deletion_vector.h.
#include "table/deletion_vector.h"

#include <arrow/io/interfaces.h>

#include "table/compression.h"
#include "table/puffin.h"
#include "table/roaring.h"

namespace millpond::table {
namespace {

constexpr std::string_view kMagic = "\xd1\xd3\x39\x64";
constexpr size_t kFrame = 4;  // Bytes of the length and of the CRC.
// The field id that the specification reserves for the position of a row.
constexpr int32_t kRowPositionId = 2147483645;

void AppendBig32(uint32_t value, std::string* out) {
  for (int shift = 24; shift >= 0; shift -= 8) out->push_back(static_cast<char>(value >> shift));
}

uint32_t Big32(std::string_view bytes) {
  uint32_t value = 0;
  for (const char byte : bytes.substr(0, 4)) value = value << 8 | static_cast<uint8_t>(byte);
  return value;
}

DataFile EntryOf(const PuffinBlob& blob, const std::string& uri, const std::string& data_file,
                 int64_t rows) {
  DataFile file;
  file.uri = uri;
  file.format = "PUFFIN";
  file.record_count = rows;
  file.referenced_data_file = data_file;
  file.content_offset = blob.offset;
  file.content_size = blob.length;
  return file;
}

}  // namespace

std::string EncodeDeletionVector(const RowPositions& positions) {
  const std::string content = std::string(kMagic) + EncodeRoaring(positions);
  std::string blob;
  AppendBig32(static_cast<uint32_t>(content.size()), &blob);
  blob += content;
  AppendBig32(Crc32(content), &blob);
  return blob;
}

Result<RowPositions> DecodeDeletionVector(std::string_view blob, std::string_view origin) {
  if (blob.size() < 2 * kFrame + kMagic.size()) {
    return base::Corrupt("{}: {} bytes are too few for a deletion vector", origin, blob.size());
  }
  const size_t length = Big32(blob);
  if (length != blob.size() - 2 * kFrame) {
    return base::Corrupt("{}: a deletion vector of {} bytes says that it has {}", origin,
                         blob.size() - 2 * kFrame, length);
  }
  const std::string_view content = blob.substr(kFrame, length);
  if (!content.starts_with(kMagic)) {
    return base::Corrupt("{}: not a deletion vector: its first bytes are others", origin);
  }
  if (Crc32(content) != Big32(blob.substr(kFrame + length))) {
    return base::Corrupt("{}: the checksum of a deletion vector does not match its bytes", origin);
  }
  return DecodeRoaring(content.substr(kMagic.size()), origin);
}

Result<std::vector<DataFile>> WriteDeletionVectors(
    store::BlobStore& store, const std::string& uri,
    const std::map<std::string, RowPositions>& by_file) {
  ARROW_ASSIGN_OR_RAISE(const std::string path, store.PathOf(uri));
  ARROW_ASSIGN_OR_RAISE(auto blob_writer, store.Create(path));
  PuffinWriter writer(blob_writer->stream());
  std::vector<DataFile> files;
  for (const auto& [data_file, positions] : by_file) {
    PuffinBlob blob;
    blob.type = "deletion-vector-v1";
    blob.fields = {kRowPositionId};
    blob.properties = {{"referenced-data-file", data_file},
                       {"cardinality", std::to_string(positions.size())}};
    ARROW_RETURN_NOT_OK(writer.Add(EncodeDeletionVector(positions), &blob));
    files.push_back(EntryOf(blob, uri, data_file, positions.size()));
  }
  ARROW_ASSIGN_OR_RAISE(const int64_t size, writer.Finish());
  for (DataFile& file : files) file.size = size;
  ARROW_RETURN_NOT_OK(blob_writer->Publish());
  return files;
}

Result<RowPositions> ReadDeletionVector(store::BlobStore& store, const DataFile& file) {
  if (!file.content_offset || !file.content_size) {
    return base::Corrupt("{}: its manifest entry does not say where the deletion vector is",
                         file.uri);
  }
  ARROW_ASSIGN_OR_RAISE(const std::string path, store.PathOf(file.uri));
  auto input = store.OpenRead(path);
  if (!input.ok()) return base::WithContext(file.uri, input.status());
  PuffinBlob blob;
  blob.offset = *file.content_offset;
  blob.length = *file.content_size;
  ARROW_ASSIGN_OR_RAISE(const std::string bytes, ReadPuffinBlob(**input, blob, file.uri));
  ARROW_ASSIGN_OR_RAISE(RowPositions positions, DecodeDeletionVector(bytes, file.uri));
  if (positions.size() != file.record_count) {
    return base::Corrupt("{}: a deletion vector of {} rows holds {}", file.uri, file.record_count,
                         positions.size());
  }
  return positions;
}

}  // namespace millpond::table
