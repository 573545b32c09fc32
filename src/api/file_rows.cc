// Files as streams of rows.
#include "api/file_rows.h"

#include <arrow/record_batch.h>

#include "base/arrow_stream.h"
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

}  // namespace millpond::api
