// Table metadata on its way to a file without copies: metadata grows with every snapshot, and each
// commit writes all of it. Used where metadata is written; metadata.h has the forms for everyone.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "base/json.h"
#include "table/metadata.h"

namespace millpond::table {

/// The document that SerializeMetadata writes, made of the one that `metadata` came from. Checks
/// like it.
Result<base::Json> ToDocument(TableMetadata metadata);

/// Reads a document as ParseMetadata reads its text.
Result<TableMetadata> FromDocument(base::Json document, std::string_view origin);

/// kInvalid where it holds text that is not UTF-8.
Result<std::string> DocumentText(const base::Json& document);

/// A metadata file before it is stored: its bytes (as EncodeMetadataFile makes them), and what
/// readers will make of them.
struct MetadataFile {
  std::string bytes;
  TableMetadata metadata;
};
Result<MetadataFile> MakeMetadataFile(TableMetadata metadata, std::string_view uri);

}  // namespace millpond::table
