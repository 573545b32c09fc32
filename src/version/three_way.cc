// SQL text of a three-way comparison; see the header. The sides are b, o and t; column i of the
// table is "#i" on each of them. Null is a key as any other: another engine may have written it.
#include "version/three_way.h"

#include <arrow/type.h>

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "table/schema.h"

namespace millpond::version {
namespace {

using base::QuoteIdentifier;

std::string Numbered(const char* side, size_t i) { return fmt::format("{}.\"#{}\"", side, i); }

constexpr const char* kInOurs = "(o.\"#in\" IS NOT NULL)";
constexpr const char* kInTheirs = "(t.\"#in\" IS NOT NULL)";

}  // namespace

Result<ThreeWay> ThreeWay::Make(Sides sides, const arrow::Schema& columns,
                                const std::vector<int32_t>& key, const std::set<int32_t>& only_ours,
                                bool row_ids) {
  ThreeWay query;
  query.sides_ = std::move(sides);
  query.row_ids_ = row_ids;
  for (const auto& field : columns.fields()) {
    const int32_t id = table::FieldIdOf(*field).value_or(-1);
    const bool in_key = std::find(key.begin(), key.end(), id) != key.end();
    // A number for the row, not a value in it, unless the row is known by it.
    const bool is_number = !in_key && field->name() == table::kSampleId;
    if (in_key) query.key_.push_back(query.columns_.size());
    query.columns_.push_back(
        {field->name(), !in_key && !is_number, is_number || only_ours.contains(id)});
  }
  if (query.key_.size() < key.size()) {
    return base::Conflict("an identifier column is inside a struct or not among its columns");
  }
  return query;
}

std::string ThreeWay::Select(const std::string& relation, bool places, bool counts) const {
  std::string sql = "(SELECT true AS \"#in\"";
  if (places) sql += ", _file AS \"#file\", _pos AS \"#pos\"";
  if (places && row_ids_) sql += ", _row_id AS \"#row\"";
  std::vector<std::string> keys;
  for (const size_t i : key_) keys.push_back(QuoteIdentifier(columns_[i].name));
  if (counts) {
    sql += fmt::format(", count(*) OVER (PARTITION BY {}) AS \"#copies\"", base::Join(keys, ", "));
  }
  for (size_t i = 0; i < columns_.size(); ++i) {
    sql += fmt::format(", {} AS \"#{}\"", QuoteIdentifier(columns_[i].name), i);
  }
  return sql + " FROM " + relation + ")";
}

std::string ThreeWay::Differs(const char* a, const char* b) const {
  std::vector<std::string> differs;
  for (size_t i = 0; i < columns_.size(); ++i) {
    if (!columns_[i].compares) continue;
    differs.push_back(Numbered(a, i) + " IS DISTINCT FROM " + Numbered(b, i));
  }
  return differs.empty() ? "false" : "(" + base::Join(differs, " OR ") + ")";
}

std::string ThreeWay::SameKey(const char* side, bool joined_before) const {
  std::vector<std::string> same;
  for (const size_t i : key_) {
    const std::string left =
        joined_before ? fmt::format("coalesce({}, {})", Numbered("b", i), Numbered("o", i))
                      : Numbered(has_base() ? "b" : "o", i);
    same.push_back(left + " IS NOT DISTINCT FROM " + Numbered(side, i));
  }
  return base::Join(same, " AND ");
}

std::string ThreeWay::Joined(bool counts) const {
  const std::string ours = Select(sides_.ours, true, counts) + " o";
  const std::string theirs = Select(sides_.theirs, false, counts) + " t";
  std::string sql = ours;
  if (has_base()) {
    sql = Select(sides_.base, false, counts) + " b FULL OUTER JOIN " + ours + " ON " +
          SameKey("o", false);
  }
  return sql + " FULL OUTER JOIN " + theirs + " ON " + SameKey("t", has_base());
}

std::string ThreeWay::InBase() const { return has_base() ? "(b.\"#in\" IS NOT NULL)" : "false"; }

std::string ThreeWay::Changed(const char* side, const char* is_in) const {
  if (!has_base()) return is_in;
  return fmt::format("({0} <> {1} OR ({0} AND {1} AND {2}))", InBase(), is_in, Differs("b", side));
}

std::string ThreeWay::OursChanged() const { return Changed("o", kInOurs); }

std::string ThreeWay::TheirsChanged() const { return Changed("t", kInTheirs); }

std::string ThreeWay::Same() const {
  return fmt::format("({0} = {1} AND (NOT {0} OR NOT {2}))", kInOurs, kInTheirs, Differs("o", "t"));
}

std::string ThreeWay::ValueSql(size_t i) const {
  const std::string ours = Numbered("o", i), theirs = Numbered("t", i);
  if (std::find(key_.begin(), key_.end(), i) != key_.end()) {
    return fmt::format("coalesce({}, {}{})", theirs, ours,
                       has_base() ? ", " + Numbered("b", i) : "");
  }
  if (!columns_[i].prefers_ours) return theirs;
  return fmt::format("CASE WHEN {} THEN {} ELSE {} END", kInOurs, ours, theirs);
}

std::string ThreeWay::RepeatsSql() const {
  std::vector<std::string> keys, sides;
  for (const size_t i : key_) keys.push_back(Numbered("s", i));
  const std::string by = base::Join(keys, ", ");
  for (const std::string* relation : {&sides_.base, &sides_.ours, &sides_.theirs}) {
    if (relation->empty()) continue;
    sides.push_back(fmt::format("EXISTS (SELECT 1 FROM {} s GROUP BY {} HAVING count(*) > 1)",
                                Select(*relation, false, false), by));
  }
  return "SELECT " + base::Join(sides, " OR ");
}

std::string ThreeWay::ChangesSql(bool repeats) const {
  const std::string copies_base = has_base() ? "coalesce(b.\"#copies\", 0)" : "0";
  const std::string copies_ours = "coalesce(o.\"#copies\", 0)";
  const std::string copies_theirs = "coalesce(t.\"#copies\", 0)";
  const std::string repeated =
      repeats ? fmt::format("greatest({}, {}, {}) > 1", copies_base, copies_ours, copies_theirs)
              : "false";
  std::string sql = fmt::format(
      "SELECT o.\"#file\" AS \"#file\", o.\"#pos\" AS \"#pos\", {} AS \"#row\", CASE WHEN {} AND "
      "{} THEN 2 WHEN {} THEN 3 WHEN {} THEN 1 ELSE 0 END AS \"#n\", {} AS \"#conflict\", {} AS "
      "\"#repeated\"",
      row_ids_ ? "o.\"#row\"" : "CAST(NULL AS BIGINT)", kInOurs, kInTheirs, kInTheirs, kInOurs,
      OursChanged(), repeated);
  for (size_t i = 0; i < columns_.size(); ++i) {
    sql += fmt::format(", {} AS \"#{}\"", ValueSql(i), i);
  }
  std::string wanted = fmt::format("({} AND NOT {})", TheirsChanged(), Same());
  if (repeats) {
    wanted += fmt::format(" OR ({0} <> {1} AND {0} <> {2} AND {3})", copies_theirs, copies_base,
                          copies_ours, repeated);
  }
  return fmt::format("{} FROM {} WHERE {}", sql, Joined(repeats), wanted);
}

std::vector<std::string> ThreeWay::names() const {
  std::vector<std::string> names;
  for (const Column& column : columns_) names.push_back(column.name);
  return names;
}

std::vector<std::string> ThreeWay::key_names() const {
  std::vector<std::string> names;
  for (const size_t i : key_) names.push_back(columns_[i].name);
  return names;
}

std::string ThreeWay::ConflictsSql(int64_t limit) const {
  std::vector<std::string> outputs, order;
  for (const size_t i : key_) {
    outputs.push_back(fmt::format("coalesce({}{}, {}) AS \"#k{}\"",
                                  has_base() ? Numbered("b", i) + ", " : "", Numbered("o", i),
                                  Numbered("t", i), i));
    order.push_back(fmt::format("\"#k{}\"", i));
  }
  auto add = [&](const char* side, const std::string& present) {
    outputs.push_back(fmt::format("{} AS \"#{}\"", present, side));
    for (size_t i = 0; i < columns_.size(); ++i) {
      const bool is_there = side[0] != 'b' || has_base();
      outputs.push_back(
          fmt::format("{} AS \"#{}{}\"", is_there ? Numbered(side, i) : "NULL", side, i));
    }
  };
  add("b", InBase());
  add("o", kInOurs);
  add("t", kInTheirs);
  return fmt::format("SELECT {} FROM {} WHERE {} AND {} AND NOT {} ORDER BY {} LIMIT {}",
                     base::Join(outputs, ", "), Joined(false), OursChanged(), TheirsChanged(),
                     Same(), base::Join(order, ", "), limit);
}

}  // namespace millpond::version
