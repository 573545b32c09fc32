// The only way to read data: SQL or scans over tables at any ref, through the gate, as Arrow
// streams. Wraps an in-memory DuckDB per session with a memory limit and temp files inside the
// pond. A session may be used by many threads; each call has its own connection.
#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/context.h"
#include "base/error.h"
#include "base/json.h"
#include "query/gate.h"
#include "table/catalog.h"
#include "table/history.h"
#include "table/pins.h"
#include "table/predicate.h"

namespace millpond::query {

struct SessionSettings {
  std::string
      temp_folder;  ///< Inside the pond's derived/; what a session spills there goes at its close.
  int64_t memory_limit = 0;  ///< Bytes; 0: 60% of the machine's memory.
  int threads = 0;           ///< 0: all.
};

/// A table version that a query read: its lineage.
struct TableRead {
  table::TableName table;
  std::optional<int64_t> snapshot_id;
  std::string policy_hash;
};

struct SqlOptions {
  std::string ref;  ///< Version for tables that name none; empty: head.
  std::map<table::TableName, table::TablePin>
      pins;                            ///< Exact versions (frozen datasets); wins over `ref`.
  std::vector<base::Json> parameters;  ///< For ? and $1: null, bool, int, double, string.
  /// Relations that the caller brings along, by a name without a namespace that the statement may
  /// use; each is read once, by Sql.
  std::map<std::string, std::shared_ptr<arrow::RecordBatchReader>> rows = {};
  /// Leaves out the rows of data files that all versions of a table named in the statement read
  /// alike (same file, same deletes): what compares versions then costs what differs. A table named
  /// at one version only is read whole.
  bool differences_only = false;
  /// Reads these tables, at every version, with the columns of this one of their schemas: rows are
  /// found by field id, so versions whose columns differ have comparable rows.
  std::map<table::TableName, int32_t> columns_of_schema = {};
};

struct QueryResult {
  /// Streams batches of at most 64k rows; errors (cancelled too) come out of ReadNext. Keeps the
  /// session's engine alive.
  std::shared_ptr<arrow::RecordBatchReader> reader;
  std::vector<TableRead> inputs;
};

struct ScanRequest {
  table::TableName table;
  std::string ref;
  std::vector<std::string> columns;  ///< Empty: all.
  std::string filter;                ///< SQL boolean expression; empty: all rows.
  std::optional<int64_t> limit;
};

/// What a query would read: per table, files before and after pruning, and the engine's plan.
struct Explanation {
  base::Json tables;  ///< [{"table","snapshot","files_total","files_read","records"}]
  std::string plan;
};

class Session {
 public:
  Session() = delete;
  /// kInvalid without a principal's name or a decision point.
  static Result<std::shared_ptr<Session>> Open(Principal principal,
                                               std::shared_ptr<DecisionPoint> decisions,
                                               std::shared_ptr<table::Catalog> catalog,
                                               SessionSettings settings);
  virtual ~Session() = default;

  /// One SELECT (WITH, VALUES, FROM-first… too). Tables: shop.orders, orders (namespace main), and
  /// at a ref: orders@v1, shop.orders AT TAG v1, AT BRANCH main, AT COMMIT 0198…, AT SNAPSHOT 123,
  /// AT TIMESTAMP '2026-11-01'. Statements that write, and table functions that reach files or
  /// settings, are refused as kDenied. Unknown tables and columns: kNotFound / kInvalid with the
  /// nearest name.
  virtual Result<QueryResult> Sql(const std::string& sql, const SqlOptions& options,
                                  const base::Context& context) = 0;
  virtual Result<QueryResult> Scan(const ScanRequest& request, const base::Context& context) = 0;
  virtual Result<Explanation> Explain(const std::string& sql, const SqlOptions& options) = 0;

  /// The table versions a statement names, resolved, without running it (freeze pins these).
  virtual Result<std::vector<TableRead>> InputsOf(const std::string& sql,
                                                  const SqlOptions& options) = 0;
  /// Output schema without running it.
  virtual Result<std::shared_ptr<arrow::Schema>> SchemaOf(const std::string& sql,
                                                          const SqlOptions& options) = 0;

  /// What a filter over the table's columns says in simple terms, all of which hold for its rows;
  /// nothing where it says nothing simple. kInvalid where it is no expression or reads tables.
  virtual Result<std::vector<table::Predicate>> PredicatesOf(const table::TableName& table,
                                                             const std::string& filter) = 0;

  virtual const Principal& principal() const = 0;
  virtual const std::shared_ptr<table::Catalog>& catalog() const = 0;

 protected:
  explicit Session(int) {}  // Only the implementation constructs one.
};

}  // namespace millpond::query
