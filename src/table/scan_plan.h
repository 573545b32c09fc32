// Which data files a read of a table must open, and which deletes apply to them: manifests walked,
// files left out whose bounds or partition cannot match. Only query/ may include this header
// (tools/layers.toml): every read passes its gate.
#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "table/data_file.h"
#include "table/delete_index.h"
#include "table/file_columns.h"
#include "table/history.h"
#include "table/manifest_cache.h"
#include "table/predicate.h"

namespace millpond::table {

struct ScanFile {
  DataFile file;
  std::string path;         ///< Local path (no file://) or URI.
  int64_t sequence = 0;     ///< Data sequence number.
  bool is_foreign = false;  ///< Not known to be written by us.
  std::string partition;    ///< PartitionKey; empty: unpartitioned.
  /// By field id: the values of identity partition columns, which the file may lack; nullopt: null.
  std::map<int32_t, std::optional<std::string>> identity_values;
  std::vector<size_t> position_deletes, equality_deletes;  ///< Places in ScanPlan::deletes.
  std::shared_ptr<const FileColumns> columns;  ///< Null: as some schema of the table says.
};

struct ScanPlan {
  std::shared_ptr<arrow::Schema> schema;  ///< Of the version, with field ids.
  std::vector<ScanFile> files;  ///< In the order that gives rows a stable order: as committed.
  std::vector<DeleteFile> deletes;
  int64_t files_total = 0, records = 0;  ///< Before pruning; after pruning (deleted rows count).
};

/// kInvalid names what Millpond does not read: data files in other formats than Parquet, deletes in
/// other formats.
Result<ScanPlan> PlanScan(ManifestCache& manifests, const TableVersion& version,
                          const std::vector<Predicate>& predicates);

/// Fills in `columns`: from footers where the table's schemas do not tell them, of files that
/// others wrote, which may have no field ids, and of all files where fields inside structs changed
/// their names; else from the schemas where they all agree, and where they do not from the footers
/// of as many files as is worth it.
Status ReadColumns(Catalog& catalog, const TableVersion& version, FileColumnsCache& cache,
                   ScanPlan* plan);

}  // namespace millpond::table
