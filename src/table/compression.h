// zlib for the places where Iceberg uses it: gzip metadata files, raw-deflate Avro blocks,
// checksums of deletion vectors. Called by metadata_file.cc, the Avro container and
// deletion_vector.cc. Pure functions; the only users of zlib in this room.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace millpond::table {

enum class ZlibForm { kGzip, kRawDeflate };

/// Most bytes that one stream may become: more is a bomb, not metadata.
inline constexpr size_t kLargestInflated = size_t{1} << 30;

Result<std::string> Deflate(std::string_view bytes, ZlibForm form);

/// Memory grows with the output, never by what the input claims. kCorrupt names `origin`;
/// kExhausted past `limit`.
Result<std::string> Inflate(std::string_view bytes, ZlibForm form, std::string_view origin,
                            size_t limit = kLargestInflated);

/// CRC-32 of gzip and PNG (ISO 3309).
uint32_t Crc32(std::string_view bytes);

}  // namespace millpond::table
