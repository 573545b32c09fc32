// Table versions that must stay readable for good: what a frozen dataset reads. A pin says which
// table (by uuid, since a name may go or be given to another table), which snapshot, and where its
// metadata was. Frozen datasets are rows of the ledger; train/ writes them, upkeep reads them here.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "ledger/ledger.h"
#include "table/catalog.h"
#include "table/history.h"

namespace millpond::table {

struct TablePin {
  std::string uuid = {};                    ///< Empty: whichever table has the name.
  std::optional<int64_t> snapshot_id = {};  ///< None: before its first snapshot.
  std::string metadata_location = {};       ///< Where its metadata was; empty where not known.
};

/// [{"table", "uuid", "snapshot", "metadata"}], as the ledger keeps them.
base::Json PinsToJson(const std::map<TableName, TablePin>& pins);
Result<std::map<TableName, TablePin>> PinsFromJson(const base::Json& json, std::string_view origin);

/// The pinned version, by whatever name the catalog has the table now, or from the metadata that a
/// dropped one left. The version's table has its present name, `name` where it has none. kNotFound
/// where the snapshot was expired or the files were removed.
Result<TableVersion> PinnedVersion(Catalog& catalog, const TableName& name, const TablePin& pin);

/// Every table version that a frozen dataset needs.
struct FrozenPin {
  std::string dataset;  ///< "reviews@v3".
  TableName table;
  TablePin pin;
};
Result<std::vector<FrozenPin>> FrozenPins(Catalog& catalog);

/// Applies `changes` and sets, in the same ledger transaction, an Iceberg tag on each pinned
/// snapshot whose table is in the catalog, so that no engine expires it. `changes` is asked for in
/// every attempt; its error ends the landing. Tables in format 1 get no tag.
Status LandPins(Catalog& catalog, const std::string& tag, const std::map<TableName, TablePin>& pins,
                const std::function<Result<ledger::Transaction>()>& changes);

}  // namespace millpond::table
