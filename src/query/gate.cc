// The decision point of a pond that has no policies.
#include "query/gate.h"

namespace millpond::query {

Result<ReadDecision> OpenPond::DecideRead(const Principal&, const table::TableName&,
                                          const arrow::Schema&) {
  ReadDecision decision;
  decision.allowed = true;
  return decision;
}

}  // namespace millpond::query
