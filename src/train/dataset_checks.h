// What freezing and building segments demand of a dataset's rows. Both stream the rows in the order
// of the key, so one look at the neighbour finds keys that are there twice.
#pragma once

#include <arrow/type_fwd.h>

#include <memory>
#include <string>
#include <vector>

#include "base/context.h"
#include "base/error.h"
#include "base/json.h"
#include "query/session.h"
#include "train/dataset.h"
#include "train/split.h"

namespace millpond::train {

/// Refuses null keys and keys that occur twice in a stream that is ordered by the key.
class KeyCheck {
 public:
  explicit KeyCheck(std::vector<std::string> key) : key_(std::move(key)) {}
  Status Check(const arrow::RecordBatch& batch);

 private:
  std::vector<std::string> key_;
  std::string previous_;
  bool first_ = true;
};

/// The columns that a definition names exist in the query's output, once, with types that serve.
Status CheckColumns(const DatasetDefinition& definition, const arrow::Schema& schema);

/// "a", "b" quoted for SQL.
std::string QuotedColumns(const std::vector<std::string>& columns);

/// The rows of each part; kInvalid where the key or a part fails.
struct PartCounts {
  std::vector<int64_t> rows;  ///< By part.
  int64_t unassigned = 0;
};
Result<PartCounts> CountParts(query::Session& session, const Dataset& dataset,
                              const base::Context& context);

/// Groups that have rows in more than one part: {"column", "groups", "examples"}; null where no
/// group column is known or the split is by it.
Result<base::Json> FindLeaks(query::Session& session, const Dataset& dataset,
                             const base::Context& context);

/// The parts of a dataset as users name them: {"all"} where it is not split.
std::vector<std::string> PartNames(const Dataset& dataset);

}  // namespace millpond::train
