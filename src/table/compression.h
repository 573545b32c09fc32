// zlib for the two places Iceberg metadata uses it: gzip metadata files and raw-deflate Avro
// blocks. Called by metadata_file.cc and the Avro container. Pure functions; the only users of zlib
// in this room.
#pragma once

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

}  // namespace millpond::table
