// What is in a table, column by column: counts, nulls, distinct values, extremes, moments,
// quantiles, the most frequent values. Called by api/ (`millpond check --profile`, Python's
// profile). Reads through the caller's session, so a masked column shows its mask.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/context.h"
#include "base/error.h"
#include "base/json.h"
#include "query/session.h"

namespace millpond::curate {

struct ProfileRequest {
  std::string table;                 ///< "shop.orders" or "shop.orders@v1".
  std::vector<std::string> columns;  ///< Empty: all.
  int top_values = 10;               ///< 0: none.
};

struct ColumnProfile {
  std::string name, type;  ///< Type as SQL says it: BIGINT, VARCHAR…
  int64_t count = 0;       ///< Rows with a value.
  int64_t nulls = 0;
  std::optional<int64_t>
      distinct;         ///< Estimated (HyperLogLog); none for nested and binary columns.
  base::Json min, max;  ///< Numbers as numbers, others as text; null where there is none.
  std::optional<double> mean, stddev;                ///< Numbers; NaN and infinities left out.
  std::vector<std::pair<double, double>> quantiles;  ///< (probability, value), numbers only.
  std::optional<int64_t> not_finite;                 ///< NaN and infinities; floating columns.
  std::optional<int64_t> min_length, max_length;     ///< Text, in characters.
  std::vector<std::pair<base::Json, int64_t>> top;   ///< Most frequent values, exact counts.
};

struct TableProfile {
  table::TableName table;
  std::optional<int64_t> snapshot;
  int64_t rows = 0;
  std::vector<ColumnProfile> columns;
  double seconds = 0;
};

Result<TableProfile> ProfileTable(query::Session& session, const ProfileRequest& request,
                                  const base::Context& context);

base::Json ToJson(const TableProfile& profile);

}  // namespace millpond::curate
