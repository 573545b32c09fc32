// Checks a table against a suite. Every expectation compiles to SQL aggregates, and those of a
// whole suite are evaluated in one pass over the table where they can be; sample values are fetched
// for failures only. Called by api/ (`millpond check`, the gate of a commit).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/context.h"
#include "base/error.h"
#include "base/json.h"
#include "curate/suite.h"
#include "query/session.h"

namespace millpond::curate {

struct CheckRequest {
  std::string table;      ///< "shop.orders" or "shop.orders@v1".
  int sample_limit = 20;  ///< Unexpected values to show per expectation, with their sample_id.
};

struct UnexpectedValue {
  base::Json value;                  ///< A list where the expectation is over several columns.
  std::optional<int64_t> sample_id;  ///< None where the table has no such column.
};

struct ExpectationResult {
  Expectation expectation;
  bool success = false;
  base::Json observed;  ///< Of aggregate expectations: the mean, the set, the count…
  std::optional<int64_t> elements,
      missing;  ///< Of value expectations: rows looked at, and nulls left out.
  std::optional<int64_t> unexpected;
  std::vector<UnexpectedValue> samples;
  std::string error;  ///< Why it could not be evaluated (no such column, a bad regex…); then
                      ///< success is false.
};

struct CheckReport {
  std::string suite;
  table::TableName table;
  std::optional<int64_t> snapshot;
  bool success = false;
  int64_t rows = 0;
  std::vector<ExpectationResult> results;  ///< In the suite's order.
  int passes = 0;                          ///< Queries that read the table.
  int64_t started_ms = 0;
  double seconds = 0;
};

/// An expectation that cannot be evaluated is a failed result with `error`, not a failed call; the
/// call fails where the table, the session or the context does.
Result<CheckReport> Check(query::Session& session, const Suite& suite, const CheckRequest& request,
                          const base::Context& context);

/// GX's validation result: success, statistics, results[] {success, expectation_config, result,
/// exception_info}, meta.
base::Json ToJson(const CheckReport& report);

}  // namespace millpond::curate
