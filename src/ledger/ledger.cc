// Building transactions and reading rows: the parts of ledger.h that no database is needed for.
#include "ledger/ledger.h"

#include <utility>

namespace millpond::ledger {
namespace {

constexpr const char* kTypeNames[] = {"NULL", "an integer", "a real number", "text"};

// The value of `column`, null where it is NULL.
template <class T>
Result<const T*> Typed(const Row& row, const std::string& column) {
  auto found = row.find(column);
  if (found == row.end()) return base::Corrupt("the ledger's row has no column '{}'", column);
  if (std::holds_alternative<std::monostate>(found->second)) return nullptr;
  if (const T* value = std::get_if<T>(&found->second)) return value;
  return base::Corrupt("the ledger's column '{}' holds {}, expected {}", column,
                       kTypeNames[found->second.index()], kTypeNames[Value(T()).index()]);
}

template <class T>
Result<T> Required(const Row& row, const std::string& column) {
  ARROW_ASSIGN_OR_RAISE(const T* value, Typed<T>(row, column));
  if (value == nullptr) return base::Corrupt("the ledger's column '{}' is NULL", column);
  return *value;
}

template <class T>
Result<std::optional<T>> Optional(const Row& row, const std::string& column) {
  ARROW_ASSIGN_OR_RAISE(const T* value, Typed<T>(row, column));
  return value == nullptr ? std::nullopt : std::optional<T>(*value);
}

}  // namespace

Transaction& Transaction::Insert(std::string table, Row row, std::string message) {
  changes_.push_back({Kind::kInsert, std::move(table), std::move(row), {}, {}, std::move(message)});
  return *this;
}

Transaction& Transaction::Upsert(std::string table, Row row) {
  changes_.push_back({Kind::kUpsert, std::move(table), std::move(row), {}, {}, {}});
  return *this;
}

Transaction& Transaction::Update(std::string table, Row set, Conditions where,
                                 std::optional<int64_t> expected_rows, std::string message) {
  changes_.push_back({Kind::kUpdate, std::move(table), std::move(set), std::move(where),
                      expected_rows, std::move(message)});
  return *this;
}

Transaction& Transaction::Delete(std::string table, Conditions where,
                                 std::optional<int64_t> expected_rows, std::string message) {
  changes_.push_back(
      {Kind::kDelete, std::move(table), {}, std::move(where), expected_rows, std::move(message)});
  return *this;
}

Transaction& Transaction::Append(const Transaction& other) {
  const std::vector<Change> added = other.changes_;  // `other` may be this one.
  changes_.insert(changes_.end(), added.begin(), added.end());
  return *this;
}

Result<int64_t> IntOf(const Row& row, const std::string& column) {
  return Required<int64_t>(row, column);
}
Result<double> RealOf(const Row& row, const std::string& column) {
  return Required<double>(row, column);
}
Result<std::string> TextOf(const Row& row, const std::string& column) {
  return Required<std::string>(row, column);
}
Result<std::optional<int64_t>> OptionalIntOf(const Row& row, const std::string& column) {
  return Optional<int64_t>(row, column);
}
Result<std::optional<double>> OptionalRealOf(const Row& row, const std::string& column) {
  return Optional<double>(row, column);
}
Result<std::optional<std::string>> OptionalTextOf(const Row& row, const std::string& column) {
  return Optional<std::string>(row, column);
}

}  // namespace millpond::ledger
