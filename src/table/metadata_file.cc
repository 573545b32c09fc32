// Metadata files as bytes: plain or gzip JSON. Called by catalog (read) and commit (write).
#include "table/compression.h"
#include "table/metadata.h"
#include "table/metadata_document.h"

namespace millpond::table {
namespace {

bool IsGzipName(std::string_view uri) {
  // Java has written both forms.
  return uri.ends_with(".gz.metadata.json") || uri.ends_with(".metadata.json.gz");
}

}  // namespace

Result<TableMetadata> DecodeMetadataFile(std::string_view bytes, std::string_view uri) {
  if (bytes.starts_with("\x1f\x8b")) {
    ARROW_ASSIGN_OR_RAISE(std::string text, Inflate(bytes, ZlibForm::kGzip, uri));
    return ParseMetadata(text, uri);
  }
  return ParseMetadata(bytes, uri);
}

Result<std::string> EncodeMetadataFile(const TableMetadata& metadata, std::string_view uri) {
  ARROW_ASSIGN_OR_RAISE(std::string text, SerializeMetadata(metadata));
  return IsGzipName(uri) ? Deflate(text, ZlibForm::kGzip) : text;
}

Result<MetadataFile> MakeMetadataFile(TableMetadata metadata, std::string_view uri) {
  ARROW_RETURN_NOT_OK(Settle(&metadata));
  MetadataFile file;
  ARROW_ASSIGN_OR_RAISE(file.bytes, TextOf(metadata));
  if (IsGzipName(uri)) {
    ARROW_ASSIGN_OR_RAISE(file.bytes, Deflate(file.bytes, ZlibForm::kGzip));
  }
  ARROW_ASSIGN_OR_RAISE(file.metadata,
                        FromParts(std::move(metadata.json), std::move(metadata.snapshots), uri));
  return file;
}

}  // namespace millpond::table
