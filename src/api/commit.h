// commit: several tables written in one pond commit, from files and queries; or what other engines
// wrote taken into the history.
#pragma once

#include <string>
#include <vector>

#include "api/pond.h"
#include "base/context.h"
#include "base/json.h"

namespace millpond::api {

struct CommitRequest {
  std::string message;
  std::vector<std::string> files;    ///< "shop.orders=orders.csv"
  std::vector<std::string> queries;  ///< "shop.totals=SELECT …"
  std::vector<std::string> drops;    ///< Table names.
  bool replace = false;              ///< Else rows are appended.
  std::string idempotency_key;       ///< Empty: none.
  std::string branch = table::kMainBranch;
};

/// The commit as CommitToJson. With no files, queries and drops it records tables that other
/// engines changed; kInvalid where there are none.
Result<base::Json> Commit(Pond& pond, const CommitRequest& request, const base::Context& context);

}  // namespace millpond::api
