// Verbs that bring rows in: sync, describe (a look at a source before it is read), write.
#pragma once

#include <arrow/type_fwd.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "api/pond.h"
#include "base/context.h"
#include "base/json.h"
#include "ingest/sync.h"
#include "ingest/write.h"

namespace millpond::api {

/// What a source looks like before it is read: {"streams": [{"name", "size", "columns": [{"name",
/// "type"}], "report"}]}.
Result<base::Json> DescribeSource(const std::string& url, const source::SourceOptions& options,
                                  const base::Context& context);

/// ingest::Sync in the pond's name. Report: ingest::ToJson.
Result<base::Json> Sync(Pond& pond, ingest::SyncRequest request, const base::Context& context);

/// One stream of rows and the table that it goes to.
struct NamedRows {
  std::string table;
  std::shared_ptr<arrow::RecordBatchReader> reader;
};

struct WriteRequest {
  std::vector<NamedRows> rows;
  std::string mode = "append";  ///< "create", "append" or "overwrite".
  bool evolve = false;          ///< Add columns and widen types where the rows ask for it.
  std::string message;          ///< Empty: says what is written.
  std::string branch = table::kMainBranch;
};

/// Several tables in one commit. Report: CommitToJson.
Result<base::Json> Write(Pond& pond, const WriteRequest& request, const base::Context& context);

}  // namespace millpond::api
