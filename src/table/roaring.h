// Row positions in the 64-bit portable form of roaring bitmaps, as Iceberg stores them. Called by
// deletion_vector.cc. Pure functions; hostile input is checked before memory follows from it.
//
//   8 bytes LE: how many 32-bit bitmaps, then for each, ascending
//     4 bytes LE: upper half of its positions
//     cookie: 12346 and 4 bytes LE count, or 12347 | (count - 1) << 16 and a bit per container that
//             says whether it is made of runs
//     per container: 2 bytes LE upper half of the lower half, 2 bytes LE members - 1
//     per container: 4 bytes LE offset from the cookie (left out with runs and fewer than 4)
//     per container: sorted 2-byte numbers (up to 4,096 members), or 8,192 bytes of bits, or
//             2 bytes LE how many runs and for each 2 bytes LE start and 2 bytes LE length - 1
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "table/row_positions.h"

namespace millpond::table {

/// The smallest encoding: runs where they are shorter.
std::string EncodeRoaring(const RowPositions& positions);

/// The whole of `bytes`. kCorrupt names `origin` and what is wrong. Memory: up to 8 KiB for every
/// 10 bytes.
Result<RowPositions> DecodeRoaring(std::string_view bytes, std::string_view origin);

}  // namespace millpond::table
