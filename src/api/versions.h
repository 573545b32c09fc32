// Verbs over the pond's history: log, diff, tag, status.
#pragma once

#include <cstdint>
#include <string>

#include "api/pond.h"
#include "base/context.h"
#include "base/json.h"

namespace millpond::api {

/// One commit as JSON: {"commit", "sequence", "parent", "author", "message", "operation", "at",
/// "tags", "inputs", "details", "tables": [{"table", "operation", "snapshot_before",
/// "snapshot_after"}]}.
base::Json CommitToJson(const table::PondCommit& commit);

/// {"commits": [...]} newest first; `table` empty: all. `limit` < 0: no limit.
Result<base::Json> Log(Pond& pond, const std::string& table, int64_t limit);

struct DiffRequest {
  std::string from;   ///< A ref.
  std::string to;     ///< A ref; empty: the head.
  std::string table;  ///< Empty: all tables.
  bool rows =
      true;  ///< Count rows added, removed and changed by key (reads the tables that differ).
};

/// {"from", "to", "tables": [{"table", "change": added|removed|changed, "columns": {"added",
/// "removed", "changed"}, "rows_before", "rows_after", "rows": {"added", "removed", "changed"} |
/// null}]}; tables that are the same are left out.
Result<base::Json> Diff(Pond& pond, const DiffRequest& request, const base::Context& context);

Result<base::Json> CreateTag(Pond& pond, const std::string& name, const std::string& ref,
                             const std::string& message);
Status DeleteTag(Pond& pond, const std::string& name);
/// {"tags": [{"name", "commit", "author", "message", "at"}]}
Result<base::Json> ListTags(Pond& pond);

/// {"head", "tables", "unrecorded": [names of tables that other engines changed since the last pond
/// commit]}
Result<base::Json> PondStatus(Pond& pond);

}  // namespace millpond::api
