// A plan's views, and its errors in terms of its source.
#include "query/query_plan.h"

#include "query/statement.h"

namespace millpond::query {

Status QueryPlan::OpenViews(Connection& connection) const {
  if (views == nullptr) return Status::OK();
  return base::WithContext(
      has_policy ? "open the query's tables under their policies" : "open the query's tables",
      views->Open(connection));
}

Status QueryPlan::ToStatus(const EngineError& error) const {
  if (!error.position || *error.position < 0) return error.ToStatus();
  const size_t in_refs = names.SourceOffset(static_cast<size_t>(*error.position));
  return base::MakeError(error.kind,
                         WithPosition(error.message, source, refs.SourceOffset(in_refs)));
}

}  // namespace millpond::query
