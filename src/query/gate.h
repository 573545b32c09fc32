// The one gate (law 1): who asks, and what a decision point answers for each table. A
// query::Session cannot exist without both, and nothing above this floor can reach data files
// except through a session.
#pragma once

#include <arrow/type_fwd.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "table/table_name.h"

namespace millpond::query {

struct Principal {
  std::string name;  ///< "ana@lab"; never empty.
  std::vector<std::string> roles;
};

/// The answer for one principal reading one table.
struct ReadDecision {
  bool allowed = false;
  std::string reason;      ///< Why not, or which policy; for the error and the audit.
  std::string row_filter;  ///< SQL boolean expression over the table's columns; empty: all rows.
  std::map<std::string, std::string>
      masks;  ///< Column -> SQL expression that replaces it (same type); others pass.
  std::string
      policy_hash;  ///< Part of the key of everything derived from the read; empty: no policy.
};

class DecisionPoint {
 public:
  virtual ~DecisionPoint() = default;
  virtual Result<ReadDecision> DecideRead(const Principal& principal, const table::TableName& table,
                                          const arrow::Schema& schema) = 0;
};

/// Lets every principal read everything: for a pond without policies, where access to the folder is
/// the only right there is.
class OpenPond final : public DecisionPoint {
 public:
  Result<ReadDecision> DecideRead(const Principal&, const table::TableName&,
                                  const arrow::Schema&) override;
};

}  // namespace millpond::query
