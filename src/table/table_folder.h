// Metadata files of one table as they follow each other: where a new table lives, and writing the
// next document with its log of predecessors. Used by commit and tags; nothing written here counts
// until a ledger transaction points to it.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "table/blob_batch.h"
#include "table/catalog.h"
#include "table/metadata.h"

namespace millpond::table {

/// Metadata that nothing points to yet.
struct WrittenMetadata {
  Table table;  ///< At its new location.
  std::vector<std::string>
      expired;  ///< Locations that the log dropped and that may be deleted once the swap landed.
};

/// The folder of a new table, never used before even if a table of this name was dropped: plain
/// ASCII whatever the name holds.
std::string NewTableLocation(const store::BlobStore& store, const TableName& name,
                             const std::string& table_uuid);

/// The properties of a new table: those given, and where they leave it open what follows from
/// `settings`.
std::map<std::string, std::string> NewTableProperties(
    const WriteSettings& settings, const std::map<std::string, std::string>& given);

/// Adds `next` to `blobs` as the successor of `base` (null: a new table's first): names the file,
/// extends and trims the metadata log.
Result<WrittenMetadata> WriteMetadata(const Table* base, const TableName& name, TableMetadata next,
                                      BlobBatch* blobs);

/// Deletes blobs by URI; what cannot be deleted is left to upkeep.
void DeleteQuietly(store::BlobStore& store, const std::vector<std::string>& uris);

/// `key` as a positive integer, or `fallback`.
int64_t IntProperty(const TableMetadata& metadata, const std::string& key, int64_t fallback);

}  // namespace millpond::table
