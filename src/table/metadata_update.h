// Iceberg's REST protocol for changing metadata: a list of "requirements" that must hold of the
// document and a list of "updates" applied in order (REST catalog spec, CommitTableRequest and
// CommitViewRequest). Works on documents, so that what we do not know otherwise is kept. Used by
// commit and views; pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/json.h"

namespace millpond::table {

/// kConflict names the first requirement that does not hold of `document` (null: there is none);
/// kInvalid for one that is unknown. `name` is the table's or view's, for the message.
Status CheckRequirements(const base::Json* document, const base::Json& requirements,
                         std::string_view name);

/// `document` with `updates` applied in order; kInvalid names the update that cannot be, or is
/// unknown. An empty object starts a new table.
Result<base::Json> ApplyUpdates(base::Json document, const base::Json& updates, int64_t now_ms,
                                std::string_view name);

/// The updates that make a new table of Iceberg's CreateTableRequest at `location`: field ids are
/// assigned anew, level by level, and partition and sort fields follow them.
Result<base::Json> CreationUpdates(const base::Json& request, const std::string& uuid,
                                   const std::string& location);

}  // namespace millpond::table
