// Table metadata on its way to a file and back, in parts: metadata grows with every snapshot and
// each commit writes all of it, so snapshots are kept as the text that they were read as. Used
// where metadata is read and written; metadata.h has the forms for everyone.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "table/metadata.h"

namespace millpond::table {

/// Checks the invariants (SerializeMetadata), and brings `json` and the text of new snapshots to
/// what the other fields say.
Status Settle(TableMetadata* metadata);

/// The document of settled metadata. kInvalid where it holds text that is not UTF-8.
Result<std::string> TextOf(const TableMetadata& settled);

/// Metadata of a document without snapshots, and of snapshots that were read or settled before.
Result<TableMetadata> FromParts(base::Json document, std::vector<Snapshot> snapshots,
                                std::string_view origin);

/// A metadata file before it is stored: its bytes (as EncodeMetadataFile makes them), and what
/// readers will make of them.
struct MetadataFile {
  std::string bytes;
  TableMetadata metadata;
};
Result<MetadataFile> MakeMetadataFile(TableMetadata metadata, std::string_view uri);

}  // namespace millpond::table
