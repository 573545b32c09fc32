// A running query as a stream of Arrow batches. Made by session.cc; read by one thread at a time,
// which need not be the one that made it.
#pragma once

#include <arrow/record_batch.h>

#include <memory>
#include <vector>

#include "base/context.h"
#include "base/error.h"
#include "base/json.h"
#include "query/engine.h"
#include "query/query_plan.h"

namespace millpond::query {

/// Starts the statement of `plan`. The stream keeps the connection and the plan's views until it
/// ends, and stops soon after context.stop (kCancelled).
Result<std::shared_ptr<arrow::RecordBatchReader>> StartQuery(
    std::unique_ptr<Connection> connection, QueryPlan plan,
    const std::vector<base::Json>& parameters, const base::Context& context);

/// The schema that StartQuery's stream would have.
Result<std::shared_ptr<arrow::Schema>> OutputSchema(Connection& connection, const QueryPlan& plan);

}  // namespace millpond::query
