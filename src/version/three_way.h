// The SQL of a three-way comparison of one table: which rows another version changed since the
// base, which of them ours changed too, and where ours has them. Pure text; run by row_merge.cc,
// which has all versions read with the same columns.
#pragma once

#include <arrow/type_fwd.h>

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"

namespace millpond::version {

/// Relations as SQL. An empty `base`: it has no rows.
struct Sides {
  std::string base, ours, theirs;
};

/// What becomes of a row of ours: the value of "#n".
enum class RowStep : int32_t { kNone = 0, kDelete = 1, kUpdate = 2, kInsert = 3 };

class ThreeWay {
 public:
  ThreeWay() = default;  ///< Of nothing.

  /// `columns`: of all sides, with field ids; `key`: those of the identifier, which must be among
  /// them (kConflict); `only_ours`: those that theirs knows nothing of. `row_ids`: the table keeps
  /// row lineage.
  static Result<ThreeWay> Make(Sides sides, const arrow::Schema& columns,
                               const std::vector<int32_t>& key, const std::set<int32_t>& only_ours,
                               bool row_ids);

  /// One row, one boolean: whether some side has a key more than once.
  std::string RepeatsSql() const;

  /// Rows that change if theirs is taken: "#file", "#pos", "#row" (of the row in ours, null where
  /// it has none), "#n" (RowStep), "#conflict" (ours changed it too, differently), "#repeated" (its
  /// key is there more than once; always false without `repeats`), then a column for each of the
  /// table's, in order, with the new value. With `repeats` rows whose number changed are among
  /// them.
  std::string ChangesSql(bool repeats) const;

  /// Rows that both changed, by key: the key's columns, then for each side whether it has the row
  /// and all columns.
  std::string ConflictsSql(int64_t limit) const;

  /// Columns of ConflictsSql, in order: of the key; then of each side, after its flag.
  std::vector<std::string> key_names() const;
  std::vector<std::string> names() const;

  /// Places of the key's columns among the table's.
  const std::vector<size_t>& key() const { return key_; }

 private:
  struct Column {
    std::string name;
    bool compares = true;
    bool prefers_ours = false;  ///< Where ours has the row.
  };

  bool has_base() const { return !sides_.base.empty(); }
  std::string Select(const std::string& relation, bool places, bool counts) const;
  std::string Differs(const char* a, const char* b) const;
  std::string SameKey(const char* side, bool joined_before) const;
  std::string Joined(bool counts) const;
  std::string InBase() const;
  std::string Changed(const char* side, const char* is_in) const;
  std::string OursChanged() const;
  std::string TheirsChanged() const;
  std::string Same() const;
  std::string ValueSql(size_t i) const;

  Sides sides_;
  std::vector<Column> columns_;
  std::vector<size_t> key_;
  bool row_ids_ = false;
};

}  // namespace millpond::version
