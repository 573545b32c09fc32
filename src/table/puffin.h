// Puffin files: blobs in a row and a JSON footer that says where each is. Iceberg keeps deletion
// vectors and statistics in them. Called by deletion_vector.cc. Layout: docs/formats/puffin.md.
//
//   "PFA1"  blob*  "PFA1"  footer JSON  its length: 4 bytes LE  flags: 4 bytes  "PFA1"
//
// Hostile input: every length and offset is checked against the file before anything is read.
#pragma once

#include <arrow/io/type_fwd.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace millpond::table {

struct PuffinBlob {
  std::string type;             ///< "deletion-vector-v1", "apache-datasketches-theta-v1"…
  std::vector<int32_t> fields;  ///< Field ids that the blob is about.
  int64_t snapshot_id = -1, sequence_number = -1;
  int64_t offset = 0, length = 0;  ///< In the file, as stored.
  std::string codec;               ///< "lz4", "zstd"; empty: not compressed.
  std::map<std::string, std::string> properties;
};

struct PuffinFooter {
  std::vector<PuffinBlob> blobs;
  std::map<std::string, std::string> properties;
};

/// kCorrupt names `origin`; kInvalid for flags that no version of the format knows.
Result<PuffinFooter> ReadPuffinFooter(arrow::io::RandomAccessFile& file, std::string_view origin);

/// The bytes of one blob, unpacked. kExhausted beyond 256 MiB.
Result<std::string> ReadPuffinBlob(arrow::io::RandomAccessFile& file, const PuffinBlob& blob,
                                   std::string_view origin);

/// Writes a Puffin file to a stream, blob by blob, uncompressed.
class PuffinWriter {
 public:
  explicit PuffinWriter(arrow::io::OutputStream* out) : out_(out) {}

  /// Appends a blob and fills in its offset and length.
  Status Add(std::string_view bytes, PuffinBlob* blob);
  /// Writes the footer and gives the size of the whole file. The stream stays open.
  Result<int64_t> Finish();

 private:
  Status Write(std::string_view bytes);

  arrow::io::OutputStream* out_;
  int64_t size_ = 0;
  std::vector<PuffinBlob> blobs_;
};

}  // namespace millpond::table
