// Verbs over the pond's history: log, diff, tag, status. Branches are in api/branches.h.
#pragma once

#include <cstdint>
#include <string>

#include "api/pond.h"
#include "base/context.h"
#include "base/json.h"

namespace millpond::api {

/// One commit as JSON: {"commit", "sequence", "parent", "merge_parent", "author", "message",
/// "operation", "at", "inputs", "details", "tables": [{"table", "operation", "snapshot_before",
/// "snapshot_after"}]}.
base::Json CommitToJson(const table::PondCommit& commit);

struct LogQuery {
  std::string table;   ///< Only commits that changed it; empty: all.
  int64_t limit = -1;  ///< < 0: no limit.
  std::string ref;     ///< Where to begin; empty: main.
  bool all = false;    ///< Begin at every branch and tag.
};

/// {"commits": [...]} newest landed first, each with "branches" and "tags" that name it.
Result<base::Json> Log(Pond& pond, const LogQuery& query);

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
                             const std::string& message, bool move);
Status DeleteTag(Pond& pond, const std::string& name);
/// {"tags": [{"name", "commit", "author", "message", "at"}]}
Result<base::Json> ListTags(Pond& pond);

/// {"pond", "branch", "protected", "head", "ahead", "behind" (of main), "tables", "unrecorded":
/// [names of tables that other engines changed since the branch's last pond commit of them]}
Result<base::Json> PondStatus(Pond& pond, const std::string& branch);

}  // namespace millpond::api
