// Which columns a data file has, by its own Parquet footer. Manifests do not say: a file that was
// imported has no field ids, and names inside its structs are those of the day it was written.
// Called by query/ for files whose columns the table's schemas leave open. Thread safe.
#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "base/error.h"
#include "store/blob_store.h"
#include "table/metadata.h"

namespace millpond::table {

struct FileColumns {
  /// Field ids where the file states them, nested too. Where the table's schemas tell them
  /// (scan_plan.h): the version's columns, and after them all others that the file may have.
  std::shared_ptr<arrow::Schema> schema;
  bool has_ids = false;   ///< The file itself states at least one.
  std::string signature;  ///< Equal for equal columns.
};

/// Reads footers, and remembers the last 20,000.
class FileColumnsCache {
 public:
  /// kCorrupt and kInvalid name the file.
  Result<std::shared_ptr<const FileColumns>> Of(store::BlobStore& store, const std::string& uri);

 private:
  using Entry = std::pair<std::string, std::shared_ptr<const FileColumns>>;
  std::mutex mutex_;
  std::list<Entry> recent_;  // Newest first.
  std::map<std::string, std::list<Entry>::iterator> by_uri_;
};

/// The columns of a file without field ids, with the ids that the table's name mapping
/// (`schema.name-mapping.default`) gives their names; columns that it does not name have none.
/// kInvalid, with what to do, where the table has no name mapping.
Result<std::shared_ptr<const FileColumns>> ApplyNameMapping(const TableMetadata& metadata,
                                                            const FileColumns& columns,
                                                            const std::string& uri);

}  // namespace millpond::table
