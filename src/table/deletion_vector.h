// Deletion vectors, the row-level deletes of Iceberg v3: the deleted positions of one data file as
// a blob of a Puffin file. Called by scan planning and by commits that delete rows.
//
//   4 bytes BE: length of the next two   D1 D3 39 64   row positions (table/roaring.h)
//   4 bytes BE: CRC-32 of the magic and the row positions
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "store/blob_store.h"
#include "table/data_file.h"
#include "table/row_positions.h"

namespace millpond::table {

/// The blob and back. Reading checks length and CRC: kCorrupt names `origin`.
std::string EncodeDeletionVector(const RowPositions& positions);
Result<RowPositions> DecodeDeletionVector(std::string_view blob, std::string_view origin);

/// Writes and publishes one Puffin file at `uri` with a deletion vector for every data file of
/// `by_file` (URI -> all its deleted positions, those of a vector that it had before too; none is
/// empty). Gives the manifest entries' files, one per data file in the order of the map.
Result<std::vector<DataFile>> WriteDeletionVectors(
    store::BlobStore& store, const std::string& uri,
    const std::map<std::string, RowPositions>& by_file);

/// The positions of the vector that `file` (of a delete manifest, with content_offset) names.
/// kCorrupt where blob and entry disagree about the number of rows.
Result<RowPositions> ReadDeletionVector(store::BlobStore& store, const DataFile& file);

}  // namespace millpond::table
