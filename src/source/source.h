// A source turns something outside (files now, databases and streams later) into Arrow batches plus
// the rows that did not fit. ingest/ drives it: Describe, then Open per stream, then read to the
// end, then keep the cursor. A source never writes.
#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/context.h"
#include "base/error.h"
#include "base/json.h"

namespace millpond::source {

/// A row that was refused, kept for a person to find.
struct Reject {
  std::string file;    ///< Path as the user knows it.
  int64_t line = 0;    ///< 1-based physical line (text formats) or row number (binary formats); 0:
                       ///< the whole file.
  std::string column;  ///< Empty where the row as a whole is at fault.
  std::string reason;  ///< "expected int64, found 'abc'"
  std::string raw;     ///< The raw text, cut to 64 KiB.
};

/// What a stream looks like before it is read.
struct StreamInfo {
  std::string name;  ///< "reviews.csv": becomes the default table name after cleaning.
  std::shared_ptr<arrow::Schema> schema;
  std::vector<std::string> primary_key;  ///< Where the source knows it.
  int64_t size = -1;                     ///< Bytes to be read; -1 unknown.
  base::Json report;  ///< How it was understood: format, dialect, encoding, compression, per column
                      ///< {type, why, samples}, warnings.
};

/// One stream being read. Not thread safe. Destroying it stops its threads.
class StreamReader {
 public:
  virtual ~StreamReader() = default;
  virtual const std::shared_ptr<arrow::Schema>& schema() const = 0;
  /// The next batch in source order, or null at the end. Batches hold at most ~64k rows or ~16 MiB.
  virtual Result<std::shared_ptr<arrow::RecordBatch>> Next() = 0;
  /// Rejects gathered since the last call.
  virtual std::vector<Reject> TakeRejects() = 0;
  /// Where the next read would begin; valid after Next returned null. For files: {"files": {path:
  /// {"size", "modified_ms", "hash"}}}.
  virtual base::Json Cursor() const = 0;
};

/// Options common to all sources; those of one format ride in `format_options` (see
/// docs/guide/sync-files.md).
struct SourceOptions {
  std::string format;  ///< Empty: from the name and the first bytes.
  std::map<std::string, std::string>
      format_options;  ///< CSV: delimiter, quote, header, null_values, encoding, skip_rows…
  std::map<std::string, std::string>
      types;  ///< Column -> type name ("int64", "decimal(10,2)", "timestamp"), before inference.
  std::shared_ptr<arrow::Schema>
      expected_schema;  ///< The table's schema on a later sync; types follow it; may be null.
  base::Json cursor;    ///< Null, or what Cursor() gave last time: only what is new is read.
  bool strict =
      false;  ///< A row that does not fit fails the read as kInvalid instead of being rejected.
};

class Source {
 public:
  virtual ~Source() = default;
  /// The streams found: one per table to be. A glob or folder of like files is one stream.
  virtual Result<std::vector<StreamInfo>> Describe(const base::Context& context) = 0;
  virtual Result<std::unique_ptr<StreamReader>> Open(const std::string& stream,
                                                     const base::Context& context) = 0;
  /// A stable name of the outside place, without secrets: key of the cursor
  /// ("file:///data/reviews*.csv").
  virtual std::string identity() const = 0;
};

/// Opens by URL or path: local files, globs, folders. kInvalid names the schemes that exist.
Result<std::unique_ptr<Source>> OpenSource(const std::string& url, const SourceOptions& options);

/// "int64", "string", "decimal(10,2)", "timestamp", "list<float>"… -> Arrow type; kInvalid lists
/// what exists.
Result<std::shared_ptr<arrow::DataType>> ParseTypeName(const std::string& name);

}  // namespace millpond::source
