// Catalog pointers that name a metadata file which is gone: what a restored ledger has where its
// backup is older than the metadata files that a table keeps. Later metadata of the same table
// still holds every snapshot, so a successor is written in which main and the pond's branches are
// what the ledger recorded. Used by api/ after a restore and by doctor.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/context.h"
#include "base/error.h"
#include "table/catalog.h"
#include "table/upkeep.h"

namespace millpond::table {

struct RepairedPointer {
  TableName table;
  std::string missing;                 ///< The metadata file that the catalog named.
  std::string source;                  ///< The later one that knew what the ledger recorded.
  std::string location;                ///< The one that the catalog names now.
  std::optional<int64_t> snapshot_id;  ///< What main is then.
};

struct PointerRepair {
  std::vector<RepairedPointer> repaired;
  std::vector<Finding> lost;  ///< Tables, or branches of them, that no file can bring back.
};

/// Repairs every pointer whose metadata file is missing; tables whose file is there are left alone.
/// What later commits wrote stays in the store until orphans are removed. Safe to run again, and
/// beside writers: a table that moves meanwhile is left as it then is.
Result<PointerRepair> RepairPointers(Catalog& catalog, const base::Context& context);

}  // namespace millpond::table
