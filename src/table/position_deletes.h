// Position-delete files, the row-level deletes of Iceberg v2: Parquet files of (file_path, pos).
// Called by scan planning and by commits that delete rows.
//   file_path: string, required (field id 2147483546)   pos: long, required (2147483545)
//   sorted by both; other columns (a copy of the deleted row) may follow and are not read
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "base/error.h"
#include "store/blob_store.h"
#include "table/data_file.h"
#include "table/row_positions.h"

namespace millpond::table {

/// Field ids that the specification reserves for the two columns.
inline constexpr int32_t kDeletePathId = 2147483546;
inline constexpr int32_t kDeletePositionId = 2147483545;

/// The one data file (URI) that position deletes or a deletion vector are about; nullopt where they
/// may be about several.
std::optional<std::string> OnlyFileOf(const DataFile& deletes);

/// Writes and publishes the deleted positions (none is empty) of one data file or several, by URI.
/// Gives the manifest entry's file; bounds of the path are whole, so that readers find by them
/// which data files it is about, and for one data file it names it.
Result<DataFile> WritePositionDeletes(store::BlobStore& store, const std::string& uri,
                                      const std::map<std::string, RowPositions>& by_file);

/// The positions that `file` deletes of the data files `wanted` (URIs as manifests have them), read
/// row group by row group. kCorrupt where it is not such a file.
Result<std::map<std::string, RowPositions>> ReadPositionDeletes(
    store::BlobStore& store, const DataFile& file, const std::set<std::string>& wanted);

}  // namespace millpond::table
