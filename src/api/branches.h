// Verbs over branches of the pond: list, make, delete, rename, protect.
#pragma once

#include <string>

#include "api/pond.h"
#include "base/json.h"

namespace millpond::api {

/// {"branches": [{"name", "commit", "head" (message of its commit), "at", "protected", "ahead",
/// "behind" (commits that only it, only main has), "author", "message", "created"}]}
Result<base::Json> ListBranches(Pond& pond);
/// Begins at `ref` (empty: main). The new branch as ListBranches tells it.
Result<base::Json> CreateBranch(Pond& pond, const std::string& name, const std::string& ref,
                                const std::string& message);
/// {"deleted", "commit"}: the commit that it ended at, which can still be read by its id.
Result<base::Json> DeleteBranch(Pond& pond, const std::string& name, bool force);
Result<base::Json> RenameBranch(Pond& pond, const std::string& name, const std::string& to);
Result<base::Json> ProtectBranch(Pond& pond, const std::string& name, bool is_protected);

}  // namespace millpond::api
