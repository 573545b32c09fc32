// Which data files a read of a table must open: manifests walked, files left out whose bounds
// cannot match. Only query/ may include this header (tools/layers.toml): every read passes its
// gate.
#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "table/data_file.h"
#include "table/history.h"
#include "table/predicate.h"

namespace millpond::table {

struct ScanFile {
  DataFile file;
  std::string path;       ///< Local path (no file://) or URI.
  int32_t schema_id = 0;  ///< Schema it was written with.
};

struct ScanPlan {
  std::shared_ptr<arrow::Schema> schema;  ///< Of the version, with field ids.
  std::vector<ScanFile> files;  ///< In the order that gives rows a stable order: as committed.
  int64_t files_total = 0, records = 0;  ///< Before pruning; after pruning.
  bool same_schema = true;               ///< All files were written with `schema`'s id.
};

/// Refuses tables with delete files as kInvalid ("has row-level deletes …").
Result<ScanPlan> PlanScan(Catalog& catalog, const TableVersion& version,
                          const std::vector<Predicate>& predicates);

}  // namespace millpond::table
