// How many rows a version of a table has: by its summary, less what deletes beside its files take.
#pragma once

#include "api/pond.h"
#include "base/context.h"
#include "base/json.h"
#include "table/history.h"

namespace millpond::api {

/// From metadata where the version has no deletes; else counted, which reads the deletes. Null
/// where the writer left out what it takes to know.
Result<base::Json> LiveRows(Pond& pond, const table::TableVersion& version,
                            const base::Context& context);

}  // namespace millpond::api
