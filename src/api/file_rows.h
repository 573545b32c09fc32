// A file's rows as a stream, for verbs that take all of them or none.
#pragma once

#include <arrow/type_fwd.h>

#include <memory>
#include <string>

#include "base/context.h"
#include "base/error.h"

namespace millpond::api {

/// A file's only stream as a reader; a row that does not fit fails it, because such a verb has no
/// place for rejects.
Result<std::shared_ptr<arrow::RecordBatchReader>> ReaderOfFile(const std::string& path,
                                                               const base::Context& context);

/// SHA-256 of a local file's bytes; "" for a folder, a glob or a URL. Reads the whole file.
Result<std::string> ContentHash(const std::string& path);

}  // namespace millpond::api
