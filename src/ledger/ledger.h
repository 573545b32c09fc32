// The small transactional rows of a pond: Iceberg catalog pointers, pond commits, datasets, runs,
// cursors. This room alone knows SQL dialects; callers speak in values: a Transaction is a list of
// changes that lands whole or not at all, a Query is a table with simple conditions.
// Implementations pass ledger/ledger_contract.h. Thread safe; many processes may share one.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/error.h"

namespace millpond::ledger {

/// NULL, INTEGER, REAL, TEXT.
using Value = std::variant<std::monostate, int64_t, double, std::string>;

/// Column name -> value.
using Row = std::map<std::string, Value>;

enum class Compare { kEqual, kNotEqual, kLess, kLessEqual, kGreater, kGreaterEqual, kStartsWith };

/// `column op value`; kEqual/kNotEqual with NULL mean IS NULL / IS NOT NULL.
struct Condition {
  std::string column;
  Compare op = Compare::kEqual;
  Value value;
};
using Conditions = std::vector<Condition>;  ///< All must hold.

struct Order {
  std::string column;
  bool descending = false;
};

struct Query {
  std::string table;
  Conditions where = {};
  std::vector<Order> order_by = {};
  std::optional<int64_t> limit = {};
};

/// A set of changes, applied in the order they were added, atomically.
class Transaction {
 public:
  enum class Kind { kInsert, kUpsert, kUpdate, kDelete };
  struct Change {
    Kind kind;
    std::string table;
    Row row;           ///< Values to insert or set.
    Conditions where;  ///< Update and delete.
    std::optional<int64_t>
        expected_rows;             ///< Fails the transaction as kConflict where the count differs.
    std::string conflict_message;  ///< Text of that error (or of a duplicate key).
  };

  /// A duplicate key fails the transaction as kAlreadyExists with `message`.
  Transaction& Insert(std::string table, Row row, std::string message = "");
  /// Inserts, or sets the non-key columns of the row with the same primary key.
  Transaction& Upsert(std::string table, Row row);
  Transaction& Update(std::string table, Row set, Conditions where,
                      std::optional<int64_t> expected_rows = {}, std::string message = "");
  Transaction& Delete(std::string table, Conditions where,
                      std::optional<int64_t> expected_rows = {}, std::string message = "");
  /// Adds the other's changes after one's own.
  Transaction& Append(const Transaction& other);

  const std::vector<Change>& changes() const { return changes_; }
  bool empty() const { return changes_.empty(); }

 private:
  std::vector<Change> changes_;
};

class Ledger {
 public:
  virtual ~Ledger() = default;

  /// Applies all changes durably or none. Waits for other writers up to the busy limit, then
  /// kUnavailable.
  virtual Status Apply(const Transaction& transaction) = 0;

  virtual Result<std::vector<Row>> Select(const Query& query) = 0;

  /// Several queries over one consistent state.
  virtual Result<std::vector<std::vector<Row>>> SelectAll(const std::vector<Query>& queries) = 0;

  /// Takes `count` numbers from a named counter that starts at 0; returns the first. They are never
  /// given again.
  virtual Result<int64_t> Reserve(const std::string& counter, int64_t count) = 0;

  /// Verifies the storage itself (SQLite: integrity and foreign keys). kCorrupt names what is
  /// wrong.
  virtual Status CheckIntegrity() = 0;

  /// Schema version that this ledger is at (equals LatestVersion after Open).
  virtual Result<int64_t> Version() = 0;
};

// Row access; a missing or differently typed column is kCorrupt, NULL too except for Optional*.
Result<int64_t> IntOf(const Row& row, const std::string& column);
Result<double> RealOf(const Row& row, const std::string& column);
Result<std::string> TextOf(const Row& row, const std::string& column);
Result<std::optional<int64_t>> OptionalIntOf(const Row& row, const std::string& column);
Result<std::optional<double>> OptionalRealOf(const Row& row, const std::string& column);
Result<std::optional<std::string>> OptionalTextOf(const Row& row, const std::string& column);

}  // namespace millpond::ledger
