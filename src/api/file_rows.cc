// Files as streams of rows.
#include "api/file_rows.h"

#include <arrow/record_batch.h>

#include <filesystem>
#include <fstream>
#include <vector>

#include "base/arrow_stream.h"
#include "base/hash.h"
#include "source/source.h"

namespace millpond::api {

Result<std::shared_ptr<arrow::RecordBatchReader>> ReaderOfFile(const std::string& path,
                                                               const base::Context& context) {
  source::SourceOptions options;
  options.strict = true;
  ARROW_ASSIGN_OR_RAISE(std::shared_ptr<source::Source> source, source::OpenSource(path, options));
  ARROW_ASSIGN_OR_RAISE(auto streams, source->Describe(context));
  if (streams.size() != 1) {
    return base::Invalid("'{}' holds {} streams and a table takes one; use 'millpond sync' for it",
                         path, streams.size());
  }
  ARROW_ASSIGN_OR_RAISE(std::shared_ptr<source::StreamReader> stream,
                        source->Open(streams.front().name, context));
  return base::MakeReader(stream->schema(), [source, stream] { return stream->Next(); });
}

Result<std::string> ContentHash(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) return "";
  std::ifstream file(path, std::ios::binary);
  base::Sha256 hash;
  std::vector<char> block(1 << 20);
  while (file.read(block.data(), static_cast<std::streamsize>(block.size())), file.gcount() > 0) {
    hash.Update({block.data(), static_cast<size_t>(file.gcount())});
  }
  if (file.bad() || !file.eof()) return base::Unavailable("cannot read '{}'", path);
  return hash.HexDigest();
}

}  // namespace millpond::api
