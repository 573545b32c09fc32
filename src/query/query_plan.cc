// Errors of a plan in terms of its source.
#include "query/query_plan.h"

#include "query/statement.h"

namespace millpond::query {

Status QueryPlan::ToStatus(const EngineError& error) const {
  if (!error.position || *error.position < 0) return error.ToStatus();
  const size_t in_refs = names.SourceOffset(static_cast<size_t>(*error.position));
  return base::MakeError(error.kind,
                         WithPosition(error.message, source, refs.SourceOffset(in_refs)));
}

}  // namespace millpond::query
